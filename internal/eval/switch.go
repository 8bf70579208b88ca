package eval

import (
	"go/ast"
	"go/token"
	"reflect"

	"github.com/ispyd/ispyd/internal/eval/constant"
)

type clause struct {
	test func(*frame) bool // nil for default
	body code
}

func (c *compiler) switchStmt(n *ast.SwitchStmt, label string) code {
	c.push()
	init := c.simple(n.Init)
	var tag *operand
	var tagValue get
	slot := c.ctx.slot()
	if n.Tag != nil {
		x := c.plain(c.expr(n.Tag))
		tagValue = x.get
		tag = &operand{mode: valueMode, node: n.Tag, typ: x.typ, get: func(f *frame) reflect.Value { return f.slots[slot] }}
	}
	var clauses []clause
	fallback := -1
	seen := map[string]bool{}
	for i, s := range n.Body.List {
		cc := s.(*ast.CaseClause)
		var cl clause
		if cc.List == nil {
			if fallback >= 0 {
				fail(cc, "multiple defaults in switch")
			}
			fallback = i
		}
		var tests []func(*frame) bool
		for _, e := range cc.List {
			x := c.expr(e)
			if tag == nil {
				if x.isNil() || !x.typ.isBool() {
					fail(e, "invalid case %s in switch (mismatched types %s and bool)", e, x.typ)
				}
				tests = append(tests, c.plainBool(x))
				continue
			}
			if x.isConst() && !tag.typ.isInterface() && x.val.Kind() != constant.Bool {
				if s := x.val.ExactString(); seen[s] {
					fail(e, "duplicate case %s in expression switch", e)
				} else {
					seen[s] = true
				}
			}
			cmp := &ast.BinaryExpr{X: n.Tag, Op: token.EQL, Y: e}
			t := *tag
			tests = append(tests, c.plainBool(c.binaryOp(cmp, token.EQL, &t, x)))
		}
		if cc.List != nil {
			cl.test = anyOf(tests)
		}
		c.within(label, false, n.Body, func() {
			pop := c.push()
			if n := len(cc.Body); n > 0 {
				c.last = cc.Body[n-1]
			}
			cl.body = c.stmts(cc.Body)
			pop()
		})
		if len(cc.Body) > 0 && i == len(n.Body.List)-1 {
			if b, ok := cc.Body[len(cc.Body)-1].(*ast.BranchStmt); ok && b.Tok == token.FALLTHROUGH {
				fail(b, "cannot fallthrough final case in switch")
			}
		}
		clauses = append(clauses, cl)
	}
	return func(f *frame) ctl {
		if init != nil {
			init(f)
		}
		if tagValue != nil {
			f.slots[slot] = copyOf(tagValue(f))
		}
		at := fallback
		for i, cl := range clauses {
			if cl.test != nil && cl.test(f) {
				at = i
				break
			}
		}
		if at < 0 {
			return next
		}
		for {
			switch r := clauses[at].body(f); r {
			case breaks:
				return next
			case falls:
				at++
			default:
				return r
			}
		}
	}
}

func anyOf(tests []func(*frame) bool) func(*frame) bool {
	if len(tests) == 1 {
		return tests[0]
	}
	return func(f *frame) bool {
		for _, t := range tests {
			if t(f) {
				return true
			}
		}
		return false
	}
}

func (c *compiler) typeSwitch(n *ast.TypeSwitchStmt, label string) code {
	c.push()
	init := c.simple(n.Init)
	var name *ast.Ident
	var x *operand
	switch a := n.Assign.(type) {
	case *ast.AssignStmt:
		name = a.Lhs[0].(*ast.Ident)
		x = c.expr(a.Rhs[0].(*ast.TypeAssertExpr).X)
	case *ast.ExprStmt:
		x = c.expr(a.X.(*ast.TypeAssertExpr).X)
	}
	if x.isNil() || !x.typ.isInterface() {
		fail(n.Assign, "%s (%s) is not an interface", x.node, x)
	}
	type typeClause struct {
		match func(d reflect.Value) (reflect.Value, bool)
		bind  func(*frame, reflect.Value)
		body  code
	}
	var clauses []typeClause
	fallback := -1
	seen := map[*Type]bool{}
	for i, s := range n.Body.List {
		cc := s.(*ast.CaseClause)
		var cl typeClause
		var tests []func(reflect.Value) (reflect.Value, bool)
		one := x.typ
		for _, e := range cc.List {
			if id, ok := ast.Unparen(e).(*ast.Ident); ok && id.Name == "nil" && c.scope.find("nil") == nil {
				tests = append(tests, func(d reflect.Value) (reflect.Value, bool) { return d, !d.IsValid() })
				continue
			}
			t := c.typeExpr(e)
			if seen[t] {
				fail(e, "duplicate case %s in type switch", sourceOf(e))
			}
			seen[t] = true
			if !t.isInterface() {
				if why := t.missing(x.typ); why != "" {
					fail(e, "impossible type switch case: %s (%s) cannot have dynamic type %s (%s)", x.node, x, t, why)
				}
			}
			tests = append(tests, c.s.asserter(t))
			if len(cc.List) == 1 {
				one = t
			}
		}
		if cc.List == nil {
			if fallback >= 0 {
				fail(cc, "multiple defaults in switch")
			}
			fallback = i
		}
		single := len(cc.List) == 1 && one != x.typ
		cl.match = func(d reflect.Value) (reflect.Value, bool) {
			for _, t := range tests {
				if v, ok := t(d); ok {
					return v, true
				}
			}
			return reflect.Value{}, false
		}
		c.within(label, false, n.Body, func() {
			pop := c.push()
			defer pop()
			if name != nil && name.Name != "_" {
				_, make := c.declare(name.Name, one)
				whole := x.typ.rtype()
				cl.bind = func(f *frame, v reflect.Value) {
					box := make(f)
					switch {
					case single:
						box.Set(v)
					case v.IsValid():
						box.Set(retypeInterface(v, whole))
					}
				}
			}
			cl.body = c.stmts(cc.Body)
		})
		clauses = append(clauses, cl)
	}
	g := x.get
	return func(f *frame) ctl {
		if init != nil {
			init(f)
		}
		v := g(f)
		d := unbridge(v)
		at, matched := fallback, v
		for i, cl := range clauses {
			if m, ok := cl.match(d); ok {
				at, matched = i, m
				// The variable of a clause of several types, or of
				// none, is the interface.
				if len(n.Body.List[i].(*ast.CaseClause).List) != 1 {
					matched = v
				}
				break
			}
		}
		if at < 0 {
			return next
		}
		cl := clauses[at]
		if cl.bind != nil {
			cl.bind(f, matched)
		}
		if r := cl.body(f); r != breaks {
			return r
		}
		return next
	}
}

