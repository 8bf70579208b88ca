package eval

import (
	"go/ast"
	"go/token"
	"reflect"
)

// nodeAt is a node without anything but a position.
type nodeAt token.Pos

func (n nodeAt) Pos() token.Pos { return token.Pos(n) }
func (n nodeAt) End() token.Pos { return token.Pos(n) }

// stmts compiles a list of statements.
func (c *compiler) stmts(list []ast.Stmt) code {
	in := newList(list)
	c.ctx.lists = append(c.ctx.lists, in)
	defer func() { c.ctx.lists = c.ctx.lists[:len(c.ctx.lists)-1] }()
	var l []code
	var at []token.Pos     // of each
	entry := map[ctl]int{} // of labels, in l
	for i, s := range list {
		in.at = i
		if s, ok := s.(*ast.LabeledStmt); ok {
			entry[c.jump(s.Label.Name, token.GOTO)] = len(l)
		}
		if e := c.stmt(s); e != nil {
			l = append(l, e)
			at = append(at, s.Pos())
		}
	}
	if in.jumped {
		return func(f *frame) ctl {
			for i := 0; i < len(l); i++ {
				f.pos = at[i]
				if r := l[i](f); r != next {
					to, ok := entry[r]
					if !ok {
						return r
					}
					f.th.check()
					i = to - 1
				}
			}
			return next
		}
	}
	switch len(l) {
	case 0:
		return func(*frame) ctl { return next }
	case 1:
		a, pos := l[0], at[0]
		return func(f *frame) ctl {
			f.pos = pos
			return a(f)
		}
	}
	return func(f *frame) ctl {
		for i, e := range l {
			f.pos = at[i]
			if r := e(f); r != next {
				return r
			}
		}
		return next
	}
}

// pureCall says that a call is one of a conversion or of a builtin function without an
// effect.
func (c *compiler) pureCall(n *ast.CallExpr) bool {
	f := c.any(n.Fun, nil)
	return f.mode == typeMode || f.mode == builtinMode
}

// list is the statements of a block, while they are compiled.
type list struct {
	stmts  []ast.Stmt
	labels map[string]int // where its labels are
	at     int
	jumped bool // there is a goto to one of them
}

// newList notes where the labels of a block are.
func newList(stmts []ast.Stmt) *list {
	l := &list{stmts: stmts}
	for i, s := range stmts {
		for s, ok := s.(*ast.LabeledStmt); ok; s, ok = s.Stmt.(*ast.LabeledStmt) {
			if l.labels == nil {
				l.labels = map[string]int{}
			}
			l.labels[s.Label.Name] = i
		}
	}
	return l
}

// jump is what follows a break, continue or goto with a label.
func (c *compiler) jump(label string, tok token.Token) ctl {
	id, ok := c.ctx.labels[label]
	if !ok {
		id = len(c.ctx.labels)
		c.ctx.labels[label] = id
	}
	return labelled + ctl(3*id) + map[token.Token]ctl{token.CONTINUE: 1, token.GOTO: 2}[tok]
}

// gotoStmt compiles a jump to a label of a block that is around it.
func (c *compiler) gotoStmt(n *ast.BranchStmt) ctl {
	if c.ctx.top {
		fail(n, "goto outside of a function: put it in func() { … }()")
	}
	for i := len(c.ctx.lists) - 1; i >= 0; i-- {
		l := c.ctx.lists[i]
		to, ok := l.labels[n.Label.Name]
		if !ok {
			continue
		}
		for _, s := range l.stmts[min(l.at+1, to):to] {
			d, decl := s.(*ast.DeclStmt)
			a, assign := s.(*ast.AssignStmt)
			if decl && d.Decl.(*ast.GenDecl).Tok == token.VAR || assign && a.Tok == token.DEFINE {
				fail(n, "goto %s jumps over variable declaration", n.Label.Name)
			}
		}
		l.jumped = true
		return c.jump(n.Label.Name, token.GOTO)
	}
	fail(n.Label, "label %s not defined, or goto jumps into its block", n.Label.Name)
	return next
}

func (c *compiler) block(b *ast.BlockStmt) code {
	pop := c.push()
	code := c.stmts(b.List)
	pop()
	return code
}

// stmt compiles a statement; nil is nothing to do. The scopes that it opens end with it.
func (c *compiler) stmt(n ast.Stmt) code {
	c.enter(n)
	scope := c.scope
	code := c.statement(n)
	c.scope = scope
	c.depth--
	return code
}

