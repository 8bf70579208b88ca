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

	"golang.org/x/sys/unix"
)

// openTerminal returns the two ends of a new terminal: ours, and the program's.
func openTerminal(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminal to be had: %v", err)
	}
	t.Cleanup(func() { ours.Close() })
	if err := unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { theirs.Close() })
	return ours, theirs
}

// A person types: prompts, and Ctrl-C ends what runs, at the program too, but not
// the shell.
func TestTerminal(t *testing.T) {
	dir, err := os.MkdirTemp("", "i")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	conf := filepath.Join(dir, "ispyd.toml")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "[ispyd]\nlisten = %q\n", dir+"/run/%(pid)s.sock"), 0o600); err != nil {
		t.Fatal(err)
	}
	prog := exec.Command("program", conf)
	out, err := prog.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := prog.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { prog.Process.Kill(); prog.Wait() }()
	said := bufio.NewReader(out)
	says := func(want string) {
		t.Helper()
		if line, err := said.ReadString('\n'); err != nil || !strings.HasPrefix(line, want) {
			t.Fatalf("the program said %q, %v, want %s", line, err, want)
		}
	}
	says("ready")
	pid := fmt.Sprint(prog.Process.Pid)

	ours, theirs := openTerminal(t)
	sh := exec.Command("ispy", "-timeout", "1m", conf)
	sh.Stdin, sh.Stdout, sh.Stderr = theirs, theirs, theirs
	sh.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := sh.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { sh.Process.Kill(); sh.Wait() }()
	var seen strings.Builder
	p := make([]byte, 1024)
	expect := func(want string) {
		t.Helper()
		for !strings.Contains(seen.String(), want) {
			n, err := ours.Read(p)
			if err != nil {
				t.Fatalf("waiting for %q: %v, after %q", want, err, seen.String())
			}
			seen.Write(p[:n])
		}
		_, rest, _ := strings.Cut(seen.String(), want)
		seen.Reset()
		seen.WriteString(rest)
	}
	enter := func(text string) {
		t.Helper()
		if _, err := ours.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	expect("1: " + pid)
	expect("(ispyd) ")
	enter("connect 1\n")
	expect("(ispyd:" + pid + ") ")
	enter("cat test/hang\n")
	says("hanging")
	enter("\x03")
	says("cancelled")
	expect("ispy: /" + pid + "/test/hang: cancelled")
	expect("(ispyd:" + pid + ") ")
	enter("cat test/hello\n")
	expect("hello, world")
	expect("(ispyd:" + pid + ") ")
	enter("\x03")
	expect("(ispyd:" + pid + ") ")
	enter("exit\n")
	expect("(ispyd) ")
	enter("\x04") // Ctrl-D
	if err := sh.Wait(); err != nil {
		t.Errorf("ispy ended with %v", err)
	}
}
