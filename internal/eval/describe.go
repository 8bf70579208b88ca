package eval

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"reflect"
	"sort"
	"strings"
)

// TypeOf is the type of an expression, or what else it is. Nothing is evaluated.
func (s *Session) TypeOf(ctx context.Context, src string) (string, error) {
	if s.host != nil {
		s.host.Begin(ctx)
	}
	return s.describe(src)
}

func (s *Session) describe(src string) (string, error) {
	e, err := parseExpr(src)
	if err != nil {
		return "", err
	}
	x, err := s.look(e)
	if err != nil {
		if why, ok := uncallable(err); ok {
			return "func" + why, nil
		}
		return "", err
	}
	switch x.mode {
	case novalue:
		return typeList(x.results), nil
	case constantMode:
		return x.describe(), nil
	case valueMode, variableMode, mapElement:
		text := ""
		if x.mode == variableMode {
			text = "var "
		}
		if x.typ.untyped == typed {
			text += s.fullType(x.typ, 0)
		} else {
			text += x.typ.String()
		}
		if x.maybeVariadic() {
			text += perhapsVariadic(x.typ)
		}
		return text, nil
	}
	return x.describe(), nil
}

// look compiles an expression that is not run.
func (s *Session) look(e ast.Expr) (x *operand, err error) {
	err = s.quietly(func(c *compiler) { x = c.any(e, nil) })
	return x, err
}

// uncallable is what there is to say of a function that may not be called.
func uncallable(err error) (text string, ok bool) {
	r := (*refusal)(nil)
	if !errors.As(err, &r) || r.why == "" {
		return "", false
	}
	if r.signature != nil {
		text = r.signature()
	}
	why := strings.TrimPrefix(r.why, "it was ")
	if strings.HasPrefix(why, "inlined everywhere") {
		why, _, _ = strings.Cut(why, ",")
	}
	return text + " (" + why + ", cannot be called)", true
}

func perhapsVariadic(t *Type) string {
	p := t.base().params
	return fmt.Sprintf(" (the last may be ...%s: debug information does not tell)", p[len(p)-1].base().elem)
}

// fullType is a type with the import path of a name whose package's last element is
// another package's name here.
func (s *Session) fullType(t *Type, depth int) string {
	b := t.base()
	inner := func(t *Type) string { return s.fullType(t, depth+1) }
	switch {
	case depth > 10 || t.kind == reflect.Invalid:
	case t.isNamed():
		if t.pure && t.rt.PkgPath() != "" {
			path := t.rt.PkgPath()
			if p, err := s.pkg(lastElement(path)); (err != nil || p != path) && strings.Contains(path, "/") {
				return path + "." + t.rt.Name()
			}
		}
	case t.kind == reflect.Pointer:
		return "*" + inner(b.elem)
	case t.kind == reflect.Slice:
		return "[]" + inner(b.elem)
	case t.kind == reflect.Array:
		return fmt.Sprintf("[%d]%s", b.length, inner(b.elem))
	case t.kind == reflect.Map:
		return "map[" + inner(b.key) + "]" + inner(b.elem)
	}
	return t.String()
}

// Describe tells what a name or an expression is: what it stands for, and the fields
// and methods of its type, a line each. Nothing is evaluated.
func (s *Session) Describe(ctx context.Context, src string) (string, error) {
	head, err := s.TypeOf(ctx, src)
	if err != nil {
		return "", err
	}
	e, err := parseExpr(src)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", src, head)
	x, err := s.look(e)
	if err != nil {
		return b.String(), nil // a function that may not be called
	}
	t := x.typ
	if x.mode == packageMode {
		names := append(stdNames(x.name), s.hostNames(x.name)...)
		sort.Strings(names)
		for i, n := range names {
			if i == 0 || n != names[i-1] {
				fmt.Fprintf(&b, "\t%s\n", n)
			}
		}
		return b.String(), nil
	}
	if t == nil || t.untyped != typed {
		return b.String(), nil
	}
	if t.kind == reflect.Pointer && t.declare == nil {
		t = t.base().elem
	}
	if t.kind == reflect.Struct {
		for _, f := range t.base().fields {
			fmt.Fprintf(&b, "\t%s %s\n", f.name, s.fullType(f.typ, 0))
		}
	}
	names := x.typ.members()
	sort.Strings(names)
	for i, n := range names {
		if i == 0 || n != names[i-1] {
			b.WriteString(s.methodLine(x.typ, n))
		}
	}
	return b.String(), nil
}

// methodLine is a line on a method, "" where the name is not one's.
func (s *Session) methodLine(t *Type, name string) string {
	line := ""
	err := s.quietly(func(*compiler) {
		switch sel := t.lookup(name); {
		case sel == nil && t.lost(name):
			line = " (dropped by the linker: the program calls it nowhere)"
		case sel != nil && sel.method != nil:
			line = sel.method.typ.signature()
			if x := (&operand{typ: sel.method.typ, loose: sel.method.loose}); x.maybeVariadic() {
				line += perhapsVariadic(x.typ)
			}
		}
	})
	if err != nil {
		line, _ = uncallable(err)
		if line == "" {
			line = " (" + err.Error() + ")"
		}
	}
	if line == "" {
		return ""
	}
	return "\tfunc " + name + line + "\n"
}
