package eval

import (
	"go/ast"
	"go/token"
	"reflect"

	"github.com/ispyd/ispyd/internal/eval/constant"
)

func (c *compiler) forStmt(n *ast.ForStmt, label string) code {
	c.push()
	first := c.ctx.slots
	init := c.simple(n.Init)
	shares := c.shares
	var cond func(*frame) bool
	if n.Cond != nil {
		cond = c.condition(n.Cond, "for")
	}
	var body, post code
	c.within(label, true, n.Body, func() { body = c.block(n.Body) })
	post = c.simple(n.Post)
	again := c.again(label)
	var own []int // the loop's variables, which each iteration has for itself
	if a, ok := n.Init.(*ast.AssignStmt); ok && a.Tok == token.DEFINE && c.shares > shares {
		for _, o := range c.scope.names {
			if o.kind == varObject && o.ctx == c.ctx && o.slot >= first {
				own = append(own, o.slot)
			}
		}
	}
	return func(f *frame) ctl {
		if init != nil {
			init(f)
		}
		th := f.th
		for cond == nil || cond(f) {
			th.check()
			switch r := body(f); r {
			case next, continues, again:
			case breaks:
				return next
			default:
				return r
			}
			for _, slot := range own {
				f.slots[slot] = copyOf(f.slots[slot])
			}
			if post != nil {
				post(f)
			}
		}
		return next
	}
}

func (c *compiler) rangeStmt(n *ast.RangeStmt, label string) code {
	c.push()
	x := c.expr(n.X)
	if x.isConst() && x.typ.untyped != typed && x.val.Kind() != constant.String {
		t := basicType[int](c)
		if n.Tok == token.ASSIGN && n.Key != nil {
			if kt, _ := c.target(n.Key); kt != nil {
				t = kt
			}
		}
		if x.typ.untyped == untypedFloat && constant.ToInt(x.val).Kind() != constant.Int {
			fail(n.X, "cannot range over %s (%s)", n.X, x)
		}
		x = c.constantValue(n.X, x.val, t)
	}
	x = c.plain(x)
	t := x.typ
	given := []ast.Expr{n.Key, n.Value}
	pointer := false
	if blank(n.Value) && t.kind == reflect.Pointer && t.base().elem.kind == reflect.Array {
		// The array need not be there.
		size, g := int64(t.base().elem.base().length), x.get
		x = c.ofNumber(n.X, basicType[int](c), func(f *frame) int64 { g(f); return size })
		t = x.typ
		given[1] = nil
	}
	if t.kind == reflect.Pointer && t.base().elem.kind == reflect.Array {
		x = c.deref(n.X, x)
		t, pointer = x.typ, true
	}
	b := t.base()
	var types [2]*Type
	most := 2
	intType := basicType[int](c)
	switch {
	case t.isInteger():
		types[0], most = t, 1
	case t.isString():
		types = [2]*Type{intType, basicType[rune](c)}
	case t.kind == reflect.Slice || t.kind == reflect.Array:
		types = [2]*Type{intType, b.elem}
	case t.kind == reflect.Map:
		types = [2]*Type{b.key, b.elem}
	case t.kind == reflect.Chan && b.dir != reflect.SendDir:
		types[0], most = b.elem, 1
	case t.kind == reflect.Func && len(b.params) == 1 && len(b.results) == 0 && b.params[0].kind == reflect.Func:
		y := b.params[0].base()
		if len(y.results) != 1 || !y.results[0].isBool() || len(y.params) > 2 {
			fail(n.X, "cannot range over %s (%s)", n.X, x)
		}
		most = copy(types[:], y.params)
	default:
		hint := ""
		switch sel := t.lookup("Range"); {
		case sel == nil || sel.method == nil:
		case t.String() == "sync.Map" || t.String() == "*sync.Map":
			hint = ": write " + sourceOf(n.X) + ".Range(func(k, v any) bool { …; return true }), or print it as it stands"
		default:
			hint = ": it has a method Range" + sel.method.typ.signature()
		}
		fail(n.X, "cannot range over %s (%s)%s", n.X, x, hint)
	}
	var sets [2]func(*frame, reflect.Value)
	var numbers [2]func(*frame, int64)
	var begins [2]place
	for i, e := range given {
		if e == nil {
			continue
		}
		if i >= most {
			fail(e, "range over %s permits only %d iteration variable%s", n.X, most, plural(most))
		}
		if n.Tok == token.ASSIGN {
			begins[i] = c.assigned(e, types[i])
		}
		if begin := begins[i]; begin != nil {
			sets[i] = func(f *frame, v reflect.Value) { begin(f)(v) }
		} else {
			sets[i], numbers[i] = c.iteration(e, n.Tok, types[i])
		}
	}
	if a, b := begins[0], begins[1]; a != nil && b != nil {
		// Both places are computed before one is assigned to.
		slot := c.ctx.slot()
		sets[0] = func(f *frame, v reflect.Value) { f.slots[slot] = v }
		sets[1] = func(f *frame, v reflect.Value) {
			first, second := a(f), b(f)
			first(f.slots[slot])
			second(copyOf(v))
		}
	}
	var body code
	c.within(label, true, n.Body, func() { body = c.block(n.Body) })
	r := &ranging{set: sets, number: numbers, body: body, again: c.again(label), types: types, s: c.s}
	g := x.get
	switch {
	case t.isInteger():
		num := x.number()
		return func(f *frame) ctl { return r.integers(f, num(f), t) }
	case t.isString():
		return func(f *frame) ctl { return r.text(f, g(f).String()) }
	case t.kind == reflect.Slice:
		return func(f *frame) ctl { return r.list(f, copyOf(g(f))) }
	case t.kind == reflect.Array:
		if sets[1] != nil && !pointer {
			return func(f *frame) ctl { return r.list(f, copyOf(g(f))) }
		}
		return func(f *frame) ctl { return r.list(f, addressable(g(f))) }
	case t.kind == reflect.Map:
		return func(f *frame) ctl { return r.entries(f, g(f)) }
	case t.kind == reflect.Chan:
		return func(f *frame) ctl { return r.channel(f, g(f)) }
	}
	yield := b.params[0]
	return func(f *frame) ctl { return r.iterator(f, copyOf(g(f)), yield) }
}

