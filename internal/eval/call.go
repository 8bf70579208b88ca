package eval

import (
	"go/ast"
	"reflect"
)

// call compiles f(…), T(x) and the builtin functions.
func (c *compiler) call(n *ast.CallExpr) *operand {
	f := c.any(n.Fun, nil)
	switch f.mode {
	case typeMode:
		if len(n.Args) != 1 || n.Ellipsis.IsValid() {
			fail(n, "wrong argument count in conversion to %s", f.typ)
		}
		return c.conversion(n, f.typ, c.exprHint(n.Args[0], f.typ))
	case builtinMode:
		return c.builtin(n, f.name)
	case genericMode:
		f = c.infer(n, f)
	}
	f = c.checked(f, n.Fun)
	if f.typ.kind != reflect.Func {
		fail(n, "invalid operation: cannot call non-function %s (%s)", n.Fun, f)
	}
	args, spread := c.arguments(n, f)
	return c.callWith(n, f, args, spread)
}

// invocation computes a function's receiver or value, and arguments, now, and
// returns what calls it: at once, deferred or on a goroutine of its own.
type invocation func(*frame) func(*thread) []reflect.Value

// prepare compiles the parts of a call.
func (c *compiler) prepare(f *operand, args func(*frame) []reflect.Value, spread bool) invocation {
	name := f.name
	if name == "" {
		name = sourceOf(f.node)
	}
	switch {
	case f.fn != nil:
		fn, s := f.fn, c.s
		return func(fr *frame) func(*thread) []reflect.Value {
			a := args(fr)
			return func(th *thread) []reflect.Value { return (&closure{fn: fn, s: s}).invoke(th, a) }
		}
	case f.method != nil:
		m, recv := f.method, f.receiver
		return func(fr *frame) func(*thread) []reflect.Value {
			r := recv(fr)
			if m.fn == nil || !m.ptr {
				r = copyOf(r)
			}
			a := args(fr)
			return func(th *thread) []reflect.Value { return th.callMethod(m, name, r, a, spread) }
		}
	}
	g := f.get
	return func(fr *frame) func(*thread) []reflect.Value {
		v := g(fr)
		v = copyOf(v)
		a := args(fr)
		return func(th *thread) []reflect.Value { return th.callValue(v, name, a, spread) }
	}
}

func (c *compiler) callWith(n *ast.CallExpr, f *operand, args func(*frame) []reflect.Value, spread bool) *operand {
	results := f.typ.base().results
	pos := n.Fun.Pos()
	if sel, ok := n.Fun.(*ast.SelectorExpr); ok {
		pos = sel.Sel.Pos()
	}
	var run func(fr *frame) []reflect.Value
	if f.fn != nil {
		cl := &closure{fn: f.fn, s: c.s}
		run = func(fr *frame) []reflect.Value {
			a := args(fr)
			fr.pos = pos
			return cl.invoke(fr.th, a)
		}
	} else {
		p := c.prepare(f, args, spread)
		run = func(fr *frame) []reflect.Value {
			call := p(fr)
			fr.pos = pos
			return call(fr.th)
		}
	}
	o := &operand{mode: novalue, node: n, results: results, many: run, effect: true}
	if len(results) == 1 {
		o.mode, o.typ = valueMode, results[0]
		rt := o.typ.rtype()
		o.get = func(fr *frame) reflect.Value { return retype(run(fr)[0], rt) }
		if o.typ.isInteger() || o.typ.isBool() {
			o.fast()
		}
	}
	return o
}

// arguments compiles the arguments of a call. spread says that the last one is the
// slice of a variadic function, as CallSlice takes it: session functions always get
// it so.
func (c *compiler) arguments(n *ast.CallExpr, f *operand) (args func(*frame) []reflect.Value, spread bool) {
	b := f.typ.base()
	params, variadic := b.params, b.variadic
	// g(f()) with several results of f.
	if len(n.Args) == 1 {
		if _, ok := ast.Unparen(n.Args[0]).(*ast.CallExpr); ok {
			x := c.any(n.Args[0], nil)
			if x.mode == novalue && len(x.results) > 1 {
				if n.Ellipsis.IsValid() {
					fail(n, "cannot use ... with multi-valued %s", n.Args[0])
				}
				if last := len(params) - 1; f.maybeVariadic() && !variadic {
					if len(x.results) != len(params) {
						variadic = true
					} else if ok, _ := x.results[last].assignable(params[last]); !ok {
						variadic = true
					}
				}
				return c.forward(n, x, params, variadic), b.variadic
			}
			return c.argumentList(n, f, []*operand{x})
		}
	}
	return c.argumentList(n, f, nil)
}

