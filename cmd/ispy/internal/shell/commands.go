package shell

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/interp"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/internal/nearest"
)

// Words that reach exec and cannot be typed: the call handler puts them before
// what the interpreter would take for a builtin of its own.
const (
	ownWord     = "\x00ispy"    // a verb of ispy, or of a ctl
	builtinWord = "\x00builtin" // a builtin that writes to a program's file
	typeWord    = "\x00type"    // type, or command -v, of a verb of ispy
	statusWord  = "__ispy_status"
)

// call sees each command before the interpreter does. What changes the directory
// becomes its cd; what has the name of one of its builtins and is ours goes to
// exec.
func (sh *Shell) call(ctx context.Context, args []string) ([]string, error) {
	hc := interp.HandlerCtx(ctx)
	name := args[0]
	if runtime.Callers(deepest, make([]uintptr, 1)) > 0 {
		return nil, verb.Usagef("%s: commands are nested too deeply; does a function call itself?", name)
	}
	if _, ok := sh.functions[name]; ok {
		return args, nil
	}
	if plugin, ok := strings.CutPrefix(name, "!"); ok && plugin != "" {
		name, args = "shell", append([]string{"shell", plugin}, args[1:]...)
	}
	if w := sh.words[name]; w != nil {
		if w.move == nil {
			return append([]string{ownWord}, args...), nil
		}
		return sh.moveTo(ctx, hc, w, args), nil
	}
	if interp.IsBuiltin(name) {
		if asks := args[1:]; (name == "type" || name == "command" && len(asks) > 1 && asks[0] == "-v") && sh.words[asks[len(asks)-1]] != nil {
			return []string{typeWord, name, asks[len(asks)-1]}, nil
		}
		if missing[name] {
			return append([]string{ownWord}, args...), nil
		}
		if !special[name] && sh.isCtlVerb(ctx, hc.Dir, name) {
			return append([]string{ownWord}, args...), nil
		}
		if _, ok := hc.Stdout.(*remote); ok && printing[name] {
			return append([]string{builtinWord}, args...), nil
		}
	}
	return args, nil
}

// deepest is how many frames the stack may have. Go ends a program whose stack
// grows beyond a gigabyte; each call of a function takes a dozen frames.
const deepest = 20_000

// missing are the builtins that the interpreter knows by name alone.
var missing = words("bg bind caller compgen complete compopt disown enable fc fg history jobs kill logout newgrp suspend ulimit umask")

// special are the builtins of sh that no ctl verb takes the place of: scripts are
// made of them.
var special = words("break : continue . eval exec exit export readonly return set shift times trap unset source " +
	"cd pwd command builtin read true false test [ echo printf type alias unalias let local declare typeset getopts shopt wait mapfile readarray")

// printing are the builtins that only print.
var printing = words("echo printf pwd type command times")

func words(list string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		m[w] = true
	}
	return m
}

// isWord says that a command of that name is ispy's or sh's own, whatever the
// directory.
func (sh *Shell) isWord(name string) bool { return sh.isWordIn(sh.runner, name) }

func (sh *Shell) isWordIn(runner *interp.Runner, name string) bool {
	return sh.words[name] != nil || special[name] || reserved[name] || runner.Funcs[name] != nil || strings.HasPrefix(name, "!")
}

// reserved are the words that make sh's statements.
var reserved = words("if then else elif fi for while until do done case esac in function time coproc select ! {  } [[ ]]")

func (sh *Shell) isCtlVerb(ctx context.Context, dir, name string) bool {
	verbs, _ := sh.opts.Space.Ctl(ctx, dir)
	return slices.ContainsFunc(verbs, func(v space.CtlVerb) bool { return v.Name == name })
}

// exec runs a command that is neither a function nor a builtin: a verb of ispy, a
// verb of the ctl in the directory, a file, a program of this machine.
func (sh *Shell) exec(ctx context.Context, args []string) error {
	hc := interp.HandlerCtx(ctx)
	if args[0] == statusWord {
		code, _ := strconv.Atoi(args[1])
		return status(code)
	}
	if args[0] == typeWord {
		text := args[2] + "\n"
		if args[1] == "type" {
			text = args[2] + " is a command of ispy\n"
		}
		io.WriteString(hc.Stdout, text) //nolint:errcheck // as the builtin does
		return status(flush(verb.OK, hc.Stderr, hc.Stdout))
	}
	if args[0] == builtinWord {
		err := hc.Builtin(ctx, args[1:])
		code, known := exitStatus(err)
		if !known {
			return err
		}
		return status(flush(code, hc.Stderr, hc.Stdout))
	}
	if args[0] == ownWord {
		args = args[1:]
	}
	code := sh.dispatch(ctx, hc, args)
	return status(flush(code, hc.Stderr, hc.Stdout, hc.Stderr))
}

func status(code int) error {
	if code == verb.OK {
		return nil
	}
	return interp.ExitStatus(code)
}

