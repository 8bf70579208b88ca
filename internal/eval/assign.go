package eval

import (
	"go/ast"
	"go/token"
	"reflect"
)

// place computes where a value goes, once, and returns what puts it there.
type place func(*frame) func(reflect.Value)

// target compiles the left side of an assignment. t is nil for _.
func (c *compiler) target(n ast.Expr) (t *Type, at place) {
	if id, ok := ast.Unparen(n).(*ast.Ident); ok && id.Name == "_" {
		return nil, func(*frame) func(reflect.Value) { return func(reflect.Value) {} }
	}
	o := c.expr(n)
	switch o.mode {
	case variableMode:
		if hold := o.hold; hold != nil {
			return o.typ, func(f *frame) func(reflect.Value) {
				v := hold(f)
				return func(x reflect.Value) { v().Set(x) }
			}
		}
		g := o.get
		return o.typ, func(f *frame) func(reflect.Value) {
			v := g(f)
			return func(x reflect.Value) { v.Set(x) }
		}
	case mapElement:
		m, key := o.container, o.key
		return o.typ, func(f *frame) func(reflect.Value) {
			mv, k := m(f), key(f)
			k = copyOf(k)
			th := f.th
			return func(x reflect.Value) { setMap(th, mv, k, x) }
		}
	}
	if sel, ok := ast.Unparen(n).(*ast.SelectorExpr); ok {
		if _, ok := ast.Unparen(sel.X).(*ast.IndexExpr); ok {
			fail(n, "cannot assign to struct field %s in map", n)
		}
	}
	fail(n, "cannot assign to %s (neither addressable nor a map index expression)", n)
	return nil, nil
}

func setMap(th *thread, m, k, x reflect.Value) {
	if m.IsNil() {
		panic(plainError("assignment to entry in nil map"))
	}
	th.charge(int64(k.Type().Size()+x.Type().Size()) + 16)
	th.s.write(m, mapKey(k), x)
}

type plainError string

func (e plainError) Error() string { return string(e) }
func (plainError) RuntimeError()   {}

func (c *compiler) assign(n *ast.AssignStmt) code {
	switch n.Tok {
	case token.ASSIGN:
	case token.DEFINE:
		return c.define(n)
	default:
		if len(n.Lhs) != 1 || len(n.Rhs) != 1 {
			fail(n, "assignment operation %s requires single-valued expressions", n.Tok)
		}
		return c.assignOp(n.Lhs[0], n.Tok-(token.ADD_ASSIGN-token.ADD), n.Rhs[0], n)
	}
	if len(n.Lhs) == 1 && len(n.Rhs) == 1 {
		return c.assignOne(n.Lhs[0], n.Rhs[0])
	}
	types := make([]*Type, len(n.Lhs))
	places := make([]place, len(n.Lhs))
	for i, l := range n.Lhs {
		types[i], places[i] = c.target(l)
	}
	values := c.values(n, n.Rhs, types)
	return func(f *frame) ctl {
		sets := make([]func(reflect.Value), len(places))
		for i, p := range places {
			sets[i] = p(f)
		}
		for i, v := range values(f) {
			sets[i](v)
		}
		return next
	}
}

func (c *compiler) assignOne(l, r ast.Expr) code {
	t, at := c.target(l)
	if t == nil {
		x := c.plain(c.expr(r))
		g := x.get
		return func(f *frame) ctl { g(f); return next }
	}
	x := c.to(c.exprHint(r, t), t, "assignment")
	g := x.get
	o := c.simpleVariable(l)
	if o == nil && !hasCall(l) && !hasCall(r) {
		// Nothing can tell in what order its parts are computed.
		if o = c.expr(l); o.mode != variableMode {
			o = nil
		}
	}
	if o != nil {
		v := o.get
		if num := x.num; num != nil && !x.isConst() {
			if t.isUnsigned() {
				return func(f *frame) ctl { v(f).SetUint(uint64(num(f))); return next }
			}
			return func(f *frame) ctl { v(f).SetInt(num(f)); return next }
		}
		return func(f *frame) ctl {
			y := g(f)
			v(f).Set(y)
			return next
		}
	}
	return func(f *frame) ctl {
		set := at(f)
		set(g(f))
		return next
	}
}

// simpleVariable is the operand of a plain name, whose place costs nothing.
func (c *compiler) simpleVariable(n ast.Expr) *operand {
	id, ok := ast.Unparen(n).(*ast.Ident)
	if !ok {
		return nil
	}
	if o := c.ident(id); o.mode == variableMode {
		return o
	}
	return nil
}

