package eval

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"reflect"
	"strings"
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

// part is one statement or declaration of a request.
type part struct {
	start, end int
	control    bool
	decl       bool // one of those that stand outside of functions only
	first      token.Token
}

// split cuts a request into parts, each of which is parsed by itself: declarations
// of functions and imports may stand between statements.
func split(src string) []part {
	var sc scanner.Scanner
	fset := token.NewFileSet()
	file := fset.AddFile("", fset.Base(), len(src))
	sc.Init(file, []byte(src), func(token.Position, string) {}, 0)
	var l []part
	depth := 0
	last := token.ILLEGAL
	var p *part
	var toks []token.Token
	for {
		pos, tok, _ := sc.Scan()
		at := file.Offset(pos)
		// The semicolons in the head of a statement do not end it.
		head := p != nil && tok == token.SEMICOLON && isControl(toks) && last != token.RBRACE
		if tok == token.EOF || tok == token.SEMICOLON && depth <= 0 && !head {
			if p != nil {
				p.end = at
				p.control = isControl(toks)
				// func name(…) and func (r T) name(…) are declarations,
				// func(…) … is a literal.
				p.decl = p.first == token.IMPORT || p.first == token.FUNC && isFuncDecl(toks)
				l = append(l, *p)
				p, toks = nil, nil
			}
			if tok == token.EOF {
				return l
			}
			continue
		}
		last = tok
		if p == nil {
			p = &part{start: at, first: tok}
		}
		if len(toks) < 200 {
			toks = append(toks, tok)
		}
		switch tok {
		case token.LPAREN, token.LBRACE, token.LBRACK:
			depth++
		case token.RPAREN, token.RBRACE, token.RBRACK:
			depth--
		}
	}
}

// isControl says that tokens begin an if, for, switch or select, labelled or not.
func isControl(toks []token.Token) bool {
	for len(toks) > 2 && toks[0] == token.IDENT && toks[1] == token.COLON {
		toks = toks[2:]
	}
	switch toks[0] {
	case token.IF, token.FOR, token.SWITCH, token.SELECT:
		return true
	}
	return false
}

// isFuncDecl tells from its first tokens that func begins a declaration.
func isFuncDecl(toks []token.Token) bool {
	if len(toks) < 2 {
		return false
	}
	if toks[1] == token.IDENT {
		return true
	}
	depth := 0
	for i, t := range toks[1:] {
		switch t {
		case token.LPAREN:
			depth++
		case token.RPAREN:
			if depth--; depth == 0 {
				rest := toks[i+2:]
				// func (r T) name(
				return len(rest) >= 2 && rest[0] == token.IDENT && (rest[1] == token.LPAREN || rest[1] == token.LBRACK)
			}
		}
	}
	return false
}

// parsed is a part with its syntax tree. offset is added to positions in it.
type parsed struct {
	part
	stmts []ast.Stmt
	decl  ast.Decl
	file  *token.File
	shift int
}

const (
	maxSource = 1 << 20
	stmtHead  = "package p; func _() {"
	declHead  = "package p; "
)

func (s *Session) parse(fset *token.FileSet, src string) ([]parsed, error) {
	if len(src) > maxSource {
		return nil, &SyntaxError{Text: fmt.Sprintf("%d bytes of source, at most %d are taken", len(src), maxSource)}
	}
	var l []parsed
	list := split(src)
	for i := 0; i < len(list); i++ {
		p := list[i]
		text := src[p.start:p.end]
		head, tail := stmtHead, "\n}"
		if p.decl {
			head, tail = declHead, "\n"
		}
		f, err := parser.ParseFile(fset, "", head+text+tail, parser.SkipObjectResolution)
		// A literal in the head of a statement looks like its end.
		for j := i + 1; err != nil && p.control && j < min(i+4, len(list)); j++ {
			longer := src[p.start:list[j].end]
			if g, err2 := parser.ParseFile(fset, "", head+longer+tail, parser.SkipObjectResolution); err2 == nil {
				f, err, p.end, i = g, nil, list[j].end, j
			}
		}
		if err != nil {
			return nil, syntaxError(src, p, len(head), err)
		}
		x := parsed{part: p, file: fset.File(f.Pos()), shift: p.start - len(head)}
		if p.decl {
			if len(f.Decls) != 1 {
				return nil, at(src, p.start, "one declaration was expected here")
			}
			x.decl = f.Decls[0]
		} else {
			if len(f.Decls) != 1 {
				return nil, at(src, p.end, "unexpected }")
			}
			x.stmts = f.Decls[0].(*ast.FuncDecl).Body.List
		}
		l = append(l, x)
	}
	return l, nil
}

