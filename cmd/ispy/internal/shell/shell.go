// Package shell is the language of ispy: that of sh, by mvdan.cc/sh/v3, over the
// namespace of package space, with the verbs of ispy and those of the trees as its
// commands.
package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"sync"
	"syscall"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// Options say what a shell works with.
type Options struct {
	Space *space.Space
	// Verbs are its commands, beside the shell's own words.
	Verbs          []verb.Verb
	Stdin          *os.File // nil for none
	Stdout, Stderr io.Writer
	// Dir is the directory of the namespace to begin in, by default the top.
	Dir string
	// JSON asks for files' renderings as JSON where they have one.
	JSON bool
	// Interactive says that a person types: servers and prompts are for eyes,
	// and a failed cd or connect does not end anything.
	Interactive bool
	// Params are $1, $2 and so on of a script.
	Params []string
}

// Shell runs command lines one after the other, in a state of their own:
// variables, functions, a directory of the namespace. It is used by one goroutine
// at a time.
type Shell struct {
	opts   Options
	words  map[string]*word
	verbs  []*verb.Verb
	runner *interp.Runner
	dir    string
	done   bool

	mu        sync.Mutex // for what a command in a pipe may touch as well
	listed    []string   // programs as servers numbered them last
	noPrompt  bool
	redirects int  // exit code of a redirection that failed
	plain     bool // the statement is an exit and nothing else
	functions map[string]*syntax.Stmt
}

// New returns a shell.
func New(opts Options) (*Shell, error) {
	if opts.Dir == "" {
		opts.Dir = "/"
	}
	sh := &Shell{opts: opts, dir: opts.Dir}
	sh.makeWords()
	var in io.Reader
	if opts.Stdin != nil {
		in = opts.Stdin
	}
	runner, err := sh.newRunner(opts.Dir, environ(), in, opts.Stdout, opts.Stderr)
	if err != nil {
		return nil, err
	}
	if err := interp.Params(append([]string{"--"}, opts.Params...)...)(runner); err != nil {
		return nil, err
	}
	runner.Reset()
	sh.runner = runner
	return sh, nil
}

// environ is the environment that a shell begins with. CDPATH and the like are of
// the local disk.
func environ() expand.Environ {
	var list []string
	for _, e := range os.Environ() {
		switch name, _, _ := strings.Cut(e, "="); name {
		case "CDPATH", "OLDPWD", "PWD", "ENV", "BASH_ENV":
		default:
			list = append(list, e)
		}
	}
	return expand.ListEnviron(list...)
}

func (sh *Shell) newRunner(dir string, env expand.Environ, in io.Reader, out, errs io.Writer) (*interp.Runner, error) {
	return interp.New(
		interp.Env(env),
		interp.StdIO(in, out, errs),
		namespaceDir(dir),
		interp.Interactive(sh.opts.Interactive), // which is about aliases
		interp.CallHandler(sh.call),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return sh.exec }),
		interp.OpenHandler(sh.open),
		interp.StatHandler(sh.stat),
		interp.AccessHandler(sh.access),
		interp.ReadDirHandler2(sh.readDir),
	)
}

// namespaceDir is interp.Dir without its look at the local disk.
func namespaceDir(dir string) interp.RunnerOption {
	return func(r *interp.Runner) error {
		r.Dir = dir
		return nil
	}
}

// Dir is the directory of the namespace that the shell is in.
func (sh *Shell) Dir() string { return sh.dir }

// Space is the namespace.
func (sh *Shell) Space() *space.Space { return sh.opts.Space }

// Done says that exit was typed at the top.
func (sh *Shell) Done() bool { return sh.done }

// Verbs are the commands of ispy.
func (sh *Shell) Verbs() []verb.Verb {
	var list []verb.Verb
	for _, v := range sh.verbs {
		list = append(list, *v)
	}
	return list
}

// Words are the other words that stand at the beginning of a command: functions,
// and the words of sh.
func (sh *Shell) Words() []string {
	list := []string{"if", "for", "while", "until", "case", "echo", "printf", "read", "set", "unset", "export",
		"test", "true", "false", "return", "break", "continue", "shift", "eval", "local", "command", "type", "wait", "trap"}
	for name := range sh.functions {
		list = append(list, name)
	}
	return list
}

// Vars are the names of the shell's variables.
func (sh *Shell) Vars() []string {
	var names []string
	for name := range sh.runner.Vars {
		names = append(names, name)
	}
	return names
}

// statement runs one statement and returns its exit code.
func (sh *Shell) statement(ctx context.Context, runner *interp.Runner, st *syntax.Stmt) (code int, exited bool) {
	sh.mu.Lock()
	sh.redirects = 0
	sh.plain = first(st) == "exit"
	sh.functions = maps.Clone(runner.Funcs)
	sh.mu.Unlock()
	err := runner.Run(ctx, st)
	code, known := exitStatus(err)
	exited = runner.Exited()
	sh.mu.Lock()
	redirects := sh.redirects
	sh.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		code = verb.ExitCode(context.Cause(ctx))
		sh.setStatus(context.WithoutCancel(ctx), runner, code)
	case !known:
		fmt.Fprintln(sh.opts.Stderr, verb.Message("", err))
		code = verb.ExitCode(err)
	case redirects != 0 && code <= 1 && !exited:
		// The interpreter knows 0 and 1 of them alone.
		code = redirects
		sh.setStatus(ctx, runner, code)
	}
	return code, exited
}

// plainExit says that exit is the whole statement, and goes one level up.
func (sh *Shell) plainExit() bool {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.plain
}

func exitStatus(err error) (code int, known bool) {
	status, ok := errors.AsType[interp.ExitStatus](err)
	return int(status), ok || err == nil
}

// setStatus makes $? the code.
func (sh *Shell) setStatus(ctx context.Context, runner *interp.Runner, code int) {
	file, err := syntax.NewParser().Parse(strings.NewReader(fmt.Sprintf("%s %d", statusWord, code)), "")
	if err == nil {
		runner.Run(ctx, file.Stmts[0]) //nolint:errcheck // the status is the point of it
	}
}

// redirectFailed remembers the exit code of a redirection that failed.
func (sh *Shell) redirectFailed(err error) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.redirects = verb.ExitCode(err)
}

// brokenPipe says that nobody reads any more.
func brokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