func (sh *Shell) dispatch(ctx context.Context, hc interp.HandlerContext, args []string) int {
	name := args[0]
	c := sh.newCall(ctx, hc)
	if w := sh.words[name]; w != nil {
		return w.Do(ctx, c, args[1:])
	}
	if sh.isCtlVerb(ctx, hc.Dir, name) {
		return sh.ctl(ctx, c, hc.Dir, args)
	}
	if len(args) == 1 {
		if abs, info := sh.file(ctx, hc.Dir, name); info != nil && !info.IsDir() {
			return sh.words["cat"].Do(ctx, c, []string{abs})
		}
	}
	return sh.local(ctx, hc, c, args)
}

// newCall is what verbs run with.
func (sh *Shell) newCall(ctx context.Context, hc interp.HandlerContext) *verb.Call {
	c := &verb.Call{
		Dir: hc.Dir, Space: sh.opts.Space, JSON: sh.opts.JSON,
		Stdin: stdin(ctx, hc.Stdin), Stdout: hc.Stdout, Stderr: hc.Stderr,
		Terminal: terminal(hc.Stdout, func(name string) string { return hc.Env.Get(name).String() }),
		Getenv:   func(name string) string { return hc.Env.Get(name).String() },
	}
	c.StdinTerminal = isTerminal(hc.Stdin)
	c.Exec = func(ctx context.Context, line string, stdout, stderr io.Writer) int {
		return sh.sub(ctx, hc, line, stdout, stderr)
	}
	return c
}

// sub runs a command line in a copy of the shell.
func (sh *Shell) sub(ctx context.Context, hc interp.HandlerContext, line string, stdout, stderr io.Writer) int {
	runner, err := sh.newRunner(hc.Dir, hc.Env, nil, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, verb.Message("", err))
		return verb.Failed
	}
	runner.Reset()
	sh.mu.Lock()
	runner.Funcs = sh.functions
	sh.mu.Unlock()
	inner := &Shell{opts: sh.opts, words: sh.words, verbs: sh.verbs, runner: runner, functions: sh.functions}
	inner.opts.Stderr = stderr
	if err := check(line, inner.isWord); err != nil {
		return inner.syntaxError("", err)
	}
	code, _, err := inner.run(ctx, runner, line)
	if err != nil {
		return inner.syntaxError("", err)
	}
	return code
}

// ctl writes a command to the ctl file in the directory.
func (sh *Shell) ctl(ctx context.Context, c *verb.Call, dir string, args []string) int {
	line := strings.Join(args, " ")
	if strings.ContainsAny(line, "\n\r") {
		c.Verb = &verb.Verb{Name: args[0]}
		c.Warn(verb.Usagef("a line break in an argument; a command is one line"))
		return verb.Usage
	}
	if err := sh.opts.Space.WriteFile(ctx, path.Join(dir, "ctl"), []byte(line+"\n")); err != nil {
		fmt.Fprintln(c.Stderr, verb.Message("", err))
		return verb.ExitCode(err)
	}
	return verb.OK
}

// file is the file or directory of the namespace that a command word may stand
// for.
func (sh *Shell) file(ctx context.Context, dir, name string) (string, fs.FileInfo) {
	if name == "" || name == "." || name == ".." || dir == "/" && !strings.Contains(name, "/") {
		return "", nil
	}
	if _, ok := space.Local(name); ok {
		return "", nil
	}
	abs := space.Abs(dir, name)
	if strings.HasPrefix(name, "/") || dir == "/" {
		program, _ := space.Split(abs)
		if !slices.Contains(sh.opts.Space.Dialled(), program) && !sh.lives(ctx, program) {
			return "", nil
		}
	}
	info, err := sh.opts.Space.Stat(ctx, abs)
	if err != nil {
		return "", nil
	}
	return abs, info
}

func (sh *Shell) lives(ctx context.Context, program string) bool {
	live, _ := sh.opts.Space.Live(ctx)
	for _, s := range live {
		if s.Name == program {
			return true
		}
	}
	return false
}

// unknown is the error of a command that there is not, with what may have been
// meant.
func (sh *Shell) unknown(ctx context.Context, dir, name string) error {
	if _, err := sh.opts.Space.Stat(ctx, dir); err != nil {
		return err // it may well be a command there
	}
	if abs, info := sh.file(ctx, dir, name); info != nil {
		return verb.Usagef("%s: is a directory; cd goes there, ls lists it", abs)
	}
	var names []string
	for _, v := range sh.verbs {
		names = append(names, v.Name)
	}
	for name := range sh.functions {
		names = append(names, name)
	}
	where := ""
	if dir != "/" {
		where = ", the verbs and files here"
		verbs, _ := sh.opts.Space.Ctl(ctx, dir)
		for _, v := range verbs {
			names = append(names, v.Name)
		}
		entries, _ := sh.opts.Space.ReadDir(ctx, dir)
		for _, e := range entries {
			names = append(names, e.Name())
		}
	}
	hint := nearest.Hint(name, names)
	if hint == "" && dir == "/" {
		where = "; connect goes to a program, whose verbs and files are commands too"
	}
	return verb.Usagef("%s: no such command%s; help lists them%s", name, hint, where)
}