func (c *compiler) argumentList(n *ast.CallExpr, f *operand, done []*operand) (func(*frame) []reflect.Value, bool) {
	b := f.typ.base()
	params, variadic := b.params, b.variadic
	fixed := len(params)
	if variadic {
		fixed--
	}
	arg := func(i int, hint *Type) *operand {
		if i < len(done) {
			x := done[i]
			if x.mode == novalue || x.mode >= typeMode {
				return c.exprHint(n.Args[i], hint)
			}
			return x
		}
		return c.exprHint(n.Args[i], hint)
	}
	if n.Ellipsis.IsValid() && !variadic && !f.maybeVariadic() {
		fail(n, "have (...) but function is not variadic: %s", f.typ)
	}
	// Debug information does not tell whether a function is variadic: where its
	// last parameter is a slice, and the arguments fit only so, it is.
	if f.maybeVariadic() && !variadic && !n.Ellipsis.IsValid() {
		last := len(params) - 1
		switch {
		case len(n.Args) != len(params):
			variadic, fixed = true, last
		default:
			x := arg(last, params[last])
			ok, _ := x.typ.assignable(params[last])
			if x.isConst() || !ok {
				variadic, fixed = true, last
			}
			if len(done) == 0 {
				done = make([]*operand, 0, len(n.Args))
				for i := range n.Args[:last] {
					done = append(done, arg(i, params[i]))
				}
				done = append(done, x)
			}
		}
	}
	pass := func(x *operand, t *Type) get {
		c.lenient = f.own
		defer func() { c.lenient = false }()
		return c.to(x, t, "argument to "+sourceOf(n.Fun)).get
	}
	var gets []get
	switch {
	case n.Ellipsis.IsValid():
		if len(n.Args) != len(params) {
			c.wrongCount(n, f, len(n.Args))
		}
		fixed = len(params)
	case len(n.Args) < fixed, !variadic && len(n.Args) > fixed:
		c.wrongCount(n, f, len(n.Args))
	}
	for i := range fixed {
		gets = append(gets, pass(arg(i, params[i]), params[i]))
	}
	if n.Ellipsis.IsValid() || !variadic {
		return collect(gets), b.variadic
	}
	st := params[len(params)-1]
	et := st.base().elem
	var more []get
	for i := fixed; i < len(n.Args); i++ {
		more = append(more, pass(arg(i, et), et))
	}
	rt := st.rtype()
	gets = append(gets, func(f *frame) reflect.Value {
		if len(more) == 0 {
			return reflect.Zero(rt)
		}
		v := reflect.MakeSlice(rt, len(more), len(more))
		for i, g := range more {
			v.Index(i).Set(g(f))
		}
		return v
	})
	return collect(gets), b.variadic
}

// maybeVariadic says that nobody knows whether a function is variadic, and that it can
// be.
func (o *operand) maybeVariadic() bool {
	p := o.typ.base().params
	return o.loose && len(p) > 0 && p[len(p)-1].kind == reflect.Slice
}

func (c *compiler) wrongCount(n *ast.CallExpr, f *operand, have int) {
	what := "not enough"
	if have > len(f.typ.base().params) {
		what = "too many"
	}
	fail(n, "%s arguments in call to %s: want %s", what, n.Fun, f.typ.signature())
}

//go:noinline
func collect(gets []get) func(*frame) []reflect.Value {
	switch len(gets) {
	case 0:
		return func(*frame) []reflect.Value { return nil }
	case 1:
		g := gets[0]
		return func(f *frame) []reflect.Value { return []reflect.Value{g(f)} }
	}
	return func(f *frame) []reflect.Value {
		a := make([]reflect.Value, len(gets))
		for i, g := range gets {
			a[i] = g(f)
		}
		for i := range a {
			// Later arguments may change what earlier ones have read.
			if a[i].CanAddr() {
				a[i] = copyOf(a[i])
			}
		}
		return a
	}
}

