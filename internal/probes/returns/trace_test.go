//go:build linux && amd64

package returns_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// target is testdata/program, which serves.
type target struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Reader
}

func serve(t *testing.T, exe string) *target {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), exe, "serve")
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

// expect gives a command and wants an answer that has all of these in it.
func (p *target) expect(command string, parts ...string) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.in, command); err != nil {
		p.t.Fatalf("%s: %v", command, err)
	}
	got, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatalf("%s: %v", command, err)
	}
	for _, part := range parts {
		if !strings.Contains(got, part) {
			p.t.Errorf("%s: %q, want %q in it", command, got, part)
		}
	}
}

// strace attaches strace and returns once it is, with a way to detach it.
func (p *target) strace() (detach func()) {
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
	r := bufio.NewReader(stderr)
	if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, "attached") {
		cmd.Process.Kill()
		cmd.Wait()
		p.t.Skipf("strace does not attach: %s%v", line, err)
	}
	done := make(chan bool)
	go func() { io.Copy(io.Discard, r); close(done) }()
	return func() {
		cmd.Process.Signal(os.Interrupt)
		<-done
		cmd.Wait()
	}
}

// TestTraced: probes that end, are removed or closed while strace is attached
// stay in the code, without effect once they have ended, and go when it leaves.
func TestTraced(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	p := serve(t, build(t, "program", nil))
	p.expect("load", "ok")
	detach := p.strace()
	p.expect("insert main.plain", "error busy=true", "strace")
	p.expect("observe main.greet", "error busy=true", "strace")
	p.expect("patched", "ok false")
	detach()

	t.Run("end", func(t *testing.T) {
		p.t = t
		p.expect("observe main.fib", "ok") // there is always one that has the consumer at work
		detach := p.strace()
		p.expect("remove main.fib", "error busy=true")
		detach()
		p.expect("remove main.fib", "ok")
		p.expect("insert main.onStack", "ok") // which nobody calls
		p.expect("once main.greet", "ok")
		p.expect("ended", "ok all calls wanted")
		p.expect("remove main.onStack", "ok")
		p.expect("verify", "ok 0")
	})
	t.Run("remove", func(t *testing.T) {
		p.t = t
		p.expect("insert main.plain", "ok")
		p.expect("captured", "ok")
		detach := p.strace()
		p.expect("captured", "ok")
		p.expect("remove main.plain", "error busy=true", "strace")
		p.expect("patched", "ok true")
		p.expect("captured", "ok")
		detach()
		p.expect("remove main.plain", "ok")
		p.expect("verify", "ok 0")
	})
	t.Run("close", func(t *testing.T) {
		p.t = t
		p.expect("insert main.plain", "ok")
		p.expect("observe main.greet", "ok")
		p.expect("captured", "ok")
		detach := p.strace()
		p.expect("close", "error busy=true", "strace")
		p.expect("patched", "ok true")
		p.expect("busy", "ok")
		detach()
		p.expect("restored", "ok")
		p.expect("verify", "ok 0")
		p.expect("insert main.plain", "ok")
		p.expect("captured", "ok")
		p.expect("close", "ok")
	})
	p.t = t
	p.expect("rest", "ok 0")
	p.expect("verify", "ok 0")
}

// TestEndTraced: a probe whose time to end comes while strace is attached.
func TestEndTraced(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	p := serve(t, build(t, "program", nil))
	p.expect("once main.greet", "ok")
	detach := p.strace()
	p.expect("captured", "ok") // the call that ends it
	p.expect("call", "ok 0")
	p.expect("call", "ok 0")
	p.expect("patched", "ok true")
	p.expect("captures", "ok 1\n")
	detach()
	p.expect("ended", "ok all calls wanted")
	p.expect("patched", "ok false")
	p.expect("verify", "ok 0")
	p.expect("call", "ok 0")
}

// TestDelve attaches a debugger to a program with probes, which breaks on the
// functions' beginnings and on their return statements, and leaves.
func TestDelve(t *testing.T) {
	if testing.Short() {
		t.Skip("builds Delve")
	}
	dlv := delve(t)
	source, err := os.ReadFile("testdata/program/functions.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []struct {
		name  string
		flags []string
	}{{"optimised", nil}, {"unoptimised", []string{"-gcflags=all=-N -l"}}} {
		t.Run(b.name, func(t *testing.T) {
			p := serve(t, build(t, "program", nil, b.flags...))
			p.expect("insert main.plain", "ok")
			for _, f := range []string{"main.greet", "main.deep", "main.fib"} {
				p.expect("observe "+f, "ok")
			}
			p.expect("load", "ok")
			for _, f := range []string{"main.plain", "main.greet", "main.deep", "main.fib"} {
				var script strings.Builder
				stop := func(line string) {
					fmt.Fprintf(&script, "%s\ncontinue\nclearall\n", line)
				}
				stop("break " + f)
				lines := returnsOf(t, string(source), strings.TrimPrefix(f, "main."))
				for _, n := range lines {
					stop(fmt.Sprintf("break functions.go:%d", n))
				}
				script.WriteString("quit\n")
				out := p.delve(dlv, script.String())
				if n := strings.Count(out, "> "); n < 1+len(lines) || !strings.Contains(out, f+"()") || strings.Contains(out, "has exited") {
					t.Errorf("%s: dlv:\n%s", f, out)
				}
				p.expect("busy", "ok")
				p.expect("captured", "ok")
			}
			p.expect("rest", "ok 0")
			p.expect("call", "ok 0")
			p.expect("close", "ok")
			p.expect("verify", "ok 0")
		})
	}
}

// returnsOf are the lines of the return statements of a function.
func returnsOf(t *testing.T, source, name string) (lines []int) {
	inside := false
	for i, l := range strings.Split(source, "\n") {
		switch {
		case strings.HasPrefix(l, "func "+name+"("):
			inside = true
		case l == "}":
			inside = false
		case inside && strings.HasPrefix(strings.TrimSpace(l), "return ") && !strings.HasSuffix(l, "return nil"): // which is never reached
			lines = append(lines, i+1)
		}
	}
	if len(lines) == 0 {
		t.Fatalf("no function %s that returns", name)
	}
	return lines
}

func (p *target) delve(dlv, commands string) string {
	p.t.Helper()
	script := filepath.Join(p.t.TempDir(), "script")
	if err := os.WriteFile(script, []byte(commands), 0o600); err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.CommandContext(p.t.Context(), dlv, "attach", "--allow-non-terminal-interactive=true", "--init", script, strconv.Itoa(p.cmd.Process.Pid))
	cmd.Env = append(os.Environ(), "HOME="+p.t.TempDir())
	cmd.Stdin = strings.NewReader("clearall\nquit\nn\n") // quit asks whether to kill the process; the others if a command has failed
	out, err := cmd.CombinedOutput()
	if !strings.Contains(string(out), "> ") {
		p.t.Skipf("dlv does not attach: %v\n%s", err, out)
	}
	return string(out)
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