// iteration compiles the setting of one variable of a range.
func (c *compiler) iteration(e ast.Expr, tok token.Token, t *Type) (set func(*frame, reflect.Value), number func(*frame, int64)) {
	if id, ok := e.(*ast.Ident); ok && id.Name == "_" {
		return nil, nil
	}
	if tok == token.DEFINE {
		id, ok := e.(*ast.Ident)
		if !ok {
			fail(e, "non-name %s on left side of :=", e)
		}
		_, make := c.declare(id.Name, t)
		if t.isInteger() && !t.isUnsigned() {
			number = func(f *frame, k int64) { make(f).SetInt(k) }
		}
		return func(f *frame, v reflect.Value) { make(f).Set(v) }, number
	}
	begin := c.assigned(e, t)
	return func(f *frame, v reflect.Value) { begin(f)(v) }, nil
}

// assigned compiles the assignment of values of type t to e; nil where that is blank.
func (c *compiler) assigned(e ast.Expr, t *Type) place {
	if blank(e) {
		return nil
	}
	to, at := c.target(e)
	slot := c.ctx.slot()
	held := c.to(&operand{mode: valueMode, node: e, typ: t, get: func(f *frame) reflect.Value { return f.slots[slot] }}, to, "range clause")
	g := held.get
	return func(f *frame) func(reflect.Value) {
		set := at(f)
		return func(v reflect.Value) {
			f.slots[slot] = v
			set(g(f))
		}
	}
}

