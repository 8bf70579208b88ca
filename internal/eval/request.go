package eval

import (
	"fmt"
	"go/ast"
	"go/token"
	"reflect"
	"strings"

	"github.com/ispyd/ispyd/internal/eval/syntax"
)

// SyntaxError is an error that was found before anything ran.
type SyntaxError struct {
	Line, Column int // from 1; 0 where they are not known
	Text         string
}

// Error is line:column: text.
func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return e.Text
	}
	return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Text)
}

const maxSource = 1 << 20

// parse parses a request. Positions go on from those of the last request, for a generic
// function that it declared may be compiled in a later one.
func (s *Session) parse(src string) (*request, error) {
	if len(src) > maxSource {
		return nil, &SyntaxError{Text: fmt.Sprintf("%d bytes of source, at most %d are taken", len(src), maxSource)}
	}
	r := &request{src: src, base: s.nextPos + 1}
	s.keepSource(r)
	s.nextPos = r.base + token.Pos(len(src))
	var err error
	if r.stmts, r.decls, err = syntax.Parse(src, r.base); err != nil {
		err = syntaxError(src, r.base, err)
		if e, ok := err.(*SyntaxError); ok {
			err = s.hinted(src, e)
		}
		return nil, err
	}
	return r, nil
}

// request is what is being compiled.
type request struct {
	src   string
	base  token.Pos // of its first byte
	stmts []ast.Stmt
	decls []ast.Decl // of functions and imports
	now   ast.Node   // which of them is compiled now
}

// parseExpr parses an expression that is by itself.
func parseExpr(src string) (ast.Expr, error) {
	e, err := syntax.ParseExpr(src, 1)
	if err != nil {
		return nil, syntaxError(src, 1, err)
	}
	return e, nil
}

func at(src string, offset int, text string) *SyntaxError {
	offset = max(0, min(offset, len(src)))
	before := src[:offset]
	line := strings.Count(before, "\n") + 1
	return &SyntaxError{line, offset - (strings.LastIndexByte(before, '\n') + 1) + 1, text}
}

func syntaxError(src string, base token.Pos, err error) error {
	if e, ok := err.(*syntax.Error); ok {
		return at(src, int(e.Pos-base), e.Text)
	}
	return err
}

// shown is a value of an expression that a request consists of.
type result struct {
	v reflect.Value
	t *Type
}

// step runs a part of a request, and returns its results if it is an expression.
type step func(*frame) []result

// compile compiles a request. Nothing of it is declared if any of it is wrong.
func (s *Session) compile(src string) (steps []step, err error) {
	r, err := s.parse(src)
	if err != nil {
		return nil, err
	}
	s.overlay = &scope{up: s.top}
	s.topContext = &funcContext{top: true, labels: map[string]int{}}
	c := &compiler{s: s, u: s.types, scope: s.overlay, ctx: s.topContext}
	var undo []func()
	c.undo = &undo
	defer func() {
		switch p := recover().(type) {
		case nil:
		case compileError:
			for _, f := range c.instances {
				f()
			}
			for _, f := range undo {
				f()
			}
			err = r.errorAt(p)
		default:
			for _, f := range append(c.instances, undo...) {
				f()
			}
			// A fault of the compiler must not become one of the program.
			if e, ok := p.(*stopError); ok {
				err = e.err
			} else {
				err = &SyntaxError{Text: fmt.Sprintf("the console cannot compile this: %v", p)}
			}
		}
	}()
	c.declarations(r)
	for _, st := range r.stmts {
		r.now = st
		if d, ok := st.(*ast.DeclStmt); ok && d.Decl.(*ast.GenDecl).Tok == token.TYPE {
			continue
		} else if ok && c.hoisted[d] {
			continue
		}
		do, pos := c.topStatement(st), st.Pos()
		steps = append(steps, func(f *frame) []result {
			f.pos = pos
			return do(f)
		})
	}
	r.now = nil
	for len(c.late) > 0 {
		f := c.late[0]
		c.late = c.late[1:]
		f()
	}
	if s.top.names == nil {
		s.top.names = map[string]*object{}
	}
	for name, o := range s.overlay.names {
		s.top.names[name] = o
	}
	return steps, nil
}

