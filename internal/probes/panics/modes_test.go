//go:build linux && amd64

package panics

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// modes are the ways to build that the engine has to support.
var modes = []struct {
	name string
	args []string
	cgo  bool
}{
	{name: "exe"},
	{name: "pie", args: []string{"-buildmode=pie"}},
	{name: "race", args: []string{"-race"}},
	{name: "unoptimised", args: []string{"-gcflags=all=-N -l"}},
	{name: "stripped", args: []string{"-ldflags=-s -w", "-trimpath"}},
	{name: "cgo", args: []string{"-tags=withcgo"}, cgo: true},
	{name: "cgo pie", args: []string{"-tags=withcgo", "-buildmode=pie"}, cgo: true},
	{name: "cgo static", args: []string{"-tags=withcgo", "-ldflags=-extldflags=-static"}, cgo: true},
	{name: "v3", args: nil},
}

func build(t testing.TB, pkg string, cgo bool, args ...string) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "program")
	cmd := exec.Command("go", append(append([]string{"build", "-o", exe}, args...), pkg)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if cgo || strings.Contains(strings.Join(args, " "), "-race") {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	}
	if strings.HasSuffix(t.Name(), "v3") {
		cmd.Env = append(cmd.Env, "GOAMD64=v3")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return exe
}

// TestModes runs the suite of testdata/semantics in programs built in each way.
func TestModes(t *testing.T) {
	_, noCC := exec.LookPath("gcc")
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			if testing.Short() && m.name != "exe" && m.name != "cgo pie" {
				t.Skip("short")
			}
			if m.cgo && noCC != nil {
				t.Skip(noCC)
			}
			exe := build(t, "./testdata/semantics", m.cgo, m.args...)
			for _, args := range [][]string{nil, {"stress"}} {
				cmd := exec.CommandContext(t.Context(), exe, args...)
				// Freed memory is overwritten, and stacks shrink at every collection.
				cmd.Env = append(os.Environ(), "GODEBUG=clobberfree=1", "GOTRACEBACK=all")
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("%v: %v\n%s", args, err, stderr.Bytes())
				}
				if n := strings.Count(string(out), "\n"); n < 60 || stderr.Len() > 0 {
					t.Errorf("%v: %d lines:\n%s%s", args, n, out, stderr.Bytes())
				}
			}
			// The runtime sees no deadlocks where C may have threads.
			fatal(t, exe, m.cgo || m.name == "race")
		})
	}
}

// fatal compares how the program ends, with the hook and without.
func fatal(t *testing.T, exe string, cgo bool) {
	names := []string{"panic", "nil", "nested", "re-panic", "goroutine", "bad error", "throw", "overflow", "all", "system"}
	if !cgo {
		names = append(names, "deadlock", "goexit")
	}
	for _, name := range names {
		var ends [2]string
		for i, args := range [][]string{{"fatal", name}, {"fatal", name, "hook"}} {
			var stderr bytes.Buffer
			cmd := exec.CommandContext(t.Context(), exe, args...)
			cmd.Stderr = &stderr
			err := cmd.Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) {
				t.Fatalf("%v: %v", args, err)
			}
			ends[i] = exit.String() + "\n" + normalise(stderr.String())
		}
		if ends[0] != ends[1] || len(ends[0]) < 50 {
			t.Errorf("%s: bare:\n%s\nhooked:\n%s", name, ends[0], ends[1])
		}
	}
}

var addresses = regexp.MustCompile(`0x[0-9a-f]+|goroutine [0-9]+|m=[0-9]+|goid=[0-9]+`)

// normalise takes out addresses and numbers, and what other goroutines do: the
// runtime's own are at another place each time.
func normalise(s string) string {
	head, rest, _ := strings.Cut(addresses.ReplaceAllString(s, "N"), "\n\n")
	first, _, _ := strings.Cut(rest, "\n\n")
	return head + "\n\n" + strings.TrimSpace(first) // whether or not others follow
}
