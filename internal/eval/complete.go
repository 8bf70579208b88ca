package eval

import (
	"context"
	"fmt"
	"sort"
	"strings"
)

// Candidate is what could stand at the end of a text.
type Candidate struct {
	Name string `json:"name"`
	// Doc is what it is: its kind and type.
	Doc string `json:"doc"`
}

const maxCandidates = 500

// Complete returns the names that the last word of text may become, sorted, and how
// many bytes of the text are that word. Nothing is evaluated.
func (s *Session) Complete(ctx context.Context, text string) (list []Candidate, word int) {
	if s.host != nil {
		s.host.Begin(ctx)
	}
	chain := text[chainStart(text):]
	base, prefix := "", chain
	if i := strings.LastIndexByte(chain, '.'); i >= 0 {
		base, prefix = chain[:i], chain[i+1:]
	}
	names := map[string]string{}
	s.quietly(func(c *compiler) {
		if base == "" {
			for _, n := range s.visible() {
				names[n] = ""
			}
			if s.host != nil && len(prefix) > 0 {
				for _, p := range s.host.Packages() {
					if n := lastElement(p); strings.HasPrefix(n, prefix) {
						names[n] = "package " + p
					}
				}
			}
			return
		}
		e, err := parseExpr(base)
		if err != nil {
			return
		}
		x := c.any(e, nil)
		switch {
		case x.mode == packageMode:
			all := stdNames(x.name)
			if s.host != nil {
				all = append(all, s.host.Names(x.name)...)
			}
			for _, n := range all {
				names[n] = ""
			}
		case x.typ != nil:
			for _, n := range x.typ.members() {
				names[n] = ""
			}
		}
	})
	for n, doc := range names {
		if strings.HasPrefix(n, prefix) && n != "" {
			list = append(list, Candidate{n, doc})
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	if len(list) > maxCandidates {
		list = list[:maxCandidates]
	}
	for i := range list {
		if list[i].Doc == "" && len(list) <= 50 {
			name := list[i].Name
			if base != "" {
				name = base + "." + name
			}
			list[i].Doc, _ = s.describe(name)
		}
	}
	return list, len(prefix)
}

// chainStart is where the operand begins that text ends with: a.b[0].c.
func chainStart(text string) int {
	depth := 0
	i := len(text)
	for i > 0 {
		b := text[i-1]
		word := b == '_' || b == '.' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80
		switch {
		case b == ']' || b == ')':
			depth++
		case (b == '[' || b == '(') && depth > 0:
			depth--
		case !word && depth == 0:
			return i
		}
		i--
	}
	return i
}

// quietly compiles something that is never run, and declares nothing.
func (s *Session) quietly(f func(c *compiler)) (err error) {
	overlay := s.overlay
	defer func() {
		s.overlay = overlay
		if r := recover(); r != nil {
			switch r := r.(type) {
			case compileError:
				err = &SyntaxError{Text: r.msg}
				if r.cause != nil {
					err = r.cause
				}
			case *stopError:
				err = r.err
			default:
				err = fmt.Errorf("%v", r)
			}
		}
	}()
	s.overlay = &scope{up: s.top}
	var undo []func()
	c := &compiler{s: s, u: s.types, scope: s.overlay, ctx: &funcContext{top: true, labels: map[string]int{}}, undo: &undo}
	defer func() {
		for _, g := range append(c.instances, undo...) {
			g()
		}
	}()
	f(c)
	return nil
}

func (s *Session) hostNames(path string) []string {
	if s.host == nil {
		return nil
	}
	return s.host.Names(path)
}
