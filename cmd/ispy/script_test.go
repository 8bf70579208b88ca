package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	// Programs with the race detector wait a second before they end.
	if os.Getenv("GORACE") == "" {
		os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
	testscript.Main(m, map[string]func(){
		"ispy":    main,
		"program": program,
		"as":      as,
	})
}

// as runs ispy or program as another user: as UID COMMAND ARG...
func as() {
	uid, err := strconv.Atoi(os.Args[1])
	if err == nil {
		err = errors.Join(syscall.Setgroups(nil), syscall.Setgid(uid), syscall.Setuid(uid))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "as:", err)
		os.Exit(100)
	}
	os.Args = os.Args[2:]
	if os.Args[0] == "program" {
		program()
	}
	main()
}

// process is a program that a script has started.
type process struct {
	cmd   *exec.Cmd
	lines *bufio.Reader
}

type processes map[string]*process

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("..", "..", "testdata", "script", "ispy"),
		Setup: func(env *testscript.Env) error {
			// The paths of sockets are short.
			dir, err := os.MkdirTemp("", "i")
			if err != nil {
				return err
			}
			started := processes{}
			env.Values["processes"] = started
			env.Defer(func() {
				for _, p := range started {
					p.cmd.Process.Kill()
					p.cmd.Wait()
				}
				os.RemoveAll(dir)
			})
			if err := os.Chmod(dir, 0o755); err != nil {
				return err
			}
			env.Setenv("D", dir)
			env.Setenv("CONF", filepath.Join(dir, "ispyd.toml"))
			env.Setenv("XDG_CONFIG_HOME", "")
			env.Setenv("GORACE", os.Getenv("GORACE"))
			env.Setenv("ISPYD_CONFIG", "")
			for name, place := range map[string]string{"ispyd.toml": "run", "open.toml": "open", "inside.toml": "root/run/app"} {
				conf := fmt.Sprintf("[ispyd]\nlisten = %q\n", filepath.Join(dir, place, "%(pid)s.sock"))
				if err := os.WriteFile(filepath.Join(dir, name), []byte(conf), 0o644); err != nil {
					return err
				}
			}
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "uid0" {
				return os.Getuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %s", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start":  start,
			"await":  await,
			"signal": signalProcess,
			"exits":  exits,
		},
	})
}

// find is a command of this test, as the script sees it.
func find(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path := filepath.Join(dir, name); exec.Command(path).Err == nil {
			if _, err := os.Stat(path); err == nil {
				return path
			}
		}
	}
	ts.Fatalf("%s is not in the PATH", name)
	return ""
}

// start NAME [-uid N] CONFIG starts a program and waits until it serves. $NAME
// is its pid, $NAME_ADDR its address.
func start(ts *testscript.TestScript, neg bool, args []string) {
	name, args := args[0], args[1:]
	command := find(ts, "program")
	if args[0] == "-uid" {
		command = find(ts, "as")
		args = []string{args[1], "program", args[2]}
	}
	cmd := exec.Command(command, args...)
	cmd.Env = append(os.Environ(), "ISPYD=")
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	cmd.Stderr = os.Stderr
	cmd.Dir = ts.MkAbs(".")
	ts.Check(cmd.Start())
	p := &process{cmd, bufio.NewReader(out)}
	ts.Value("processes").(processes)[name] = p
	line, err := p.lines.ReadString('\n')
	if addr, ok := strings.CutPrefix(line, "ready "); ok {
		ts.Setenv(name, strconv.Itoa(cmd.Process.Pid))
		ts.Setenv(name+"_ADDR", strings.TrimSpace(addr))
		return
	}
	ts.Fatalf("%s did not start: %q, %v", name, line, err)
}

// await NAME LINE waits until the program has said the line.
func await(ts *testscript.TestScript, neg bool, args []string) {
	p := ts.Value("processes").(processes)[args[0]]
	for {
		line, err := p.lines.ReadString('\n')
		if err != nil {
			ts.Fatalf("%s did not say %q: %v", args[0], args[1], err)
		}
		if strings.TrimSpace(line) == args[1] {
			return
		}
	}
}

// signal NAME STOP|CONT|KILL sends a signal and waits until it has done its work.
func signalProcess(ts *testscript.TestScript, neg bool, args []string) {
	p := ts.Value("processes").(processes)[args[0]]
	sig := map[string]syscall.Signal{"STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT, "KILL": syscall.SIGKILL}[args[1]]
	ts.Check(p.cmd.Process.Signal(sig))
	switch sig {
	case syscall.SIGSTOP:
		var status syscall.WaitStatus
		_, err := syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
		ts.Check(err)
	case syscall.SIGKILL:
		p.cmd.Wait()
	}
}

// exits CODE [-stdin FILE] COMMAND ARG... runs a command that must end with the
// code. stdout and stderr look at what it printed.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	args = args[1:]
	stdin := ""
	if args[0] == "-stdin" {
		stdin = ts.ReadFile(args[1])
		args = args[2:]
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, find(ts, args[0]), args[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "XDG_CONFIG_HOME", "ISPYD_CONFIG", "TMPDIR", "D"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	err = cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("%s ended with code %d, want %d (%v)", strings.Join(args, " "), got, want, err)
	}
}
