// Package need skips tests that the machine has not what they need for, except
// where nothing may be skipped: with ISPYD_TEST_NO_SKIP set, as .ci/run sets it,
// such a test fails.
package need

import (
	"os"
	"os/exec"
	"testing"
)

// Tools skips the test unless all programs are found in PATH, and returns the
// path of the first. Where one has other places a name may be a path.
func Tools(t testing.TB, names ...string) string {
	t.Helper()
	first := ""
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			Skip(t, name+" is not installed")
		}
		if first == "" {
			first = path
		}
	}
	return first
}

// Skip skips the test, or fails it where nothing may be skipped.
func Skip(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("ISPYD_TEST_NO_SKIP") != "" {
		t.Fatal(why)
	}
	t.Skip("NOT TESTED: " + why)
}
