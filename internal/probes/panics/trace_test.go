//go:build linux && amd64

package panics

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// target is a running testdata/target.
type target struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Reader
}

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
func start(t *testing.T, before ...string) *target {
	t.Helper()
	exe, err := targetProgram()
	if err != nil {
		t.Fatal(err)
	}
	args := append(before, exe)
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("target: %v", err)
		}
	})
	return &target{t, cmd, in, bufio.NewReader(out)}
}

// ask gives a command and returns the answer.
func (p *target) ask(command string) string {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.in, command); err != nil {
		p.t.Fatal(err)
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatalf("%s: %v", command, err)
	}
	return strings.TrimSpace(line)
}

// expect wants an answer that has all of these in it.
func (p *target) expect(command string, parts ...string) {
	p.t.Helper()
	got := p.ask(command)
	for _, part := range parts {
		if !strings.Contains(got, part) {
			p.t.Errorf("%s: %q, want %q in it", command, got, part)
		}
	}
}

// strace attaches strace and returns once it is, with a way to detach it.
func (p *target) strace() (pid int, detach func()) {
	p.t.Helper()
	path, err := exec.LookPath("strace")
	if err != nil {
		p.t.Skip(err)
	}
	cmd := exec.Command(path, "-f", "-o", "/dev/null", "-p", strconv.Itoa(p.cmd.Process.Pid))
	stderr, err := cmd.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	// strace tells each thread that it attaches; the first is the leader.
	r := bufio.NewReader(stderr)
	if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, "attached") {
		p.t.Skipf("strace does not attach: %s%v", line, err)
	}
	go io.Copy(io.Discard, r)
	return cmd.Process.Pid, func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	}
}

func TestTraced(t *testing.T) {
	p := start(t)
	pid, detach := p.strace()
	busy := fmt.Sprintf("traced by process %d (strace)", pid)
	p.expect("install", "error busy=true", busy)
	p.expect("check", "not traced: this process is "+busy)
	p.expect("installed", "false")
	detach()
	p.expect("install", "ok")
	p.expect("panic", "ok 1")
	pid, detach = p.strace()
	busy = fmt.Sprintf("traced by process %d (strace)", pid)
	p.expect("panic", "ok 1")
	p.expect("remove", "error busy=true", busy)
	p.expect("installed", "true")
	p.expect("panic", "ok 0") // the hook is empty
	detach()
	p.expect("remove", "ok")
	p.expect("panic", "ok 0")
	p.expect("verify", "ok 0")
	p.expect("check", "ok")
}

// TestLoad puts the hook in and out while the program panics on many
// goroutines, is profiled, collects and starts children; then strace attaches.
func TestLoad(t *testing.T) {
	p := start(t)
	p.expect("load", "ok")
	p.expect("toggle", "ok")
	p.expect("install", "ok")
	for range 3 {
		_, detach := p.strace()
		p.expect("hits", "ok")
		detach()
		p.expect("hits", "ok")
	}
	p.expect("rest", "ok true")
	p.expect("remove", "ok")
	p.expect("verify", "ok 0")
}

// TestDelve attaches a debugger to a program that is hooked.
func TestDelve(t *testing.T) {
	if testing.Short() {
		t.Skip("builds Delve")
	}
	dlv := delve(t)
	p := start(t)
	p.expect("load", "ok")
	p.expect("install", "ok")
	for range 2 {
		script := filepath.Join(t.TempDir(), "script")
		// A breakpoint in what panics, and one in gopanic, a few bytes behind the jump.
		text := "break main.once\ncontinue\nclearall\nbreak runtime.gopanic\ncontinue\nstack\nclearall\nquit\n"
		if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), dlv, "attach", "--allow-non-terminal-interactive=true", "--init", script, strconv.Itoa(p.cmd.Process.Pid))
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
		cmd.Stdin = strings.NewReader("n\n") // quit asks whether to kill the process
		out, err := cmd.CombinedOutput()
		if !strings.Contains(string(out), "> ") {
			t.Skipf("dlv does not attach: %v\n%s", err, out)
		}
		if !strings.Contains(string(out), "runtime.gopanic") {
			t.Errorf("dlv: %v\n%s", err, out)
		}
		p.expect("hits", "ok")
	}
	p.expect("rest", "ok true")
	p.expect("panic", "ok 1")
	p.expect("remove", "ok")
	p.expect("panic", "ok 0")
	p.expect("verify", "ok 0")
}

// delve builds the command.
func delve(t *testing.T) string {
	dir := t.TempDir()
	cmd := exec.Command("go", "install", "github.com/go-delve/delve/cmd/dlv@v1.27.2")
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("no Delve: %v\n%s", err, out)
	}
	return filepath.Join(dir, "dlv")
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
			if got := p.ask(c.deny); got != "ok" {
				t.Skip(got)
			}
			p.expect("install", "error", c.install)
			p.expect("check", c.check)
			p.expect("installed", "false")
			p.expect("panic", "ok 0")
		})
	}
	// Denied after it went in: it stays, and its hook is not called.
	p := start(t)
	p.expect("install", "ok")
	p.expect("panic", "ok 1")
	if got := p.ask("deny mem"); got != "ok" {
		t.Skip(got)
	}
	p.expect("remove", "/proc/self/mem: permission denied")
	p.expect("installed", "true")
	p.expect("panic", "ok 0")
}

// TestReadOnlyProc is a container with /proc mounted read-only.
func TestReadOnlyProc(t *testing.T) {
	bwrap, err := exec.LookPath("bwrap")
	if err != nil {
		t.Skip(err)
	}
	if out, err := exec.Command(bwrap, "--bind", "/", "/", "--ro-bind", "/proc", "/proc", "/bin/true").CombinedOutput(); err != nil {
		t.Skipf("bwrap: %v %s", err, out)
	}
	p := start(t, bwrap, "--bind", "/", "/", "--ro-bind", "/proc", "/proc")
	p.expect("install", "error", "/proc/self/mem: read-only file system")
	p.expect("check", "/proc/self/mem: ", "mount /proc writable")
	p.expect("panic", "ok 0")
}
