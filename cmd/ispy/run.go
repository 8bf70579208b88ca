package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"

	"github.com/ispyd/ispyd/cmd/ispy/internal/shell"
	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// run runs what the options say: a script, or the lines of stdin.
func run(o options, s *space.Space, stdin, stdout, stderr *os.File) int {
	interrupted, stop := interrupts()
	defer stop()
	terminal := isTerminal(stdin)
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
		ctx, cancel := interrupted.during(context.Background())
		defer cancel()
		return runAll(ctx, o, s, stdout, stderr)
	}
	so := shell.Options{Space: s, Verbs: verbs(), Stdin: stdin, Stdout: stdout, Stderr: stderr, JSON: o.json}
	if o.program != "" {
		ctx, cancel := interrupted.during(context.Background())
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
		ctx, cancel := interrupted.during(context.Background())
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
	ctx, cancel := in.during(context.Background())
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
	mu     sync.Mutex
	cancel context.CancelFunc // of the command that runs, nil where none does
}

func interrupts() (*interrupter, func()) {
	in := &interrupter{}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-signals:
				in.mu.Lock()
				if in.cancel != nil {
					in.cancel()
				}
				in.mu.Unlock()
			case <-done:
				return
			}
		}
	}()
	return in, func() { signal.Stop(signals); close(done) }
}

// during returns a context that Ctrl-C ends, for one command.
func (in *interrupter) during(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	in.mu.Lock()
	in.cancel = cancel
	in.mu.Unlock()
	return ctx, func() {
		in.mu.Lock()
		in.cancel = nil
		in.mu.Unlock()
		cancel()
	}
}
