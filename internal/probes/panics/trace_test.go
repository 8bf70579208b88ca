//go:build linux && amd64

package panics

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ispyd/ispyd/internal/need"
	"github.com/ispyd/ispyd/internal/probes/probetest"
)

var targetDir string

var targetProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "target")
	if err != nil {
		return "", err
	}
	targetDir = dir
	exe := filepath.Join(dir, "target")
	out, err := exec.Command("go", "build", "-o", exe, "./testdata/target").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return exe, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(targetDir)
	os.Exit(code)
}

// start runs the target, under the command and arguments of before.
func start(t *testing.T, before ...string) *probetest.Target {
	t.Helper()
	exe, err := targetProgram()
	if err != nil {
		t.Fatal(err)
	}
	return probetest.Start(t, append(before, exe)...)
}

func TestTraced(t *testing.T) {
	p := start(t)
	pid, detach := p.Strace()
	busy := fmt.Sprintf("traced by process %d (strace)", pid)
	p.Expect("install", "error busy=true", busy)
	p.Expect("check", "not traced: this process is "+busy)
	p.Expect("installed", "false")
	detach()
	p.Expect("install", "ok")
	p.Expect("panic", "ok 1")
	pid, detach = p.Strace()
	busy = fmt.Sprintf("traced by process %d (strace)", pid)
	p.Expect("panic", "ok 1")
	p.Expect("remove", "error busy=true", busy)
	p.Expect("installed", "true")
	p.Expect("panic", "ok 0") // the hook is empty
	detach()
	p.Expect("remove", "ok")
	p.Expect("panic", "ok 0")
	p.Expect("verify", "ok 0")
	p.Expect("check", "ok")
}

// TestLoad puts the hook in and out while the program panics on many
// goroutines, is profiled, collects and starts children; then strace attaches.
func TestLoad(t *testing.T) {
	p := start(t)
	p.Expect("load", "ok")
	p.Expect("toggle", "ok")
	p.Expect("install", "ok")
	for range 3 {
		_, detach := p.Strace()
		p.Expect("hits", "ok")
		detach()
		p.Expect("hits", "ok")
	}
	p.Expect("rest", "ok true")
	p.Expect("remove", "ok")
	p.Expect("verify", "ok 0")
}

// TestDelve attaches a debugger to a program that is hooked.
func TestDelve(t *testing.T) {
	if testing.Short() {
		t.Skip("builds Delve")
	}
	dlv := need.Delve(t)
	p := start(t)
	p.Expect("load", "ok")
	p.Expect("install", "ok")
	for range 2 {
		// A breakpoint in what panics, and one in gopanic, a few bytes behind the jump.
		out := p.Delve(dlv, "break main.once\ncontinue\nclearall\nbreak runtime.gopanic\ncontinue\nstack\nclearall\nquit\n")
		if !strings.Contains(out, "runtime.gopanic") {
			t.Errorf("dlv:\n%s", out)
		}
		p.Expect("hits", "ok")
	}
	p.Expect("rest", "ok true")
	p.Expect("panic", "ok 1")
	p.Expect("remove", "ok")
	p.Expect("panic", "ok 0")
	p.Expect("verify", "ok 0")
}

// TestDenied has what the engine needs denied by the kernel.
func TestDenied(t *testing.T) {
	for _, c := range []struct{ deny, install, check string }{
		{"deny mmap", "operation not permitted", "executable mapping: "},
		{"deny mem", "/proc/self/mem: permission denied", "/proc/self/mem: "},
		{"deny membarrier", "membarrier", "membarrier: "},
	} {
		t.Run(c.deny, func(t *testing.T) {
			p := start(t)
			if got := strings.TrimSpace(p.Ask(c.deny)); got != "ok" {
				t.Skip(got)
			}
			p.Expect("install", "error", c.install)
			p.Expect("check", c.check)
			p.Expect("installed", "false")
			p.Expect("panic", "ok 0")
		})
	}
	// Denied after it went in: it stays, and its hook is not called.
	p := start(t)
	p.Expect("install", "ok")
	p.Expect("panic", "ok 1")
	if got := strings.TrimSpace(p.Ask("deny mem")); got != "ok" {
		t.Skip(got)
	}
	p.Expect("remove", "/proc/self/mem: permission denied")
	p.Expect("installed", "true")
	p.Expect("panic", "ok 0")
}

// TestReadOnlyProc is a container with /proc mounted read-only.
func TestReadOnlyProc(t *testing.T) {
	bwrap := need.Tools(t, "bwrap")
	if out, err := exec.Command(bwrap, "--bind", "/", "/", "--ro-bind", "/proc", "/proc", "/bin/true").CombinedOutput(); err != nil {
		t.Skipf("bwrap: %v %s", err, out)
	}
	p := start(t, bwrap, "--bind", "/", "/", "--ro-bind", "/proc", "/proc")
	p.Expect("install", "error", "/proc/self/mem: read-only file system")
	p.Expect("check", "/proc/self/mem: ", "mount /proc writable")
	p.Expect("panic", "ok 0")
}