func (c *compiler) statement(n ast.Stmt) code {
	label := c.label
	c.label = ""
	switch n := n.(type) {
	case *ast.EmptyStmt:
		return nil
	case *ast.ExprStmt:
		o := c.any(n.X, nil)
		if !o.effect {
			if o.mode == typeMode || o.mode == packageMode || o.mode == builtinMode || o.mode == genericMode {
				fail(n, "%s is not an expression", o)
			}
			if call, ok := ast.Unparen(n.X).(*ast.CallExpr); !ok || o.isConst() || c.pureCall(call) {
				fail(n, "%s (%s) is not used", n.X, o)
			}
		}
		do := o.run()
		return func(f *frame) ctl { do(f); return next }
	case *ast.AssignStmt:
		return c.assign(n)
	case *ast.IncDecStmt:
		op := token.ADD
		if n.Tok == token.DEC {
			op = token.SUB
		}
		return c.assignOp(n.X, op, &ast.BasicLit{ValuePos: n.TokPos, Kind: token.INT, Value: "1"}, n)
	case *ast.BlockStmt:
		return c.block(n)
	case *ast.IfStmt:
		return c.ifStmt(n)
	case *ast.ForStmt:
		return c.forStmt(n, label)
	case *ast.RangeStmt:
		return c.rangeStmt(n, label)
	case *ast.SwitchStmt:
		return c.switchStmt(n, label)
	case *ast.TypeSwitchStmt:
		return c.typeSwitch(n, label)
	case *ast.SelectStmt:
		return c.selectStmt(n, label)
	case *ast.LabeledStmt:
		if c.ctx.defined[n.Label.Name] {
			fail(n, "label %s already defined", n.Label.Name)
		}
		if c.ctx.defined == nil {
			c.ctx.defined = map[string]bool{}
		}
		c.ctx.defined[n.Label.Name] = true
		end := c.jump(n.Label.Name, token.BREAK)
		c.label = n.Label.Name
		body := c.stmt(n.Stmt)
		c.label = ""
		if body == nil {
			return nil
		}
		return func(f *frame) ctl {
			if r := body(f); r != end {
				return r
			}
			return next
		}
	case *ast.BranchStmt:
		return c.branch(n)
	case *ast.ReturnStmt:
		return c.returnStmt(n)
	case *ast.DeferStmt:
		return c.deferStmt(n)
	case *ast.GoStmt:
		return c.goStmt(n)
	case *ast.SendStmt:
		return c.sendStmt(n)
	case *ast.DeclStmt:
		return c.decl(n.Decl.(*ast.GenDecl))
	}
	fail(n, "this statement is not supported by the console")
	return nil
}

func (c *compiler) branch(n *ast.BranchStmt) code {
	code := next
	switch n.Tok {
	case token.GOTO:
		code = c.gotoStmt(n)
	case token.FALLTHROUGH:
		if c.last != n {
			fail(n, "fallthrough statement out of place")
		}
		code = falls
	case token.BREAK, token.CONTINUE:
		code = breaks
		if n.Tok == token.CONTINUE {
			code = continues
		}
		found := false
		for i := len(c.ctx.loops) - 1; i >= 0 && !found; i-- {
			l := c.ctx.loops[i]
			if n.Label == nil {
				found = n.Tok == token.BREAK || l.continuing
			} else if l.label == n.Label.Name {
				if n.Tok == token.CONTINUE && !l.continuing {
					fail(n, "invalid continue label %s", l.label)
				}
				found = true
				code = c.jump(l.label, n.Tok)
			}
			if found && n.Tok == token.BREAK {
				if c.ctx.left == nil {
					c.ctx.left = map[*ast.BlockStmt]bool{}
				}
				c.ctx.left[l.body] = true
			}
		}
		if !found {
			if n.Label != nil {
				fail(n.Label, "invalid %s label %s", n.Tok, n.Label.Name)
			}
			if n.Tok == token.CONTINUE {
				fail(n, "continue not in for statement")
			}
			fail(n, "break not in for, switch, or select statement")
		}
	}
	return func(*frame) ctl { return code }
}

// within compiles what may be left by break, and by continue if it is a loop.
func (c *compiler) within(label string, loops bool, body *ast.BlockStmt, f func()) {
	c.ctx.loops = append(c.ctx.loops, loop{label: label, continuing: loops, body: body})
	defer func() { c.ctx.loops = c.ctx.loops[:len(c.ctx.loops)-1] }()
	f()
}

