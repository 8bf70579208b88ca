package term

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	xterm "golang.org/x/term"

	"github.com/ispyd/ispyd/internal/need"
)

// terminal is a pseudo terminal that answers no questions, with the child on it.
type terminal struct {
	t    *testing.T
	ours *os.File
	slot *os.File
	cmd  *exec.Cmd
	seen string
	all  bytes.Buffer
}

func newTerminal(t *testing.T, env ...string) *terminal {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		need.Skip(t, "no terminal to be had: "+err.Error())
	}
	t.Cleanup(func() { ours.Close() })
	if err := unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slot, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slot.Close() })
	unix.IoctlSetWinsize(int(ours.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1", "TERM=xterm", "NO_COLOR=", "XDG_STATE_HOME="+t.TempDir())
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slot, slot, slot
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return &terminal{t: t, ours: ours, slot: slot, cmd: cmd}
}

func (p *terminal) expect(want string) {
	p.t.Helper()
	stuck := time.AfterFunc(20*time.Second, func() { panic(fmt.Sprintf("waiting for %q after %q", want, p.seen)) })
	defer stuck.Stop()
	b := make([]byte, 1024)
	for !strings.Contains(p.seen, want) {
		n, err := p.ours.Read(b)
		if err != nil {
			p.t.Fatalf("waiting for %q: %v, after %q", want, err, p.seen)
		}
		p.seen += string(b[:n])
		p.all.Write(b[:n])
	}
	_, p.seen, _ = strings.Cut(p.seen, want)
}

func (p *terminal) enter(text string) {
	p.t.Helper()
	if _, err := p.ours.WriteString(text); err != nil {
		p.t.Fatal(err)
	}
}

var colors = regexp.MustCompile(`\x1b\[([0-9;]*;)?(3[0-8]|4[0-8]|9[0-7]|10[0-7])(;[0-9;]*)?m`)

func TestTerminal(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  []string
	}{
		{"color", nil},
		{"no color", []string{"NO_COLOR=1"}},
		{"dumb", []string{"TERM=dumb"}},
		{"bad inputrc", []string{"INPUTRC=/proc/self/exe"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newTerminal(t, tt.env...)
			before, err := xterm.GetState(int(p.slot.Fd()))
			if err != nil {
				t.Fatal(err)
			}
			p.expect("(ispyd) ")
			p.enter("hello\r")
			p.expect(`got "hello"`)
			p.expect("(ispyd) ")
			p.enter("half a li\x03")
			p.expect("dropped")
			p.expect("(ispyd) ")
			p.enter("for; do\r")
			p.enter("done\r")
			p.expect(`got "for; do\ndone"`)
			p.expect("(ispyd) ")
			if tt.name != "dumb" {
				p.enter("\x12hel")
				p.expect("hello")
				p.enter("\r")
				p.expect(`got "hello"`)
				p.expect("(ispyd) ")
				p.enter("c\t")
				p.expect("change the directory")
				p.enter("\x03")
				p.expect("(ispyd) ")
			}
			p.enter("run printf rea; echo dy; cat\r")
			p.expect("ready")
			p.enter("mine\r")
			p.expect("mine")
			p.expect("mine")
			p.enter("\x04")
			p.expect("ran: <nil>")
			p.expect("(ispyd) ")
			p.enter("\x04")
			p.expect("bye")
			if err := p.cmd.Wait(); err != nil {
				t.Error(err)
			}
			after, err := xterm.GetState(int(p.slot.Fd()))
			if err != nil {
				t.Fatal(err)
			}
			if *before != *after {
				t.Error("the terminal is not what it was")
			}
			all := p.all.String()
			if strings.Contains(all, "\x1b[6n") {
				t.Error("the terminal is asked where the cursor is")
			}
			if got := colors.FindString(all); (tt.name == "no color" || tt.name == "dumb") && got != "" {
				t.Errorf("there is a colour: %q", got)
			}
			if tt.name == "dumb" && strings.Contains(all, "\x1b") {
				t.Errorf("a dumb terminal is told to do tricks: %q", all)
			}
		})
	}
}