func at(src string, offset int, text string) *SyntaxError {
	offset = max(0, min(offset, len(src)))
	before := src[:offset]
	line := strings.Count(before, "\n") + 1
	return &SyntaxError{line, offset - (strings.LastIndexByte(before, '\n') + 1) + 1, text}
}

func syntaxError(src string, p part, head int, err error) error {
	var list scanner.ErrorList
	if errors.As(err, &list) && len(list) > 0 {
		return at(src, min(p.start+list[0].Pos.Offset-head, p.end), list[0].Msg)
	}
	return at(src, p.start, err.Error())
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
	fset := token.NewFileSet()
	parts, err := s.parse(fset, src)
	if err != nil {
		return nil, err
	}
	s.overlay = &scope{up: s.top}
	s.topContext = &funcContext{top: true, labels: map[string]int{}}
	c := &compiler{s: s, u: s.types, scope: s.overlay, ctx: s.topContext}
	var now *parsed
	var undo []func()
	c.undo = &undo
	defer func() {
		switch r := recover().(type) {
		case nil:
		case compileError:
			for _, f := range c.instances {
				f()
			}
			for _, f := range undo {
				f()
			}
			err = c.errorAt(src, parts, now, fset, r)
		default:
			for _, f := range append(c.instances, undo...) {
				f()
			}
			// A fault of the compiler must not become one of the program.
			if e, ok := r.(*stopError); ok {
				err = e.err
			} else {
				err = &SyntaxError{Text: fmt.Sprintf("the console cannot compile this: %v", r)}
			}
		}
	}()
	c.declarations(parts, &now)
	for i := range parts {
		now = &parts[i]
		for _, st := range parts[i].stmts {
			if d, ok := st.(*ast.DeclStmt); ok && d.Decl.(*ast.GenDecl).Tok == token.TYPE {
				continue
			} else if ok && c.hoisted[d] {
				continue
			}
			steps = append(steps, c.topStatement(st))
		}
	}
	now = nil
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

// errorAt gives an error its place in the source.
func (c *compiler) errorAt(src string, parts []parsed, now *parsed, fset *token.FileSet, e compileError) error {
	if e.pos.IsValid() {
		f := fset.File(e.pos)
		for i := range parts {
			if parts[i].file == f {
				return at(src, f.Offset(e.pos)+parts[i].shift, e.msg)
			}
		}
	}
	if now != nil {
		return at(src, now.start, e.msg)
	}
	return &SyntaxError{Text: e.msg}
}

// declarations compiles what may be used before it stands: imports, types, functions.
func (c *compiler) declarations(parts []parsed, now **parsed) {
	c.hoisted = map[*ast.DeclStmt]bool{}
	var specs []ast.Spec
	for i := range parts {
		*now = &parts[i]
		if d, ok := parts[i].decl.(*ast.GenDecl); ok {
			c.decl(d)
		}
		for _, st := range parts[i].stmts {
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
	}
	if specs != nil {
		c.typeDecls(specs)
	}
	var methods []*ast.FuncDecl
	for i := range parts {
		*now = &parts[i]
		d, ok := parts[i].decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if d.Body == nil {
			fail(d, "missing function body")
		}
		if d.Recv != nil {
			methods = append(methods, d)
			continue
		}
		c.funcDecl(d)
	}
	for _, d := range methods {
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
	case packageMode, builtinMode, genericMode:
		fail(x, "%s is not an expression", o.describe())
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