// again is what continue with the loop's label returns, 0 without a label.
func (c *compiler) again(label string) ctl {
	if label == "" {
		return -1
	}
	return c.jump(label, token.CONTINUE)
}

func (c *compiler) condition(n ast.Expr, what string) func(*frame) bool {
	o := c.expr(n)
	if o.isNil() || !o.typ.isBool() {
		fail(n, "non-boolean condition in %s statement", what)
	}
	return c.plainBool(o)
}

func (c *compiler) ifStmt(n *ast.IfStmt) code {
	c.push()
	init := c.simple(n.Init)
	cond := c.condition(n.Cond, "if")
	then := c.block(n.Body)
	var other code
	if n.Else != nil {
		other = c.stmt(n.Else)
	}
	return func(f *frame) ctl {
		if init != nil {
			init(f)
		}
		if cond(f) {
			return then(f)
		}
		if other != nil {
			return other(f)
		}
		return next
	}
}

func (c *compiler) simple(n ast.Stmt) code {
	if n == nil {
		return nil
	}
	return c.stmt(n)
}

func (c *compiler) returnStmt(n *ast.ReturnStmt) code {
	if c.ctx.top {
		fail(n, "return outside of a function; exit() ends the session")
	}
	want := c.ctx.results
	if len(n.Results) == 0 {
		if len(want) > 0 && !c.ctx.namedResults {
			fail(n, "not enough return values\n\thave ()\n\twant %s", typeList(want))
		}
		return func(*frame) ctl { return returns }
	}
	if len(n.Results) == 1 && len(want) != 1 {
		x := c.any(n.Results[0], nil)
		if x.mode == novalue && len(x.results) == len(want) && len(want) > 1 {
			all := c.converters(x, func(i int) *Type { return want[i] })
			return func(f *frame) ctl {
				for i, v := range all(f) {
					f.results[i].Set(v)
				}
				return returns
			}
		}
	}
	if len(n.Results) != len(want) {
		what := "not enough"
		if len(n.Results) > len(want) {
			what = "too many"
		}
		fail(n, "%s return values: %d, want %s", what, len(n.Results), typeList(want))
	}
	var gets []get
	for i, e := range n.Results {
		gets = append(gets, c.to(c.exprHint(e, want[i]), want[i], "return statement").get)
	}
	if len(gets) == 1 {
		g := gets[0]
		return func(f *frame) ctl {
			f.results[0].Set(g(f))
			return returns
		}
	}
	all := collect(gets)
	return func(f *frame) ctl {
		for i, v := range all(f) {
			f.results[i].Set(v)
		}
		return returns
	}
}

func typeList(l []*Type) string {
	s := "("
	for i, t := range l {
		if i > 0 {
			s += ", "
		}
		s += t.String()
	}
	return s + ")"
}

func (c *compiler) deferStmt(n *ast.DeferStmt) code {
	if c.ctx.top {
		fail(n, "defer outside of a function: put it in func() { … }()")
	}
	c.ctx.deferred = true
	call := c.deferredCall(n.Call, "defer")
	return func(f *frame) ctl {
		run := call(f)
		f.th.charge(128)
		f.defers = append(f.defers, func(th *thread, state *panicState) {
			depth := len(th.pending)
			th.pending = append(th.pending, state)
			defer func() {
				if len(th.pending) > depth {
					th.pending = th.pending[:depth]
				}
			}()
			run(th)
		})
		return next
	}
}

func (c *compiler) goStmt(n *ast.GoStmt) code {
	call := c.deferredCall(n.Call, "go")
	s := c.s
	return func(f *frame) ctl {
		s.spawn(f.th, call(f))
		return next
	}
}

func (c *compiler) sendStmt(n *ast.SendStmt) code {
	x := c.plain(c.expr(n.Chan))
	if x.typ.kind != reflect.Chan || x.typ.base().dir == reflect.RecvDir {
		fail(n, "invalid operation: cannot send to %s (%s)", n.Chan, x)
	}
	e := x.typ.base().elem
	v := c.to(c.exprHint(n.Value, e), e, "send")
	ch, val := x.get, v.get
	return func(f *frame) ctl {
		k := ch(f)
		f.th.send(k, val(f))
		return next
	}
}