// forward passes all results of x on.
func (c *compiler) forward(n *ast.CallExpr, x *operand, params []*Type, variadic bool) func(*frame) []reflect.Value {
	fixed := len(params)
	if variadic {
		fixed--
	}
	if len(x.results) < fixed || !variadic && len(x.results) > fixed {
		fail(n, "wrong number of arguments: %d values of %s for %d parameters", len(x.results), n.Args[0], len(params))
	}
	convert := c.converters(x, func(i int) *Type {
		if i < fixed {
			return params[i]
		}
		return params[len(params)-1].base().elem
	})
	return func(f *frame) []reflect.Value {
		vs := convert(f)
		if !variadic {
			return vs
		}
		last := reflect.MakeSlice(params[len(params)-1].rtype(), 0, len(vs)-fixed)
		for _, v := range vs[fixed:] {
			last = reflect.Append(last, v)
		}
		return append(vs[:fixed:fixed], last)
	}
}

// converters computes all results of a call, each as a value of the type that want
// says, nil for its own.
func (c *compiler) converters(x *operand, want func(i int) *Type) func(*frame) []reflect.Value {
	conv := make([]func(*frame, reflect.Value) reflect.Value, len(x.results))
	for i, t := range x.results {
		to := want(i)
		if to == nil || to == t {
			continue
		}
		slot := c.ctx.slot()
		o := c.to(&operand{mode: valueMode, node: x.node, typ: t, get: func(f *frame) reflect.Value { return f.slots[slot] }}, to, "assignment")
		g := o.get
		conv[i] = func(f *frame, v reflect.Value) reflect.Value {
			f.slots[slot] = v
			return g(f)
		}
	}
	run := x.many
	return func(f *frame) []reflect.Value {
		vs := run(f)
		out := make([]reflect.Value, len(vs))
		for i, v := range vs {
			if conv[i] != nil {
				v = conv[i](f, v)
			}
			out[i] = v
		}
		return out
	}
}

// deferred compiles the call of a go or defer statement.
func (c *compiler) deferredCall(n *ast.CallExpr, what string) invocation {
	f := c.any(n.Fun, nil)
	switch f.mode {
	case typeMode:
		fail(n, "%s requires function call, not conversion", what)
	case builtinMode:
		if f.name == "recover" {
			return func(*frame) func(*thread) []reflect.Value {
				return func(*thread) []reflect.Value { return nil }
			}
		}
		// The arguments are variables of the statement, set now.
		gets := make([]get, len(n.Args))
		args := make([]ast.Expr, len(n.Args))
		pop := c.push()
		defer pop()
		slots := make([]int, len(n.Args))
		for i, a := range n.Args {
			x := c.any(a, nil)
			if x.mode == typeMode {
				args[i], slots[i] = a, -1
				continue
			}
			x = c.plain(c.checked(x, a))
			name := "\x00" + string(rune('a'+i))
			o := &object{kind: varObject, name: name, typ: x.typ, ctx: c.ctx, slot: c.ctx.slot()}
			c.scope.set(o)
			gets[i], slots[i] = x.get, o.slot
			args[i] = &ast.Ident{NamePos: a.Pos(), Name: name}
		}
		call := *n
		call.Args = args
		o := c.builtin(&call, f.name)
		do := o.run()
		return func(fr *frame) func(*thread) []reflect.Value {
			vals := make([]reflect.Value, len(gets))
			for i, g := range gets {
				if slots[i] >= 0 {
					vals[i] = copyOf(g(fr))
				}
			}
			return func(th *thread) []reflect.Value {
				inner := &frame{slots: append([]reflect.Value(nil), fr.slots...), th: th, results: fr.results}
				for i, v := range vals {
					if slots[i] >= 0 {
						inner.slots[slots[i]] = v
					}
				}
				do(inner)
				return nil
			}
		}
	case genericMode:
		f = c.infer(n, f)
	}
	f = c.checked(f, n.Fun)
	if f.typ.kind != reflect.Func {
		fail(n, "invalid operation: cannot call non-function %s (%s)", n.Fun, f)
	}
	args, spread := c.arguments(n, f)
	return c.prepare(f, args, spread)
}

// run computes the operand for its effects.
func (o *operand) run() func(*frame) {
	if o.many != nil {
		many := o.many
		return func(f *frame) { many(f) }
	}
	g := o.get
	if g == nil {
		return func(*frame) {}
	}
	return func(f *frame) { g(f) }
}
