package eval

import (
	"go/ast"
	"reflect"
)

func (c *compiler) typeAssert(n *ast.TypeAssertExpr) *operand {
	x := c.checked(c.any(n.X, nil), n.X)
	if n.Type == nil {
		fail(n, "invalid syntax tree: use of .(type) outside type switch")
	}
	if !x.typ.isInterface() {
		fail(n.X, "invalid operation: %s (%s) is not an interface", n.X, x)
	}
	t := c.typeExpr(n.Type)
	if !t.isInterface() {
		if why := t.missing(x.typ); why != "" {
			fail(n, "impossible type assertion: %s: %s does not implement %s (%s)", sourceOf(n), t, x.typ, why)
		}
	}
	test := c.s.asserter(t)
	g := x.get
	zero := reflect.Zero(t.rtype())
	from := x.typ
	r := &operand{mode: valueMode, node: n, typ: t}
	r.pair = func(f *frame) (reflect.Value, bool) {
		if v, ok := test(unbridge(g(f))); ok {
			return v, true
		}
		return zero, false
	}
	s := c.s
	r.get = func(f *frame) reflect.Value {
		d := unbridge(g(f))
		v, ok := test(d)
		if !ok {
			panic(s.assertionError(from, t, d))
		}
		return v
	}
	return r
}

func (c *compiler) receive(n *ast.UnaryExpr) *operand {
	x := c.checked(c.any(n.X, nil), n.X)
	if x.typ.kind != reflect.Chan || x.typ.base().dir == reflect.SendDir {
		fail(n, "invalid operation: cannot receive from %s (%s)", n.X, x)
	}
	g, e := x.get, x.typ.base().elem
	rt := e.rtype()
	recv := func(f *frame) (reflect.Value, bool) {
		v, ok := f.th.receive(g(f))
		return retype(v, rt), ok
	}
	return &operand{mode: valueMode, node: n, typ: e, pair: recv, effect: true,
		get: func(f *frame) reflect.Value { v, _ := recv(f); return v }}
}
