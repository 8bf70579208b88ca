package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	xterm "golang.org/x/term"

	"github.com/ispyd/ispyd/cmd/ispy/internal/complete"
	"github.com/ispyd/ispyd/cmd/ispy/internal/shell"
	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/term"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

func isTerminal(f *os.File) bool { return f != nil && xterm.IsTerminal(int(f.Fd())) }

// interactive runs what is typed, until exit or Ctrl-D at the top. It begins with
// the list of the programs.
func interactive(sh *shell.Shell, in *interrupter, stdout, stderr *os.File) int {
	var now atomic.Pointer[view] // the hint is made beside the editor
	editor, err := term.New(term.Options{
		Prompt: sh.Prompt,
		More:   func(text string) bool { return sh.Incomplete(context.Background(), text) },
		Complete: func(text string, cursor int) complete.Result {
			return complete.Line(context.Background(), now.Load(), text, cursor)
		},
		Hint: func(text string, cursor int) string {
			return complete.Hint(context.Background(), now.Load(), text, cursor)
		},
		HistoryFile: term.HistoryPath(),
		Warn:        func(err error) { fmt.Fprintf(stderr, "ispy: %v\n", err) },
	})
	if err != nil {
		fmt.Fprintf(stderr, "ispy: %v\n", err)
		return verb.Failed
	}
	defer editor.Close()
	defer endings(editor)()

	typed := func(text string) int {
		ctx, cancel := in.during()
		defer cancel()
		code := sh.Script(ctx, "", text)
		if ctx.Err() != nil || code == verb.Interrupted {
			fmt.Fprintln(stderr) // after ^C
		}
		return code
	}
	code := verb.OK
	if sh.Dir() == "/" {
		code = typed("servers")
	}
	for !sh.Done() {
		now.Store(viewOf(sh))
		text, err := editor.ReadLine()
		switch {
		case errors.Is(err, term.ErrInterrupted):
			continue
		case errors.Is(err, io.EOF):
			fmt.Fprintln(stdout, "exit")
			typed("exit")
			continue
		case err != nil:
			fmt.Fprintf(stderr, "ispy: %v\n", err)
			return verb.Failed
		}
		code = typed(text)
	}
	return code
}

// endings gives the terminal back when we are told to end.
func endings(editor *term.Editor) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		select {
		case sig := <-signals:
			editor.Close()
			os.Exit(128 + int(sig.(syscall.Signal)))
		case <-done:
		}
	}()
	return func() { signal.Stop(signals); close(done) }
}

// view is the shell as it is while a line is typed: what completes and explains
// the line may go on when the line is run.
type view struct {
	dir   string
	space *space.Space
	verbs []verb.Verb
	words []string
	vars  []string
}

func viewOf(sh *shell.Shell) *view {
	return &view{sh.Dir(), sh.Space(), sh.Verbs(), sh.Words(), sh.Vars()}
}

func (v view) Dir() string         { return v.dir }
func (v view) Space() *space.Space { return v.space }
func (v view) Verbs() []verb.Verb  { return v.verbs }
func (v view) Words() []string     { return v.words }
func (v view) Vars() []string      { return v.vars }
