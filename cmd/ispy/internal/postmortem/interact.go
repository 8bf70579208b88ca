package postmortem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/ispyd/ispyd/cmd/ispy/internal/complete"
	"github.com/ispyd/ispyd/cmd/ispy/internal/term"
)

// interact runs what is typed.
func (s *session) interact(ctx context.Context) error {
	editor, err := term.New(term.Options{
		Prompt:      func() string { return "(post-mortem) " },
		Complete:    s.complete,
		Hint:        s.hint,
		HistoryFile: term.HistoryPath(),
	})
	if err != nil {
		return err
	}
	defer editor.Close()
	s.header()
	for !s.quit && ctx.Err() == nil {
		text, err := editor.ReadLine()
		switch {
		case errors.Is(err, term.ErrInterrupted):
			continue
		case errors.Is(err, io.EOF):
			fmt.Fprintln(s.stdout, "quit")
			return nil
		case err != nil:
			return err
		}
		s.script(ctx, text)
	}
	return ctx.Err()
}

// complete offers commands, and after those that take an expression the frame's
// variables and the fields of what is typed.
func (s *session) complete(text string, cursor int) complete.Result {
	before := text[:min(cursor, len(text))]
	if i := strings.LastIndexByte(before, ';'); i >= 0 {
		return s.completeIn(before[i+1:], i+1)
	}
	return s.completeIn(before, 0)
}

func (s *session) completeIn(before string, offset int) complete.Result {
	trimmed := strings.TrimLeft(before, " ")
	offset += len(before) - len(trimmed)
	name, arg, hasArg := strings.Cut(trimmed, " ")
	if !hasArg {
		r := complete.Result{Start: offset}
		for _, c := range commands() {
			if strings.HasPrefix(c.names[0], name) {
				r.Candidates = append(r.Candidates, complete.Candidate{Value: c.names[0], Display: c.names[0], Doc: c.doc})
			}
		}
		return common(r, name)
	}
	if c, ok := find(name); !ok || c.args != "EXPR" {
		return complete.Result{Start: offset + len(trimmed)}
	}
	// The operand that is typed: all after the last operator.
	start := operand(arg)
	base, field := "", arg[start:]
	if dot := strings.LastIndexByte(field, '.'); dot >= 0 {
		base, field = field[:dot], field[dot+1:]
	}
	r := complete.Result{Start: offset + len(name) + 1 + len(arg) - len(field)}
	for _, c := range s.operands(base) {
		if strings.HasPrefix(c.Value, field) {
			r.Candidates = append(r.Candidates, c)
		}
	}
	return common(r, field)
}

// operand is where the last operand of an expression begins: what is in brackets
// belongs to it.
func operand(expr string) int {
	depth := 0
	for i := len(expr) - 1; i >= 0; i-- {
		switch c := expr[i]; {
		case c == ')' || c == ']':
			depth++
		case (c == '(' || c == '[') && depth > 0:
			depth--
		case depth == 0 && strings.IndexByte(" \t+-*/%&|^<>=!(),:;{[", c) >= 0:
			return i + 1
		}
	}
	return 0
}

// operands are the frame's variables, or the fields of base.
func (s *session) operands(base string) (list []complete.Candidate) {
	add := func(name, doc string) {
		list = append(list, complete.Candidate{Value: name, Display: name, Doc: doc, Dir: true})
	}
	if base == "" {
		vars, err := s.both()
		if err != nil {
			return nil
		}
		for _, v := range vars {
			if !strings.HasPrefix(v.Name, "~") {
				add(v.Name, v.TypeString())
			}
		}
	} else {
		cfg := full
		cfg.MaxVariableRecurse = 1
		v, err := s.evaluate(s.frame, base, cfg)
		if err != nil {
			return nil
		}
		fields := v.Children
		if len(fields) == 1 && len(fields[0].Children) > 0 { // a pointer, an interface
			fields = fields[0].Children
		}
		for i := range fields {
			if fields[i].Name != "" {
				add(fields[i].Name, fields[i].TypeString())
			}
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Value < list[j].Value })
	return list
}

// common sets what all candidates begin with.
func common(r complete.Result, typed string) complete.Result {
	for i, c := range r.Candidates {
		if i == 0 {
			r.Common = c.Value
		}
		for !strings.HasPrefix(c.Value, r.Common) {
			r.Common = r.Common[:len(r.Common)-1]
		}
	}
	if r.Common == typed {
		r.Common = ""
	}
	if n := len(r.Candidates); n > complete.MaxCandidates {
		r.Candidates = r.Candidates[:complete.MaxCandidates]
		r.Note = fmt.Sprintf("%d more", n-complete.MaxCandidates)
	}
	return r
}

// hint explains the command that is typed.
func (s *session) hint(text string, _ int) string {
	name, _, _ := strings.Cut(strings.TrimSpace(text[strings.LastIndexByte(text, ';')+1:]), " ")
	c, ok := find(name)
	if !ok {
		return ""
	}
	return strings.TrimSpace(c.names[0]+" "+c.args) + ": " + c.doc
}
