package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/ispyd/ispyd/cmd/ispy/internal/shell"
	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// run runs what the options say: a script, or the lines of stdin.
func run(o options, s *space.Space, stdin, stdout, stderr *os.File) int {
	terminal := isTerminal(stdin)
	interrupted, stop := interrupts(o.hasScript || !terminal)
	defer stop()
	return interrupted.code(runIn(o, s, interrupted, terminal, stdin, stdout, stderr))
}

func runIn(o options, s *space.Space, interrupted *interrupter, terminal bool, stdin, stdout, stderr *os.File) int {
	if o.all {
		if !o.hasScript {
			if terminal {
				fmt.Fprintln(stderr, "ispy: -all runs commands: -all -c SCRIPT, or -f FILE")
				return verb.Usage
			}
			text, err := io.ReadAll(stdin)
			if err != nil {
				fmt.Fprintf(stderr, "ispy: standard input: %v\n", err)
				return verb.Failed
			}
			o.script = string(text)
		}
		ctx, cancel := interrupted.during()
		defer cancel()
		return runAll(ctx, o, s, stdout, stderr)
	}
	so := shell.Options{Space: s, Verbs: verbs(), Stdin: stdin, Stdout: stdout, Stderr: stderr, JSON: o.json}
	if o.program != "" {
		ctx, cancel := interrupted.during()
		name, err := shell.Find(ctx, s, o.program)
		if err == nil {
			_, err = s.Dial(ctx, name)
		}
		cancel()
		if err != nil {
			fmt.Fprintln(stderr, verb.Message("", err))
			return verb.ExitCode(err)
		}
		so.Dir = "/" + name
	}
	so.Interactive = terminal && !o.hasScript
	if !o.hasScript && !terminal {
		so.Stdin = nil // the commands come through it
	}
	sh, err := shell.New(so)
	if err != nil {
		fmt.Fprintln(stderr, verb.Message("", err))
		return verb.Failed
	}
	switch {
	case o.hasScript:
		ctx, cancel := interrupted.during()
		defer cancel()
		return sh.Script(ctx, o.scriptName, o.script)
	case terminal:
		return interactive(sh, interrupted, stdout, stderr)
	}
	return lines(sh, interrupted, stdin, stderr)
}

// lines runs the commands that come through a pipe. Nothing but its end lists the
// servers.
func lines(sh *shell.Shell, in *interrupter, stdin io.Reader, stderr io.Writer) int {
	ctx, cancel := in.during()
	defer cancel()
	code, any, err := sh.Lines(ctx, stdin)
	if err != nil {
		fmt.Fprintln(stderr, verb.Message("", err))
		return verb.Failed
	}
	if !any {
		return sh.Script(ctx, "", "servers")
	}
	return code
}

// interrupter turns SIGINT (Ctrl-C) into the end of the command that runs.
type interrupter struct {
	ctx    context.Context // of all commands, ends with ispy
	mu     sync.Mutex
	cancel context.CancelFunc // of the command that runs, nil where none does
	ended  syscall.Signal     // what ends ispy itself
}

// grace is what commands have to end when ispy is told to.
const grace = 3 * time.Second

// interrupts listens to signals; to those that end ispy itself too, if that is
// asked for, so that it leaves nothing behind.
func interrupts(all bool) (*interrupter, func()) {
	ctx, end := context.WithCancel(context.Background())
	in := &interrupter{ctx: ctx}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	if all {
		signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP)
	}
	done := make(chan struct{})
	go func() {
		for {
			select {
			case sig := <-signals:
				in.mu.Lock()
				if in.cancel != nil {
					in.cancel()
				}
				if sig != os.Interrupt {
					in.ended = sig.(syscall.Signal)
					end()
					time.AfterFunc(grace, func() { os.Exit(in.code(0)) })
				}
				in.mu.Unlock()
			case <-done:
				return
			}
		}
	}()
	return in, func() { signal.Stop(signals); close(done); end() }
}

// code is the exit code: that of the commands, unless a signal has ended ispy.
func (in *interrupter) code(code int) int {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ended != 0 {
		return 128 + int(in.ended)
	}
	return code
}

// during returns a context that Ctrl-C ends, for one command. It goes on after
// done is called: what a command has begun in the background ends with ispy.
func (in *interrupter) during() (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancel(in.ctx)
	in.mu.Lock()
	in.cancel = cancel
	in.mu.Unlock()
	return ctx, func() {
		in.mu.Lock()
		in.cancel = nil
		in.mu.Unlock()
	}
}
