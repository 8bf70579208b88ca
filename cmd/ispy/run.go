package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"

	"github.com/ispyd/ispyd/fs/client"
)

// run runs what the options say: a script, or the lines of stdin.
func run(o options, config *client.Config, stdin io.Reader, stdout, stderr io.Writer) int {
	sh := newShell(config, o.timeout, stdout, stderr)
	defer sh.close()
	interrupted, stop := interrupts()
	defer stop()
	if o.program != "" {
		ctx, cancel := interrupted.during(context.Background())
		err := sh.connectPID(ctx, o.program)
		cancel()
		if err != nil {
			return sh.report(err)
		}
	}
	if o.hasScript {
		return sh.script(interrupted, o.script)
	}
	return sh.lines(interrupted, stdin, isTerminal(stdin))
}

// script runs the commands of the text. What is wrong with its form is found
// before anything runs. A connect or cd that fails ends it: what follows was meant
// for another place.
func (sh *shell) script(in *interrupter, text string) int {
	commands, err := parse(text)
	if err != nil {
		return sh.report(err)
	}
	code := exitOK
	for _, c := range commands {
		code = sh.one(in, c)
		if sh.done || code != exitOK && (c[0] == "connect" || c[0] == "cd") {
			break
		}
	}
	return code
}

// one runs one command, which Ctrl-C ends.
func (sh *shell) one(in *interrupter, c words) int {
	ctx, cancel := in.during(context.Background())
	defer cancel()
	return sh.report(sh.run(ctx, c))
}

// lines runs the commands that are typed, or come through a pipe. Nothing but
// the end of a pipe lists the servers; on a terminal that is how it begins.
func (sh *shell) lines(in *interrupter, stdin io.Reader, terminal bool) int {
	code, any := exitOK, terminal
	if terminal {
		code = sh.one(in, words{"servers"})
	}
	prompt := func() {
		if terminal {
			fmt.Fprint(sh.stdout, sh.prompt())
		}
	}
	in.whenIdle(func() { fmt.Fprintln(sh.stdout); prompt() })
	prompt()
	lines := bufio.NewReader(stdin)
	for !sh.done {
		line, err := lines.ReadString('\n')
		if strings.TrimSpace(line) != "" {
			any = true
			code = sh.script(in, line)
		}
		if errors.Is(err, io.EOF) {
			if terminal {
				fmt.Fprintln(sh.stdout)
			}
			break
		}
		if err != nil {
			return sh.report(fmt.Errorf("standard input: %w", err))
		}
		if !sh.done {
			prompt()
		}
	}
	if !any {
		return sh.one(in, words{"servers"})
	}
	return code
}

// interrupter turns SIGINT (Ctrl-C) into the end of the command that runs.
type interrupter struct {
	mu     sync.Mutex
	cancel context.CancelFunc // of the command that runs, nil where none does
	idle   func()             // called where none does
}

func interrupts() (*interrupter, func()) {
	in := &interrupter{idle: func() {}}
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
				} else {
					in.idle()
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

// whenIdle has f called when Ctrl-C comes while no command runs.
func (in *interrupter) whenIdle(f func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.idle = f
}
