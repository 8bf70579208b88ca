package symbols

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// buildHelper builds testdata/helper: test binaries have no debug information.
func buildHelper(t testing.TB, flags ...string) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "helper")
	args := append(append([]string{"build", "-o", exe}, flags...), "./testdata/helper")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return exe
}
