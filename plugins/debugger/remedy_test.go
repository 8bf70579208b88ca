package debugger_test

import (
	"strings"
	"testing"
)

// A refusal says what would help; that all has been done already is no refusal.
func TestRemedies(t *testing.T) {
	needEngine(t)
	v := start(t, binary(t), on)
	v.want("ok", "ctl insert -error main.*")
	for _, f := range []string{"main.(*Shop).pay", "main.(*Shop).*", "main.*"} {
		if got := v.do("ctl insert -error %s", f); !strings.Contains(got, "a probe") {
			t.Errorf("%s again: %q", f, got)
		}
	}
	if got := v.do("ctl observe main.leaf"); !strings.Contains(got, "; put the probe on a function that calls it, or build with -gcflags='main=") {
		t.Errorf("a leaf: %q", got)
	}
	v.want("<nil>", "close")
}
