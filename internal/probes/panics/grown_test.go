//go:build linux && amd64

package panics

import (
	"fmt"
	"os/exec"
	"testing"
)

// The bounds of the stack are those of before it has moved, also where gopanic
// itself had it grow: with them each pointer that was left behind leads to what it
// led to.
func TestGrown(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	out, err := exec.Command(build(t, "./testdata/grown", false, "-gcflags=all=-N -l")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var seen, moved, wrong int
	if _, err := fmt.Sscanf(string(out), "seen %d moved %d wrong %d", &seen, &moved, &wrong); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if seen != 600 || moved == 0 || wrong != 0 {
		t.Errorf("%s", out)
	}
}
