package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// Script runs the commands of a text and returns the last one's exit code. What is
// wrong with its form is found before anything runs, and called by the name of the
// script, where it has one. Unless a person types, a connect or cd that fails ends
// it: what follows was meant for another place.
func (sh *Shell) Script(ctx context.Context, name, text string) int {
	if err := check(text, sh.isWord); err != nil {
		return sh.syntaxError(name, err)
	}
	code, exited, err := sh.run(ctx, sh.runner, text)
	sh.dir = sh.runner.Dir
	if err != nil {
		return sh.syntaxError(name, err)
	}
	sh.done = sh.done || exited
	return code
}

func (sh *Shell) syntaxError(name string, err error) int {
	if name != "" {
		name += ": "
	}
	fmt.Fprintf(sh.opts.Stderr, "ispy: %s%v\n", name, describe(err))
	return verb.Usage
}

// describe is a syntax error with its place in words.
func describe(err error) error {
	if e, ok := errors.AsType[syntax.ParseError](err); ok {
		return fmt.Errorf("line %d, column %d: %s", e.Pos.Line(), e.Pos.Col(), e.Text)
	}
	if e, ok := errors.AsType[syntax.LangError](err); ok {
		e.Filename = ""
		return fmt.Errorf("line %d, column %d: %s", e.Pos.Line(), e.Pos.Col(), e.Feature)
	}
	return err
}

// run runs the statements of the text one by one, since each may change where the
// next is: in a directory with a ctl file its verbs take their arguments as they
// stand.
func (sh *Shell) run(ctx context.Context, runner *interp.Runner, text string) (code int, exited bool, err error) {
	place := start
	for {
		var blank string
		blank, text = cutBlank(text)
		place = place.after(blank)
		if text == "" {
			return code, false, nil
		}
		line, shift := sh.literal(ctx, runner, text)
		c, err := nextChunk(line)
		if err != nil {
			return verb.Usage, false, place.move(err)
		}
		for _, st := range c.stmts {
			code, exited = sh.statement(ctx, runner, st)
			if ctx.Err() != nil { // the interpreter takes that for its own end
				return code, false, nil
			}
			if exited {
				return code, true, nil
			}
			if code != verb.OK && !sh.opts.Interactive && moves(st) {
				return code, true, nil
			}
		}
		done := text[:c.end-shift]
		place = place.after(done)
		text = text[len(done):]
	}
}

// literal makes sh of the line that the text begins with, if that begins with a
// verb of the ctl file where the runner is. The program is asked only where the
// word could be one: it may be frozen.
func (sh *Shell) literal(ctx context.Context, runner *interp.Runner, text string) (line string, shift int) {
	if name := firstWord(text); name == "" || runner.Dir == "/" || sh.isWordIn(runner, name) {
		return text, 0
	}
	verbs, err := sh.opts.Space.Ctl(ctx, runner.Dir)
	if err != nil {
		return text, 0
	}
	return literal(text, func(name string) bool {
		return slices.ContainsFunc(verbs, func(v space.CtlVerb) bool { return v.Name == name }) && !sh.isWordIn(runner, name)
	})
}

// moves says that the statement goes to another place, and does nothing else.
func moves(st *syntax.Stmt) bool {
	name := first(st)
	return name == "cd" || name == "connect" || name == "shell" || strings.HasPrefix(name, "!")
}

// first is the command of a statement that is nothing but one.
func first(st *syntax.Stmt) string {
	call, ok := st.Cmd.(*syntax.CallExpr)
	if !ok || st.Negated || st.Background || len(call.Args) == 0 {
		return ""
	}
	return call.Args[0].Lit()
}

// chunk is what is parsed and run at once: one statement, or, where it has
// here-documents, whose texts stand after the line, all of the line.
type chunk struct {
	stmts []*syntax.Stmt
	end   int // in the text
}

func nextChunk(text string) (chunk, error) {
	var c chunk
	var rest *syntax.Stmt
	var err error
	hdoc := false
	for st, serr := range syntax.NewParser().StmtsSeq(strings.NewReader(text)) {
		if serr != nil {
			err = serr
			break
		}
		if len(c.stmts) > 0 && st.Pos().Line() > c.stmts[len(c.stmts)-1].End().Line() {
			rest = st
			break
		}
		c.stmts = append(c.stmts, st)
		if hdoc = hdoc || hasHdoc(st); !hdoc {
			break
		}
	}
	switch {
	case len(c.stmts) == 0 && err == nil:
		c.end = len(text)
	case err != nil && (len(c.stmts) == 0 || hdoc):
		return c, err
	case !hdoc:
		c.end = int(c.stmts[0].End().Offset())
	case rest != nil:
		c.end = int(rest.Pos().Offset())
	default:
		c.end = len(text)
	}
	return c, nil
}

func hasHdoc(st *syntax.Stmt) bool {
	found := false
	syntax.Walk(st, func(n syntax.Node) bool {
		if r, ok := n.(*syntax.Redirect); ok && (r.Op == syntax.Hdoc || r.Op == syntax.DashHdoc) {
			found = true
		}
		return !found
	})
	return found
}

// check finds what is wrong with the form of a script. What could be a ctl verb of
// some directory may have arguments that are no sh.
func check(text string, isWord func(string) bool) error {
	_, err := syntax.NewParser().Parse(strings.NewReader(text), "")
	if err == nil {
		return nil
	}
	for rest := text; ; {
		_, rest = cutBlank(rest)
		if rest == "" {
			return nil
		}
		line, shift := literal(rest, func(name string) bool { return !isWord(name) })
		c, cerr := nextChunk(line)
		if cerr != nil {
			return err
		}
		rest = rest[max(c.end-shift, 0):]
	}
}

// Incomplete says that more lines must follow before the text can be run.
func (sh *Shell) Incomplete(ctx context.Context, text string) bool {
	line, _ := sh.literal(ctx, sh.runner, text)
	if body := strings.TrimSuffix(line, "\n"); (len(body)-len(strings.TrimRight(body, "\\")))%2 == 1 {
		return true // a backslash joins the next line
	}
	_, err := syntax.NewParser().Parse(strings.NewReader(line), "")
	if e, ok := errors.AsType[syntax.ParseError](err); ok && strings.HasPrefix(e.Text, "unclosed here-document") {
		return true
	}
	return err != nil && syntax.IsIncomplete(err)
}

// Lines runs the commands that come through r, each as soon as it is whole. What
// is wrong with the form of one ends them. any says that there was one.
func (sh *Shell) Lines(ctx context.Context, r io.Reader) (code int, any bool, err error) {
	lines := newLineReader(r)
	var pending strings.Builder
	place := start
	for !sh.done && ctx.Err() == nil {
		line, rerr := lines.next()
		pending.WriteString(line)
		if rerr != nil && rerr != io.EOF {
			return code, any, fmt.Errorf("standard input: %w", rerr)
		}
		if text := pending.String(); strings.TrimSpace(text) != "" && (rerr == io.EOF || !sh.Incomplete(ctx, text)) {
			any = true
			pending.Reset()
			if err := check(text, sh.isWord); err != nil {
				return sh.syntaxError("", place.move(err)), any, nil
			}
			code = sh.Script(ctx, "", text)
			place = place.after(text)
		}
		if rerr == io.EOF {
			return code, any, nil
		}
	}
	return code, any, nil
}
