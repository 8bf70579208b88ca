package eval

import (
	"context"
	"fmt"
	"reflect"
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

// TypeOf is the type of an expression, or what else it is. Nothing is evaluated.
func (s *Session) TypeOf(ctx context.Context, src string) (string, error) {
	if s.host != nil {
		s.host.Begin(ctx)
	}
	return s.describe(src)
}

func (s *Session) describe(src string) (text string, err error) {
	e, err := parseExpr(src)
	if err != nil {
		return "", err
	}
	err2 := s.quietly(func(c *compiler) {
		x := c.any(e, nil)
		switch x.mode {
		case novalue:
			text = typeList(x.results)
		case constantMode:
			text = x.describe()
		case valueMode, variableMode, mapElement:
			text = x.typ.String()
			if x.mode == variableMode {
				text = "var " + text
			}
		default:
			text = x.describe()
		}
	})
	return text, err2
}

// Describe tells what a name or an expression is: what it stands for, and the fields
// and methods of its type, a line each. Nothing is evaluated.
func (s *Session) Describe(ctx context.Context, src string) (string, error) {
	head, err := s.TypeOf(ctx, src)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", src, head)
	e, err := parseExpr(src)
	if err != nil {
		return "", err
	}
	err = s.quietly(func(c *compiler) {
		x := c.any(e, nil)
		t := x.typ
		if x.mode == packageMode {
			for _, n := range append(stdNames(x.name), s.hostNames(x.name)...) {
				fmt.Fprintf(&b, "\t%s\n", n)
			}
			return
		}
		if t == nil || t.untyped != typed {
			return
		}
		if t.kind == reflect.Pointer {
			t = t.base().elem
		}
		if t.kind == reflect.Struct {
			for _, f := range t.base().fields {
				fmt.Fprintf(&b, "\t%s %s\n", f.name, f.typ)
			}
		}
		seen := map[string]bool{}
		for _, n := range x.typ.members() {
			if sel := x.typ.lookup(n); sel != nil && sel.method != nil && !seen[n] {
				seen[n] = true
				fmt.Fprintf(&b, "\tfunc %s%s\n", n, sel.method.typ.signature())
			}
		}
	})
	return b.String(), err
}

func (s *Session) hostNames(path string) []string {
	if s.host == nil {
		return nil
	}
	return s.host.Names(path)
}
