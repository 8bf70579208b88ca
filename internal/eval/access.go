package eval

import (
	"go/ast"
	"go/token"
	"reflect"

	"github.com/ispyd/ispyd/internal/eval/constant"
)

// address compiles &x.
func (c *compiler) address(n *ast.UnaryExpr, hint *Type) *operand {
	c.shares++
	if lit, ok := ast.Unparen(n.X).(*ast.CompositeLit); ok {
		if hint != nil && hint.kind == reflect.Pointer {
			hint = hint.base().elem
		} else {
			hint = nil
		}
		x := c.composite(lit, hint)
		g, t := x.get, c.u.pointer(x.typ)
		rt := t.rtype()
		return c.value(n, t, func(f *frame) reflect.Value { return pointerTo(copyOf(g(f)), rt) })
	}
	x := c.expr(n.X)
	if x.mode != variableMode {
		fail(n, "cannot take address of %s (%s)", n.X, x)
	}
	g, t := x.get, c.u.pointer(x.typ)
	rt := t.rtype()
	return c.value(n, t, func(f *frame) reflect.Value { return pointerTo(g(f), rt) })
}

// pointerTo is v's address as a pointer of type rt.
func pointerTo(v reflect.Value, rt reflect.Type) reflect.Value {
	p := v.Addr()
	if p.Type() == rt {
		return p
	}
	return reflect.NewAt(rt.Elem(), p.UnsafePointer())
}

func (c *compiler) star(n *ast.StarExpr) *operand {
	x := c.any(n.X, nil)
	if x.mode == typeMode {
		return &operand{mode: typeMode, node: n, typ: c.u.pointer(x.typ)}
	}
	if x.mode == genericMode {
		x = c.instantiate(n.X, x, nil)
	}
	if x.typ == nil || x.isNil() || x.typ.kind != reflect.Pointer {
		fail(n, "invalid operation: cannot indirect %s (%s)", n.X, x)
	}
	return c.deref(n, x)
}

// deref is the variable that a pointer points to.
func (c *compiler) deref(n ast.Expr, x *operand) *operand {
	e, g := x.typ.base().elem, x.get
	rt, pos := e.rtype(), placeOf(n)
	at := func(f *frame, p reflect.Value) reflect.Value {
		if p.IsNil() {
			f.pos = pos
		}
		return pointee(p, rt)
	}
	r := &operand{mode: variableMode, node: n, typ: e, get: func(f *frame) reflect.Value { return at(f, g(f)) }}
	r.hold = func(f *frame) func() reflect.Value {
		p := copyOf(g(f))
		return func() reflect.Value { return at(f, p) }
	}
	r.fast()
	return r
}

// placeOf is where an expression does what its last part says: the name behind the dot.
func placeOf(n ast.Expr) token.Pos {
	if sel, ok := n.(*ast.SelectorExpr); ok {
		return sel.Sel.Pos()
	}
	return n.Pos()
}

func pointee(p reflect.Value, rt reflect.Type) reflect.Value {
	v := p.Elem()
	if !v.IsValid() {
		panic(nilDereference)
	}
	if v.Type() != rt {
		v = reflect.NewAt(rt, p.UnsafePointer()).Elem()
	}
	return v
}

func (c *compiler) index(n *ast.IndexExpr) *operand {
	x := c.any(n.X, nil)
	if x.mode == genericMode {
		return c.instantiate(n, x, []ast.Expr{n.Index})
	}
	if x.mode == typeMode {
		fail(n, "%s is not a generic type", x.typ)
	}
	x = c.checked(x, n.X)
	b := x.typ.base()
	if x.typ.kind == reflect.Pointer && b.elem.kind == reflect.Array {
		x = c.deref(n.X, x)
		b = x.typ.base()
	}
	t, pos := x.typ, n.Lbrack
	switch t.kind {
	case reflect.Map:
		return c.mapIndex(n, x)
	case reflect.String:
		if x.isConst() {
			if i := c.expr(n.Index); i.isConst() {
				s := constant.StringVal(x.val)
				k := c.constantIndex(i, len(s))
				return c.ofNumber(n, basicType[byte](c), func(*frame) int64 { return int64(s[k]) })
			}
			x = c.plain(x)
		}
		i := c.indexNumber(n.Index, -1)
		g := x.get
		return c.ofNumber(n, basicType[byte](c), func(f *frame) int64 {
			s, k := g(f).String(), i(f)
			if uint64(k) >= uint64(len(s)) {
				f.pos = pos
				throwIndex(k, len(s))
			}
			return int64(s[k])
		})
	case reflect.Slice, reflect.Array:
		size := -1
		if t.kind == reflect.Array {
			size = b.length
		}
		i := c.indexNumber(n.Index, size)
		e := b.elem
		g, rt := x.get, e.rtype()
		r := &operand{mode: variableMode, node: n, typ: e, get: func(f *frame) reflect.Value {
			v := g(f)
			k := i(f)
			if size := v.Len(); uint64(k) >= uint64(size) {
				f.pos = pos
				throwIndex(k, size)
			}
			return retype(v.Index(int(k)), rt)
		}}
		hold := x.hold
		r.hold = func(f *frame) func() reflect.Value {
			var find func() reflect.Value
			switch {
			case t.kind == reflect.Slice:
				v := copyOf(g(f))
				find = func() reflect.Value { return v }
			case hold != nil:
				find = hold(f)
			default:
				v := g(f)
				find = func() reflect.Value { return v }
			}
			k := i(f)
			return func() reflect.Value {
				v := find()
				if size := v.Len(); uint64(k) >= uint64(size) {
					throwIndex(k, size)
				}
				return v.Index(int(k))
			}
		}
		if t.kind == reflect.Array {
			r.mode = x.mode
			if r.mode != variableMode {
				r.mode = valueMode
			}
		}
		r.fast()
		return r
	}
	fail(n, "invalid operation: cannot index %s (%s)", n.X, x)
	return nil
}