// values compiles the right side of an assignment of several values. Types that are
// nil are the values' own. All are computed, and copied, before one is assigned.
func (c *compiler) values(at ast.Node, rhs []ast.Expr, types []*Type) func(*frame) []reflect.Value {
	if len(rhs) == 1 && len(types) > 1 {
		x := c.any(rhs[0], nil)
		if x.mode == novalue && len(x.results) == len(types) {
			for i, t := range types {
				if t == nil {
					types[i] = x.results[i]
				}
			}
			return c.converters(x, func(i int) *Type { return types[i] })
		}
		if len(types) == 2 && x.pair != nil {
			return c.pairValues(x, types)
		}
		have := len(x.results)
		if x.mode != novalue {
			fail(at, "assignment mismatch: %d variables but 1 value", len(types))
		}
		fail(at, "assignment mismatch: %d variables but %s returns %d value%s", len(types), rhs[0], have, plural(have))
	}
	if len(rhs) != len(types) {
		fail(at, "assignment mismatch: %d variable%s but %d value%s", len(types), plural(len(types)), len(rhs), plural(len(rhs)))
	}
	gets := make([]get, len(rhs))
	for i, r := range rhs {
		x := c.exprHint(r, types[i])
		if types[i] == nil {
			x = c.plain(x)
			types[i] = x.typ
		} else {
			x = c.to(x, types[i], "assignment")
		}
		gets[i] = x.get
	}
	if len(gets) == 1 {
		g := gets[0]
		return func(f *frame) []reflect.Value { return []reflect.Value{g(f)} }
	}
	return collect(gets)
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// pairValues are v, ok.
func (c *compiler) pairValues(x *operand, types []*Type) func(*frame) []reflect.Value {
	if types[0] == nil {
		types[0] = x.typ
	}
	boolType := basicType[bool](c)
	if types[1] == nil {
		types[1] = boolType
	}
	pair := x.pair
	y := &operand{mode: novalue, node: x.node, results: []*Type{x.typ, boolType}, many: func(f *frame) []reflect.Value {
		v, ok := pair(f)
		return []reflect.Value{v, reflect.ValueOf(ok)}
	}}
	return c.converters(y, func(i int) *Type { return types[i] })
}

func (c *compiler) define(n *ast.AssignStmt) code {
	fresh := make([]*ast.Ident, len(n.Lhs))
	types := make([]*Type, len(n.Lhs))
	places := make([]place, len(n.Lhs))
	some := false
	atTop := c.ctx.top && c.scope == c.s.overlay
	seen := map[string]bool{}
	for i, l := range n.Lhs {
		id, ok := l.(*ast.Ident)
		if !ok {
			fail(l, "non-name %s on left side of :=", l)
		}
		if id.Name != "_" && seen[id.Name] {
			fail(l, "%s repeated on left side of :=", id.Name)
		}
		seen[id.Name] = true
		o := c.scope.names[id.Name]
		if id.Name != "_" && o != nil && o.kind == varObject && !atTop {
			types[i], places[i] = c.target(l)
			continue
		}
		if id.Name != "_" {
			some = true
		}
		fresh[i] = id
	}
	if !some {
		fail(n, "no new variables on left side of :=")
	}
	values := c.values(n, n.Rhs, types)
	for i, id := range fresh {
		if id == nil {
			continue
		}
		t := types[i].defaultType()
		_, make := c.declare(id.Name, t)
		places[i] = func(f *frame) func(reflect.Value) {
			return func(v reflect.Value) { make(f).Set(v) }
		}
	}
	if len(places) == 1 {
		p := places[0]
		return func(f *frame) ctl {
			v := values(f)[0]
			p(f)(v)
			return next
		}
	}
	return func(f *frame) ctl {
		sets := make([]func(reflect.Value), len(places))
		for i, p := range places {
			sets[i] = p(f)
		}
		for i, v := range values(f) {
			sets[i](v)
		}
		return next
	}
}

// assignOp compiles x op= y. The place is computed once.
func (c *compiler) assignOp(l ast.Expr, op token.Token, r ast.Expr, at ast.Node) code {
	if o := c.simpleVariable(l); o != nil && o.typ.isInteger() {
		res := c.opResult(l, op, o, r)
		v, num := o.get, res.number()
		if o.typ.isUnsigned() {
			return func(f *frame) ctl { n := num(f); v(f).SetUint(uint64(n)); return next }
		}
		return func(f *frame) ctl { n := num(f); v(f).SetInt(n); return next }
	}
	o := c.expr(l)
	slot, keySlot := c.ctx.slot(), c.ctx.slot()
	switch o.mode {
	case variableMode:
		g := o.get
		held := &operand{mode: variableMode, node: l, typ: o.typ, get: func(f *frame) reflect.Value { return f.slots[slot] }}
		res := c.opResult(l, op, held, r)
		h := res.get
		return func(f *frame) ctl {
			v := g(f)
			f.slots[slot] = v
			x := h(f)
			v.Set(x)
			return next
		}
	case mapElement:
		m, key, t := o.container, o.key, o.typ
		rt := t.rtype()
		s := c.s
		held := &operand{mode: valueMode, node: l, typ: t, get: func(f *frame) reflect.Value {
			v := s.lookupMap(f.slots[slot], f.slots[keySlot])
			if !v.IsValid() {
				return reflect.Zero(rt)
			}
			return retype(v, rt)
		}}
		res := c.opResult(l, op, held, r)
		h := res.get
		return func(f *frame) ctl {
			mv := m(f)
			f.slots[slot], f.slots[keySlot] = mv, copyOf(key(f))
			k := f.slots[keySlot]
			x := h(f)
			setMap(f.th, mv, k, x)
			return next
		}
	}
	fail(at, "cannot assign to %s (neither addressable nor a map index expression)", l)
	return nil
}

func (c *compiler) opResult(l ast.Expr, op token.Token, x *operand, r ast.Expr) *operand {
	var res *operand
	e := &ast.BinaryExpr{X: l, Op: op, Y: r}
	if op == token.SHL || op == token.SHR {
		res = c.shift(e, op, x, c.expr(r), nil)
	} else {
		res = c.binaryOp(e, op, x, c.exprHint(r, x.typ))
	}
	return c.to(res, x.typ, "assignment")
}