// retypeInterface is v, an interface, as the interface type rt.
func retypeInterface(v reflect.Value, rt reflect.Type) reflect.Value {
	if v.Type() == rt || v.Kind() != reflect.Interface {
		return v
	}
	return v.Convert(rt)
}

func (c *compiler) selectStmt(n *ast.SelectStmt, label string) code {
	type comm struct {
		dir  reflect.SelectDir
		ch   get
		val  get
		recv func(*frame, reflect.Value, bool)
		body code
	}
	var comms []comm
	fallback := -1
	for i, s := range n.Body.List {
		cc := s.(*ast.CommClause)
		var cm comm
		pop := c.push()
		switch st := cc.Comm.(type) {
		case nil:
			fallback = i
			cm.dir = reflect.SelectDefault
		case *ast.SendStmt:
			x := c.plain(c.expr(st.Chan))
			if x.typ.kind != reflect.Chan || x.typ.base().dir == reflect.RecvDir {
				fail(st, "invalid operation: cannot send to %s", x)
			}
			e := x.typ.base().elem
			cm.dir, cm.ch, cm.val = reflect.SelectSend, x.get, c.to(c.exprHint(st.Value, e), e, "send").get
		case *ast.ExprStmt:
			cm.dir, cm.ch, _ = c.recvClause(st.X)
		case *ast.AssignStmt:
			var e *Type
			cm.dir, cm.ch, e = c.recvClause(st.Rhs[0])
			types := []*Type{e, basicType[bool](c)}
			var sets [2]func(*frame, reflect.Value)
			for j, l := range st.Lhs {
				sets[j], _ = c.iteration(l, st.Tok, types[j])
			}
			rt := e.rtype()
			cm.recv = func(f *frame, v reflect.Value, ok bool) {
				if sets[0] != nil {
					sets[0](f, retype(v, rt))
				}
				if sets[1] != nil {
					sets[1](f, reflect.ValueOf(ok))
				}
			}
		}
		c.within(label, false, n.Body, func() { cm.body = c.stmts(cc.Body) })
		pop()
		comms = append(comms, cm)
	}
	return func(f *frame) ctl {
		th := f.th
		th.check()
		cases := make([]reflect.SelectCase, len(comms), len(comms)+1)
		for i, cm := range comms {
			cases[i].Dir = cm.dir
			if cm.ch != nil {
				cases[i].Chan = cm.ch(f)
			}
			if cm.val != nil {
				cases[i].Send = copyOf(cm.val(f))
			}
		}
		if fallback < 0 {
			cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(th.ev.done)})
		}
		i, v, ok := reflect.Select(cases)
		if i == len(comms) {
			th.wait()
		}
		cm := comms[i]
		if cm.recv != nil {
			cm.recv(f, v, ok)
		}
		if r := cm.body(f); r != breaks {
			return r
		}
		return next
	}
}

func (c *compiler) recvClause(n ast.Expr) (reflect.SelectDir, get, *Type) {
	u, ok := ast.Unparen(n).(*ast.UnaryExpr)
	if !ok || u.Op != token.ARROW {
		fail(n, "select case must be send or receive")
	}
	x := c.plain(c.expr(u.X))
	if x.typ.kind != reflect.Chan || x.typ.base().dir == reflect.SendDir {
		fail(n, "invalid operation: cannot receive from %s", x)
	}
	return reflect.SelectRecv, x.get, x.typ.base().elem
}
