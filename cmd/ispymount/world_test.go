//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ispyd/ispyd/internal/need"
)

// patience is how long anything may take before a test fails.
const patience = 2 * time.Minute

// world is a configuration, the programs that serve by it, and a mount of them.
// The test's own process never looks into the mount: only its children do.
type world struct {
	t      testing.TB
	dir    string
	config string
	listen string // where programs listen
	many   int    // files in a directory of theirs
	mnt    string
	user   *syscall.Credential // who runs everything, nil for us
	exe    string              // the test binary, "" for this one

	mount  *exec.Cmd
	stdout *bufio.Reader
	stderr string // the file of what it complained about
}

// newWorld makes a world without a program or a mount.
func newWorld(t testing.TB) *world {
	t.Helper()
	if _, err := os.Stat(fuseDevice); err != nil {
		need.Skip(t, err.Error()+"; nothing can be mounted here")
	}
	dir, err := os.MkdirTemp("", "im") // the paths of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir, config: filepath.Join(dir, "ispyd.toml"), mnt: filepath.Join(dir, "mnt"), many: 50}
	w.listen = filepath.Join(dir, "s", "%(pid)s.sock")
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	w.configure(w.listen)
	return w
}

// configure writes the configuration.
func (w *world) configure(pattern string) {
	w.t.Helper()
	w.write(w.config, fmt.Sprintf("[ispyd]\nlisten = %q\n", pattern))
}

func (w *world) write(path, text string) {
	w.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// child prepares a process in a role of the test binary.
func (w *world) child(role string, args ...string) *exec.Cmd {
	w.t.Helper()
	exe := w.exe
	if exe == "" {
		var err error
		if exe, err = os.Executable(); err != nil {
			w.t.Fatal(err)
		}
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	cmd.Dir = w.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: w.user}
	return cmd
}

// prog is a program with a tree.
type prog struct {
	w    *world
	cmd  *exec.Cmd
	addr string
	dir  string // in the mount
}

// start runs a program and waits until it serves.
func (w *world) start() *prog {
	w.t.Helper()
	cmd := w.child("program", w.listen, strconv.Itoa(w.many))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if cmd.ProcessState != nil {
			return
		}
		cmd.Process.Signal(syscall.SIGCONT)
		stdin.Close()
		kill := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		if err := cmd.Wait(); err != nil {
			w.t.Errorf("the program: %v\n%s", err, &stderr)
		}
		kill.Stop()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if !ok {
		w.t.Fatalf("the program: %q, %v\n%s", line, err, &stderr)
	}
	return &prog{w, cmd, addr, filepath.Join(w.mnt, strconv.Itoa(cmd.Process.Pid))}
}

// kill ends the program as kill -9 does.
func (p *prog) kill() {
	p.w.t.Helper()
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

func (p *prog) signal(sig syscall.Signal) {
	p.w.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.w.t.Fatal(err)
	}
}

// serve runs ispymount and waits until it says that the files are there. Unless
// the test has ended it, it must unmount at the end of the test when it is told
// to, and leave nothing.
func (w *world) serve(flags ...string) {
	w.t.Helper()
	w.mount = w.child("ispymount", append(flags, w.config, w.mnt)...)
	cmd := w.mount
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	stderr, err := os.CreateTemp(w.dir, "stderr")
	if err != nil {
		w.t.Fatal(err)
	}
	defer stderr.Close()
	cmd.Stderr, w.stderr = stderr, stderr.Name()
	w.stdout = bufio.NewReader(stdout)
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		defer unix.Unmount(w.mnt, unix.MNT_DETACH)
		if cmd.ProcessState == nil {
			if code := w.end(syscall.SIGTERM); code != exitOK {
				w.t.Errorf("ispymount: exit code %d\n%s", code, w.complaints())
			}
		}
		if typ := mountedType(w.mnt); typ != "" {
			w.t.Errorf("%s is still mounted: %s\n%s", w.mnt, typ, w.complaints())
		}
		if c := w.complaints(); strings.Contains(c, "DATA RACE") || strings.Contains(c, "panic") {
			w.t.Errorf("ispymount:\n%s", c)
		}
	})
	line, err := w.stdout.ReadString('\n')
	if err != nil || !strings.Contains(line, "mounted at "+w.mnt) {
		w.t.Fatalf("ispymount: %q, %v\n%s", line, err, w.complaints())
	}
}

// complaints is what ispymount wrote to its standard error.
func (w *world) complaints() string {
	b, _ := os.ReadFile(w.stderr)
	return string(b)
}

// end sends ispymount a signal and returns its exit code, -1 where it was killed.
func (w *world) end(sig syscall.Signal) int {
	w.t.Helper()
	w.mount.Process.Signal(sig)
	kill := time.AfterFunc(patience, func() { w.mount.Process.Kill() })
	defer kill.Stop()
	w.mount.Wait()
	return w.mount.ProcessState.ExitCode()
}

// script is a shell script that looks into the mount: $M is the mount, $P the
// directory of the program p, $T a directory to write to.
func (w *world) script(p *prog, text string) *exec.Cmd {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	w.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "bash", "-c", text)
	cmd.Env = append(os.Environ(), "M="+w.mnt, "T="+w.t.TempDir(), "LC_ALL=C")
	if p != nil {
		cmd.Env = append(cmd.Env, "P="+p.dir)
	}
	cmd.Dir = w.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: w.user}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second // for what it leaves behind
	return cmd
}

// sh runs a script, which must succeed without a complaint, and returns what it
// prints.
func (w *world) sh(p *prog, text string) string {
	w.t.Helper()
	cmd := w.script(p, text)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		w.t.Fatalf("%s\n%v\nstdout: %s\nstderr: %s\nispymount: %s", text, err, clip(stdout.String()), clip(stderr.String()), w.complaints())
	}
	return stdout.String()
}

// fails runs a script, which must fail, and returns what it prints on both of
// its outputs.
func (w *world) fails(p *prog, text string) string {
	w.t.Helper()
	out, err := w.script(p, text).CombinedOutput()
	if err == nil {
		w.t.Fatalf("%s\nsucceeded: %s", text, clip(string(out)))
	}
	return string(out)
}

// want compares.
func (w *world) want(got, want string) {
	w.t.Helper()
	if got != want {
		w.t.Fatalf("got %q, want %q", clip(got), clip(want))
	}
}

func (w *world) wantIn(got, want string) {
	w.t.Helper()
	if !strings.Contains(got, want) {
		w.t.Fatalf("got %q, want it to hold %q", clip(got), want)
	}
}

func clip(s string) string {
	if len(s) > 1000 {
		return s[:500] + " … " + s[len(s)-500:]
	}
	return s
}