// errorAt gives an error its place in the source. The place may be in the source of the
// console's own generic functions, or of an earlier request.
func (r *request) errorAt(e compileError) error {
	pos := e.pos
	if (pos < r.base || pos > r.base+token.Pos(len(r.src))) && r.now != nil {
		pos = r.now.Pos()
	}
	if pos < r.base {
		return &SyntaxError{Text: e.msg}
	}
	return at(r.src, int(pos-r.base), e.msg)
}

// declarations compiles what may be used before it stands: imports, types, functions.
func (c *compiler) declarations(r *request) {
	c.hoisted = map[*ast.DeclStmt]bool{}
	var specs []ast.Spec
	for _, d := range r.decls {
		r.now = d
		if d, ok := d.(*ast.GenDecl); ok {
			c.decl(d)
		}
	}
	for _, st := range r.stmts {
		r.now = st
		d, ok := st.(*ast.DeclStmt)
		if !ok {
			continue
		}
		switch g := d.Decl.(*ast.GenDecl); g.Tok {
		case token.TYPE:
			specs = append(specs, g.Specs...)
		case token.CONST:
			// A type may need it, where none has been seen yet.
			if specs == nil {
				c.hoisted[d] = true
				c.constDecl(g)
			}
		}
	}
	if specs != nil {
		c.typeDecls(specs)
	}
	var methods []*ast.FuncDecl
	for _, d := range r.decls {
		r.now = d
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if f.Body == nil {
			fail(f, "missing function body")
		}
		if f.Recv != nil {
			methods = append(methods, f)
			continue
		}
		c.funcDecl(f)
	}
	for _, d := range methods {
		r.now = d
		c.methodDecl(d)
	}
}

// redeclared refuses a second declaration of a name in one block. At the top a request
// may declare again what an earlier one has.
func (c *compiler) redeclared(id *ast.Ident) {
	if id.Name != "_" && c.scope.names[id.Name] != nil {
		fail(id, "%s redeclared in this block", id.Name)
	}
}

func (c *compiler) funcDecl(d *ast.FuncDecl) {
	name := d.Name.Name
	c.redeclared(d.Name)
	if d.Type.TypeParams != nil {
		g := &generic{name: name, fn: d, scope: c.scope, made: map[string]*Type{}}
		c.scope.set(&object{kind: genericObject, name: name, gen: g})
		return
	}
	fn := c.function(name, c.funcType(d.Type), nil, d.Type, d.Body, false)
	if name != "_" {
		c.scope.set(&object{kind: funcObject, name: name, typ: fn.typ, fn: fn})
	}
}

func (c *compiler) methodDecl(d *ast.FuncDecl) {
	if len(d.Recv.List) != 1 {
		fail(d.Recv, "method has no or more than one receiver")
	}
	e := d.Recv.List[0].Type
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	base := ast.Unparen(e)
	switch b := base.(type) {
	case *ast.IndexExpr:
		base = b.X
	case *ast.IndexListExpr:
		base = b.X
	}
	id, ok := base.(*ast.Ident)
	if !ok {
		fail(d.Recv, "invalid receiver type")
	}
	o := c.scope.find(id.Name)
	if o != nil && o.gen != nil && o.gen.spec != nil {
		g := o.gen
		g.methods = append(g.methods, d)
		n := len(g.methods) - 1
		*c.undo = append(*c.undo, func() { g.methods = g.methods[:n] })
		return
	}
	if o == nil || o.kind != typeObject || o.typ.declare == nil {
		fail(d.Recv, "%s is no type declared in this session: methods cannot be added to it", id.Name)
	}
	c.addMethod(d, o.typ)
}

