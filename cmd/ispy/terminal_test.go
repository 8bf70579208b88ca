package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ispyd/ispyd/internal/need"
)

// screen is a real terminal, of tmux, with ispy in it.
type screen struct {
	t      *testing.T
	socket string
}

// onScreen starts a command line in a terminal of its own.
func onScreen(t *testing.T, command string, env ...string) *screen {
	t.Helper()
	tmux := need.Tools(t, "tmux")
	dir, err := os.MkdirTemp("", "t")
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{t, filepath.Join(dir, "tmux")}
	t.Cleanup(func() {
		exec.Command(tmux, "-S", s.socket, "kill-server").Run()
		os.RemoveAll(dir)
	})
	args := []string{"-S", s.socket, "-f", "/dev/null", "new-session", "-d", "-x", "180", "-y", "40"}
	for _, e := range append(env, "XDG_STATE_HOME="+filepath.Join(dir, "state")) {
		args = append(args, "-e", e)
	}
	cmd := exec.Command(tmux, append(args, "trap : INT; "+command+"; echo ended with $?; exec sleep 1000")...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "LC_ALL=C.UTF-8", "SHELL=/bin/sh")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("tmux: %v\n%s", err, out)
	}
	return s
}

func (s *screen) tmux(args ...string) string {
	s.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", s.socket}, args...)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("tmux %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// types presses keys: names that tmux knows (Enter, C-c), and texts.
func (s *screen) types(keys ...string) {
	s.t.Helper()
	for _, k := range keys {
		if len(k) > 1 && k != "Enter" && k != "Tab" && !strings.HasPrefix(k, "C-") && k != "S-F3" {
			s.tmux("send-keys", "-l", k)
		} else {
			s.tmux("send-keys", k)
		}
	}
}

// text is what the screen shows.
func (s *screen) text() string {
	s.t.Helper()
	return strings.TrimRight(s.tmux("capture-pane", "-p", "-S", "-200"), "\n ")
}

// shows waits until the last lines of the screen are these, whatever was above.
func (s *screen) shows(want string) string {
	s.t.Helper()
	text := ""
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		text = s.text()
		if strings.HasSuffix(text, want) {
			return text
		}
	}
	s.t.Fatalf("the screen does not end with\n%s\nbut shows\n%s", want, text)
	return ""
}

// The session of the first ispyd, typed by a person.
func TestSeedOnTerminal(t *testing.T) {
	conf, pid := startProgram(t)
	s := onScreen(t, "ispy "+conf)
	s.shows("running\n(ispyd)")
	s.types("servers", "Enter")
	s.shows("running\n(ispyd)")
	s.types("connect 1", "Enter")
	s.shows("(ispyd:" + pid + ")")
	s.types("plu", "Tab")
	s.shows("(ispyd:" + pid + ") plugins\nplugins: list the plugins of the program, with what each shows")
	s.types("Enter")
	if text := s.shows("(ispyd:" + pid + ")"); !strings.Contains(text, "process") {
		t.Errorf("plugins shows\n%s", text)
	}
	s.types("shell proc", "Tab", "Enter")
	s.shows("(process:" + pid + ")")
	s.types("cwd", "Enter")
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	s.shows("(process:" + pid + ") cwd\n" + wd + "\n(process:" + pid + ")")
	s.types("exit", "Enter")
	s.shows("exit\n(ispyd:" + pid + ")")
	s.types("exit", "Enter")
	s.shows("exit\n(ispyd)")
	s.types("exit", "Enter")
	s.shows("exit\nended with 0")
}