func retype(v reflect.Value, rt reflect.Type) reflect.Value {
	if v.Type() == rt {
		return v
	}
	return reflect.NewAt(rt, addressable(v).Addr().UnsafePointer()).Elem()
}

// checked is x where it is a single value.
func (c *compiler) checked(x *operand, n ast.Expr) *operand {
	switch x.mode {
	case typeMode, packageMode, builtinMode, genericMode, novalue:
		fail(n, "%s (%s) is not a value", n, x)
	}
	if x.isNil() {
		fail(n, "use of untyped nil")
	}
	return x
}

func (c *compiler) constantIndex(i *operand, size int) int64 {
	v := constant.ToInt(i.val)
	if v.Kind() != constant.Int {
		fail(i.node, "invalid argument: index %s must be integer", i.node)
	}
	k, ok := constant.Int64Val(v)
	if !ok || k < 0 {
		fail(i.node, "invalid argument: index %s must not be negative or too large", i.node)
	}
	if size >= 0 && k >= int64(size) {
		fail(i.node, "invalid argument: index %d out of bounds [0:%d]", k, size)
	}
	return k
}

// indexNumber compiles an index; size is the length of an array, -1 for others.
func (c *compiler) indexNumber(n ast.Expr, size int) func(*frame) int64 {
	i := c.expr(n)
	if i.isConst() {
		k := c.constantIndex(i, size)
		return func(*frame) int64 { return k }
	}
	if !i.typ.isInteger() {
		fail(n, "invalid argument: index %s (%s) must be integer", n, i)
	}
	return i.number()
}

func (c *compiler) mapIndex(n *ast.IndexExpr, x *operand) *operand {
	t := x.typ
	b := t.base()
	k := c.to(c.exprHint(n.Index, b.key), b.key, "map index")
	m, key := x.get, k.get
	rt := b.elem.rtype()
	zero := reflect.Zero(rt)
	s := c.s
	find := func(f *frame) (reflect.Value, bool) {
		v := s.lookupMap(f.th.ev, m(f), key(f))
		if !v.IsValid() {
			return zero, false
		}
		return retype(v, rt), true
	}
	r := &operand{mode: mapElement, node: n, typ: b.elem, pair: find,
		get:       func(f *frame) reflect.Value { v, _ := find(f); return v },
		container: func(f *frame) reflect.Value { return m(f) }, key: key}
	r.fast()
	return r
}

func (c *compiler) sliceExpr(n *ast.SliceExpr) *operand {
	x := c.plain(c.expr(n.X))
	t := x.typ
	if t.kind == reflect.Pointer && t.base().elem.kind == reflect.Array {
		x = c.deref(n.X, x)
		t = x.typ
	}
	result := t
	switch t.kind {
	case reflect.String:
		if n.Slice3 {
			fail(n, "invalid operation: 3-index slice of string")
		}
	case reflect.Slice:
	case reflect.Array:
		if x.mode != variableMode {
			fail(n, "invalid operation: %s (slice of unaddressable value)", sourceOf(n))
		}
		result = c.u.slice(t.base().elem)
	default:
		fail(n, "cannot slice %s (%s)", n.X, x)
	}
	pos := n.Lbrack
	bound := func(e ast.Expr) func(*frame) int64 {
		if e == nil {
			return nil
		}
		return c.indexNumber(e, -1)
	}
	low, high, max := bound(n.Low), bound(n.High), bound(n.Max)
	g, rt := x.get, result.rtype()
	if t.kind == reflect.String {
		return c.value(n, t, func(f *frame) reflect.Value {
			v := g(f)
			lo, hi := int64(0), int64(v.Len())
			size := hi
			if low != nil {
				lo = low(f)
			}
			if high != nil {
				hi = high(f)
			}
			f.pos = pos
			switch {
			case uint64(hi) > uint64(size):
				throw("slice bounds out of range [:%d] with length %d", hi, size)
			case uint64(lo) > uint64(hi):
				throw("slice bounds out of range [%d:%d]", lo, hi)
			}
			r := reflect.New(v.Type()).Elem()
			r.SetString(v.String()[lo:hi])
			return r
		})
	}
	what := "capacity"
	if t.kind == reflect.Array {
		what = "length"
	}
	return c.value(n, result, func(f *frame) reflect.Value {
		v := g(f)
		lo, hi, limit := int64(0), int64(v.Len()), int64(v.Cap())
		size := limit
		if low != nil {
			lo = low(f)
		}
		if high != nil {
			hi = high(f)
		}
		f.pos = pos
		if max != nil {
			if limit = max(f); uint64(limit) > uint64(size) {
				throw("slice bounds out of range [::%d] with %s %d", limit, what, size)
			}
			if uint64(hi) > uint64(limit) {
				throw("slice bounds out of range [:%d:%d]", hi, limit)
			}
		}
		switch {
		case uint64(hi) > uint64(limit):
			throw("slice bounds out of range [:%d] with %s %d", hi, what, limit)
		case uint64(lo) > uint64(hi):
			throw("slice bounds out of range [%d:%d]", lo, hi)
		}
		r := v.Slice3(int(lo), int(hi), int(limit))
		if t.kind == reflect.Array {
			return retype(r, rt)
		}
		return r
	})
}
