//go:build linux && amd64

package returns_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestSurvey looks at all functions of a large program. Jump landings depend on
// what lies above the program: position-independent ones have room below, too.
func TestSurvey(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a large program")
	}
	// Alternatives beside an epilogue that a debugger cannot spoil are few.
	for _, c := range []struct {
		name    string
		landing int // per cent of those with fitting code
		flags   []string
	}{
		{"exe", 75, nil},
		{"pie", 75, []string{"-buildmode=pie"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := strings.TrimSpace(run(t, build(t, "survey", nil, c.flags...)))
			last := out[strings.LastIndex(out, "\n")+1:]
			var functions, candidates, planned, checked, mismatch, tried, landed int
			if _, err := fmt.Sscanf(last, "functions %d candidates %d planned %d checked %d mismatch %d tried %d landed %d",
				&functions, &candidates, &planned, &checked, &mismatch, &tried, &landed); err != nil {
				t.Fatalf("%v:\n%s", err, out)
			}
			if functions < 10000 || candidates < 1000 || planned < candidates*88/100 || checked < planned*95/100 || mismatch > candidates/100 || landed < tried*c.landing/100 {
				t.Error(out)
			}
			t.Log("\n" + out)
		})
	}
}