// addMethod declares a method of t.
func (c *compiler) addMethod(d *ast.FuncDecl, t *Type) {
	name := d.Name.Name
	if t.isInterface() || t.kind == reflect.Pointer {
		fail(d.Recv, "invalid receiver type %s (pointer or interface type)", t)
	}
	if t.kind == reflect.Struct {
		for _, f := range t.base().fields {
			if f.name == name {
				fail(d.Name, "field and method with the same name %s", name)
			}
		}
	}
	if key := t.String() + "." + name; c.added[key] {
		fail(d.Name, "method %s already declared", key)
	} else {
		if c.added == nil {
			c.added = map[string]bool{}
		}
		c.added[key] = true
	}
	_, ptr := d.Recv.List[0].Type.(*ast.StarExpr)
	recv := t
	if ptr {
		recv = c.u.pointer(t)
	}
	typ := c.funcType(d.Type)
	fn := &function{name: t.String() + "." + name, typ: typ}
	old := t.declare.methods[name]
	t.declare.methods[name] = &method{name: name, typ: typ, ptr: ptr, fn: fn}
	*c.undo = append(*c.undo, func() {
		if old == nil {
			delete(t.declare.methods, name)
		} else {
			t.declare.methods[name] = old
		}
	})
	outer := c.ctx
	c.ctx = c.s.topContext
	c.compileBody(fn, d.Recv, recv, d.Type, d.Body, false)
	c.ctx = outer
}

// topStatement compiles a statement of a request. An expression's value is shown.
func (c *compiler) topStatement(n ast.Stmt) step {
	if l, ok := n.(*syntax.ExprList); ok {
		var steps []step
		for _, x := range l.List {
			if o := c.any(x, nil); !o.isNil() {
				c.checked(o, x)
			}
			steps = append(steps, c.topStatement(&ast.ExprStmt{X: x}))
		}
		return func(f *frame) (all []result) {
			for _, st := range steps {
				all = append(all, st(f)...)
			}
			return all
		}
	}
	x, ok := n.(*ast.ExprStmt)
	if !ok {
		e := c.stmt(n)
		return func(f *frame) []result {
			if e != nil {
				e(f)
			}
			return nil
		}
	}
	o := c.any(x.X, nil)
	switch o.mode {
	case typeMode:
		text := o.typ
		v := reflect.ValueOf(text.String())
		t := c.u.of(reflect.TypeFor[typeName]())
		return func(*frame) []result { return []result{{v.Convert(t.rt), t}} }
	case builtinMode:
		if o.name == "exit" || o.name == "quit" {
			fail(x, "%s is a function: %s() or Ctrl-D ends the session", o.name, o.name)
		}
		fail(x, "%s is not an expression: it must be called, %s(…)", o, o.name)
	case packageMode:
		fail(x, "%s is not an expression: :doc %s lists its names", o, x.X)
	case genericMode:
		fail(x, "%s is not an expression", o)
	case novalue:
		types := o.results
		many := o.many
		if prints(x.X) {
			return func(f *frame) []result { many(f); return nil }
		}
		return func(f *frame) []result {
			var l []result
			for i, v := range many(f) {
				l = append(l, result{v, types[i]})
			}
			return l
		}
	}
	if o.isNil() {
		t := o.typ
		return func(*frame) []result { return []result{{reflect.Value{}, t}} }
	}
	if o.pair != nil && o.mode != mapElement {
		if _, recv := ast.Unparen(x.X).(*ast.UnaryExpr); recv {
			t, g := o.typ, o.get
			return func(f *frame) []result { return []result{{copyOf(g(f)), t}} }
		}
	}
	o = c.plain(o)
	t, g := o.typ, o.get
	return func(f *frame) []result {
		return []result{{copyOf(g(f)), t}}
	}
}

// prints says that a call is one of fmt.Print, whose results nobody wants to see.
func prints(n ast.Expr) bool {
	call, ok := ast.Unparen(n).(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	id, ok := sel.X.(*ast.Ident)
	return ok && id.Name == "fmt" && (strings.HasPrefix(sel.Sel.Name, "Print") || strings.HasPrefix(sel.Sel.Name, "Fprint"))
}

// typeName is how the name of a type is shown.
type typeName string
