package term

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ispyd/ispyd/internal/need"
)

// session is a terminal of its own, with the child in it.
type session struct {
	t      *testing.T
	socket string
	state  string
}

func newSession(t *testing.T, state string, columns, lines int) *session {
	t.Helper()
	need.Tools(t, "tmux")
	dir, err := os.MkdirTemp("", "i")
	if err != nil {
		t.Fatal(err)
	}
	s := &session{t, filepath.Join(dir, "s"), state}
	t.Cleanup(func() {
		s.tmux("kill-server")
		os.RemoveAll(dir)
	})
	if out, err := s.tmux("-f", os.DevNull, "new-session", "-d", "-x", fmt.Sprint(columns), "-y", fmt.Sprint(lines),
		"-e", childEnv+"=1", "-e", "XDG_STATE_HOME="+state, "-e", "INPUTRC="+os.DevNull, "-e", "LANG=C.UTF-8", "exec "+os.Args[0]); err != nil {
		t.Fatalf("tmux: %v: %s", err, out)
	}
	return s
}

func (s *session) tmux(args ...string) (string, error) {
	cmd := exec.Command("tmux", append([]string{"-u", "-S", s.socket}, args...)...)
	cmd.Env = append(os.Environ(), "LANG=C.UTF-8")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// keys presses keys by their names; text is typed as it is.
func (s *session) keys(names ...string) {
	s.t.Helper()
	if out, err := s.tmux(append([]string{"send-keys"}, names...)...); err != nil {
		s.t.Fatalf("tmux: %v: %s", err, out)
	}
}

func (s *session) text(text string) {
	s.t.Helper()
	s.keys("-l", "--", text)
}

// screen waits until the screen has the text.
func (s *session) screen(want string) {
	s.t.Helper()
	s.until(fmt.Sprintf("%q", want), func(screen string) bool { return strings.Contains(screen, want) })
}

func (s *session) until(what string, ok func(screen string) bool) {
	s.t.Helper()
	var screen string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if screen, _ = s.tmux("capture-pane", "-p"); ok(screen) {
			return
		}
	}
	s.t.Fatalf("no %s on the screen:\n%s", what, screen)
}

// last waits until the last row that is not empty is this.
func (s *session) last(want string) {
	s.t.Helper()
	s.until(fmt.Sprintf("last row %q", want), func(screen string) bool {
		rows := strings.Split(strings.TrimRight(screen, " \n"), "\n")
		return strings.TrimRight(rows[len(rows)-1], " ") == want
	})
}

func TestTmux(t *testing.T) {
	state := t.TempDir()
	s := newSession(t, state, 80, 24)
	s.last("(ispyd)")

	// Tab: what is certain, then the list with docs, then one after the other.
	s.text("c")
	s.keys("Tab")
	s.screen("(ispyd) c\ncat  print files\ncd   change the directory")
	s.keys("Tab")
	s.screen("(ispyd) cat")
	s.keys("Tab")
	s.screen("(ispyd) cd")
	s.keys("BTab")
	s.screen("(ispyd) cat")
	s.text(" pro")
	s.screen("cat PATH...: print files") // the hint
	s.keys("Tab")
	s.screen("(ispyd) cat process/")
	s.keys("Enter")
	s.screen(`got "cat process/"`)
	s.last("(ispyd)")

	// A word is found by its middle, letters beyond ASCII are letters.
	s.text("Server")
	s.keys("Tab", "Enter")
	s.screen(`got "main.(*Server).order "`)
	s.text("echo grü")
	s.keys("Tab", "Enter")
	s.screen(`got "echo grüße "`)
	s.text("zz")
	s.keys("Tab")
	s.screen("no answer from 14905")

	// Ctrl-C drops what was typed.
	s.keys("C-c")
	s.screen("dropped")
	s.last("(ispyd)")

	// A text of several lines, then found again.
	s.text("for x; do")
	s.keys("Enter")
	s.text("echo")
	s.keys("Enter")
	s.text("done")
	s.keys("Enter")
	s.screen(`got "for x; do\necho\ndone"`)
	s.keys("C-r")
	s.text("proc")
	s.screen("history (inc-search): proc")
	s.keys("Enter")
	s.until("two equal lines", func(screen string) bool { return strings.Count(screen, `got "cat process/"`) == 2 })

	// What is run has the terminal to itself.
	s.text("run printf rea; echo dy; read a; read b; echo $b-$a")
	s.keys("Enter")
	s.screen("ready")
	s.text("one")
	s.keys("Enter")
	s.text("two")
	s.keys("Enter")
	s.screen("two-one")
	s.screen("ran: <nil>")
	s.text("run printf half")
	s.keys("Enter")
	s.screen("halfran")
	s.last("(ispyd)")
	s.text(" secret")
	s.keys("Enter")
	s.screen(`got " secret"`)
	s.last("(ispyd)")
	s.keys("C-d")
	s.until("end", func(screen string) bool {
		return strings.Contains(screen, "bye") || screen == "" || strings.Contains(screen, "no server")
	})

	// The next run knows it all, but what began with a blank.
	t.Run("again", func(t *testing.T) {
		s := newSession(t, state, 80, 24)
		s.last("(ispyd)")
		s.keys("Up")
		s.screen("(ispyd) run printf half")
		s.keys("C-c")
		s.last("(ispyd)")
		s.keys("C-r")
		s.text("for")
		s.screen("for x; do")
		s.keys("Enter")
		s.screen(`got "for x; do\necho\ndone"`)
	})
}

// The screen stays right where there is little of it, and when it changes.
func TestTmuxNarrow(t *testing.T) {
	s := newSession(t, t.TempDir(), 20, 8)
	s.last("(ispyd)")
	s.text("run seq 20")
	s.keys("Enter")
	s.screen("19\n20\nran: <nil>\n(ispyd)")
	for _, part := range []string{"abcdefghij", "klmnopq", "rstuvw", "xyz"} {
		s.text(part)
		s.screen(part[len(part)-1:])
	}
	s.screen("20\nran: <nil>\n(ispyd) abcdefghijkl\nmnopqrstuvwxyz")
	s.keys("Enter")
	s.screen("got \"abcdefghijklmn")
	s.last("(ispyd)")
	s.text("g")
	s.keys("Tab")
	s.screen("grep   search\ngrüße  kind")
	s.keys("C-c")
	s.last("(ispyd)")
	s.tmux("resize-window", "-x", "40", "-y", "10")
	s.text("abcdefghijklmnopqrstuvwxyz0123456789")
	s.screen("(ispyd) abcdefghijklmnopqrstuvwxyz012345\n6789")
}