// Ctrl-C ends what runs, at the program too, but not the shell; Ctrl-R finds what
// was typed; Ctrl-D leaves; the prompt says when the program has gone, and connect
// finds its successor.
func TestKeysOnTerminal(t *testing.T) {
	conf, other, _ := startProgramTalking(t)
	first, said := startIn(t, conf)
	pid := fmt.Sprint(first.Process.Pid)
	says := func(r *bufio.Reader, want string) {
		t.Helper()
		if line, err := r.ReadString('\n'); err != nil || line != want+"\n" {
			t.Fatalf("the program said %q, %v, want %s", line, err, want)
		}
	}
	s := onScreen(t, "ispy -timeout 1m "+conf)
	s.shows("running\n(ispyd)")
	s.types("connect", "Enter")
	s.shows("say which (connect PID): " + fmt.Sprintf("%d (program), %s (program)", other.Process.Pid, pid) + "\n(ispyd)")
	s.types("connect "+pid, "Enter")
	s.shows("(ispyd:" + pid + ")")
	s.types("cat test/hang", "Enter")
	says(said, "hanging")
	s.types("C-c")
	says(said, "cancelled")
	s.shows("^C\n(ispyd:" + pid + ")")
	s.types("echo begun; sleep 1000", "Enter")
	s.shows("\nbegun")
	s.types("C-c")
	s.shows("begun\n^C\n(ispyd:" + pid + ")")
	// A loop ends as a whole, and ispy goes on.
	s.types("echo looping; while true; do cat test/hello > /dev/null; done", "Enter")
	s.shows("\nlooping")
	s.types("C-c")
	s.shows("looping\n^C\n(ispyd:" + pid + ")")
	s.types("echo $?", "Enter")
	s.shows("130\n(ispyd:" + pid + ")")
	// What runs in the background goes on after its line.
	s.types("{ sleep 0.2; echo say later > test/ctl; } &", "Enter")
	says(said, `said ["later"]`)
	// Texts of several lines.
	s.types("cat <<E", "Enter", "typed", "Enter", "E", "Enter")
	s.shows("typed\n(ispyd:" + pid + ")")
	s.types("echo dropped", "C-c")
	s.shows("(ispyd:" + pid + ")")
	s.types("for x in a b", "Enter", "do cat test/hello", "Enter", "done", "Enter")
	s.shows("hello, world\nhello, world\n(ispyd:" + pid + ")")
	s.types("C-r", "test/hel")
	s.types("Enter")
	s.shows("hello, world\nhello, world\n(ispyd:" + pid + ")")
	s.types("shell probes", "Enter")
	s.shows("(probes:" + pid + ")")
	s.types("insert main.(", "Tab")
	s.types("Enter")
	says(said, `inserted ["main.(*Server).order"]`)
	s.shows("(probes:" + pid + ")")
	s.types("cat /", pid+"/large/binary", "Enter")
	if text := s.shows("/large/binary > local:FILE saves it\n(probes:" + pid + ")"); strings.Contains(text, "evil") {
		t.Errorf("a binary file on the terminal:\n%s", text)
	}
	s.types("cat ../large/text | less", "Enter")
	s.shows(":")
	s.types("q")
	s.shows("(probes:" + pid + ")")

	second, _ := startIn(t, conf)
	next := fmt.Sprint(second.Process.Pid)
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	first.Wait()
	s.types("true", "Enter") // a prompt may have come before the news
	for !strings.HasSuffix(s.text(), "(probes:"+pid+" gone)") {
		s.types("true", "Enter")
	}
	s.shows("(probes:" + pid + " gone)")
	s.types("functions", "Enter")
	s.shows("its program has ended without removing it\n(probes:" + pid + " gone)")
	s.types("connect", "Enter")
	s.shows(pid + " has gone; now in " + next + " (program)\n(ispyd:" + next + ")")
	s.types("C-d")
	s.shows("exit\n(ispyd)")
	s.types("S-F3", "pwd", "Enter") // looks like an answer of the terminal
	s.shows("pwd\n/\n(ispyd)")
	s.types("C-d")
	s.shows("ended with 0")
}

// A program that is stopped does not stop the shell.
func TestFrozenOnTerminal(t *testing.T) {
	conf, cmd, _ := startProgramTalking(t)
	pid := fmt.Sprint(cmd.Process.Pid)
	s := onScreen(t, "ispy -timeout 1s "+conf)
	s.shows("running\n(ispyd)")
	s.types("connect", "Enter")
	s.shows("(ispyd:" + pid + ")")
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Signal(syscall.SIGCONT)
	s.types("cat test/hello", "Enter")
	s.shows("timed out: " + pid + " is stopped (SIGSTOP)\n(ispyd:" + pid + ")")
	s.types("cat test/", "Tab")
	s.shows("no answer from " + pid)
	s.types("C-c")
	s.shows("(ispyd:" + pid + ")")
	s.types("echo alive", "Enter")
	s.shows("alive\n(ispyd:" + pid + ")")
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	s.types("cat test/hello", "Enter")
	s.shows("hello, world\n(ispyd:" + pid + ")")
}

// Without a place for the history there is one warning and a shell.
func TestHistoryThatCannotBeWritten(t *testing.T) {
	conf, pid := startProgram(t)
	s := onScreen(t, "XDG_STATE_HOME=/dev/null ispy "+conf)
	s.shows("running\n(ispyd)")
	s.types("connect", "Enter")
	s.shows("(ispyd:" + pid + ")")
	s.types("pwd", "Enter")
	text := s.shows("pwd\n/" + pid + "\n(ispyd:" + pid + ")")
	if strings.Count(text, "history") != 1 {
		t.Errorf("the screen shows\n%s", text)
	}
}
