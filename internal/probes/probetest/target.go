// Package probetest talks to programs that tests put probes into, and attaches
// other tools to them.
package probetest

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

	"github.com/ispyd/ispyd/internal/need"
)

// Target is a running program that answers each line with one.
type Target struct {
	// T is the test that errors are of; a subtest may put itself in its place.
	T   testing.TB
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Reader
}

// Start runs a command until the test ends, which closes its input.
func Start(t testing.TB, args ...string) *Target {
	t.Helper()
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
	return &Target{t, cmd, in, bufio.NewReader(out)}
}

// Ask gives a command and returns the answer, with the end of its line.
func (p *Target) Ask(command string) string {
	p.T.Helper()
	if _, err := fmt.Fprintln(p.in, command); err != nil {
		p.T.Fatalf("%s: %v", command, err)
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.T.Fatalf("%s: %v", command, err)
	}
	return line
}

// Expect gives a command and wants an answer that has all of these in it.
func (p *Target) Expect(command string, parts ...string) {
	p.T.Helper()
	got := p.Ask(command)
	for _, part := range parts {
		if !strings.Contains(got, part) {
			p.T.Errorf("%s: %q, want %q in it", command, got, part)
		}
	}
}

// Strace attaches strace, see [need.Strace].
func (p *Target) Strace() (tracer int, detach func()) {
	p.T.Helper()
	return need.Strace(p.T, p.cmd.Process.Pid)
}

// Delve attaches dlv, has it run the commands, of which quit is the last, and
// returns what it printed.
func (p *Target) Delve(dlv, commands string) string {
	p.T.Helper()
	script := filepath.Join(p.T.TempDir(), "script")
	if err := os.WriteFile(script, []byte(commands), 0o600); err != nil {
		p.T.Fatal(err)
	}
	cmd := exec.CommandContext(p.T.Context(), dlv, "attach", "--allow-non-terminal-interactive=true", "--init", script, strconv.Itoa(p.cmd.Process.Pid))
	cmd.Env = append(os.Environ(), "HOME="+p.T.TempDir())
	cmd.Stdin = strings.NewReader("clearall\nquit\nn\n") // quit asks whether to kill the process; the others if a command has failed
	out, err := cmd.CombinedOutput()
	if !strings.Contains(string(out), "> ") {
		need.Skip(p.T, fmt.Sprintf("dlv does not attach: %v\n%s", err, out))
	}
	return string(out)
}