// blank says that there is no variable.
func blank(e ast.Expr) bool {
	if e == nil {
		return true
	}
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "_"
}

// ranging is a compiled range over something.
type ranging struct {
	set    [2]func(*frame, reflect.Value)
	number [2]func(*frame, int64)
	body   code
	again  ctl
	types  [2]*Type
	s      *Session
}

// step runs the body once; done says that the loop ends, with what.
func (r *ranging) step(f *frame) (c ctl, done bool) {
	f.th.check()
	switch c = r.body(f); c {
	case next, continues, r.again:
		return next, false
	case breaks:
		return next, true
	}
	return c, true
}

func (r *ranging) index(f *frame, i int64) {
	switch {
	case r.set[0] == nil:
	case r.number[0] != nil:
		r.number[0](f, i)
	default:
		v := reflect.New(r.types[0].rtype()).Elem()
		u := v
		if u.CanUint() {
			u.SetUint(uint64(i))
		} else {
			u.SetInt(i)
		}
		r.set[0](f, v)
	}
}

func (r *ranging) integers(f *frame, n int64, t *Type) ctl {
	more := func(i int64) bool { return i < n }
	if t.isUnsigned() {
		more = func(i int64) bool { return uint64(i) < uint64(n) }
	}
	for i := int64(0); more(i); i++ {
		r.index(f, i)
		if c, done := r.step(f); done {
			return c
		}
	}
	return next
}

func (r *ranging) text(f *frame, s string) ctl {
	for i, ch := range s {
		r.index(f, int64(i))
		if r.set[1] != nil {
			r.set[1](f, reflect.ValueOf(ch))
		}
		if c, done := r.step(f); done {
			return c
		}
	}
	return next
}

func (r *ranging) list(f *frame, v reflect.Value) ctl {
	n := v.Len()
	var rt reflect.Type
	if r.set[1] != nil {
		rt = r.types[1].rtype()
	}
	for i := range n {
		r.index(f, int64(i))
		if r.set[1] != nil {
			r.set[1](f, retype(v.Index(i), rt))
		}
		if c, done := r.step(f); done {
			return c
		}
	}
	return next
}

func (r *ranging) entries(f *frame, m reflect.Value) (out ctl) {
	out = next
	r.s.walkMap(m, func(k, v reflect.Value) bool {
		if r.set[0] != nil {
			r.set[0](f, retype(k, r.types[0].rtype()))
		}
		if r.set[1] != nil {
			r.set[1](f, retype(v, r.types[1].rtype()))
		}
		c, done := r.step(f)
		if done {
			out = c
		}
		return !done
	})
	return out
}

func (r *ranging) channel(f *frame, ch reflect.Value) ctl {
	for {
		v, ok := f.th.receive(ch)
		if !ok {
			return next
		}
		if r.set[0] != nil {
			r.set[0](f, retype(v, r.types[0].rtype()))
		}
		if c, done := r.step(f); done {
			return c
		}
	}
}

// iterator ranges over a function: the body is the function that it calls.
func (r *ranging) iterator(f *frame, fn reflect.Value, yield *Type) ctl {
	out, over := next, false
	cl := &closure{fn: &function{name: "yield", typ: yield}, s: r.s}
	rt := yield.base().results[0].rtype()
	answer := func(more bool) []reflect.Value {
		v := reflect.New(rt).Elem()
		v.SetBool(more)
		return []reflect.Value{v}
	}
	cl.native = func(th *thread, args []reflect.Value) []reflect.Value {
		if over {
			throw("range function continued iteration after function for loop body returned false")
		}
		for i, v := range args {
			if r.set[i] != nil {
				r.set[i](f, v)
			}
		}
		over = true // as after a panic of the body
		c, done := r.step(f)
		if over = done; done {
			out = c
		}
		return answer(!done)
	}
	f.th.callValue(fn, "range function", []reflect.Value{r.s.funcValue(cl)}, false)
	over = true
	return out
}
