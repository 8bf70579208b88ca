package eval

import (
	"fmt"
	"go/ast"
	"go/token"
	"reflect"

	"github.com/ispyd/ispyd/internal/eval/constant"
)

var builtinNames = []string{"append", "cap", "clear", "close", "complex", "copy", "delete", "imag", "len", "make", "max", "min", "new", "panic", "print", "println", "real", "recover", "exit", "quit", "function"}

// arity is how many arguments a builtin function takes, most of which is -1 where there
// is no limit.
func arity(name string) (least, most int) {
	switch name {
	case "exit", "quit", "recover":
		return 0, 0
	case "print", "println":
		return 0, -1
	case "append", "max", "min":
		return 1, -1
	case "make":
		return 1, 3
	case "complex", "copy", "delete", "function":
		return 2, 2
	}
	return 1, 1
}

// builtin compiles a call of a builtin function.
func (c *compiler) builtin(n *ast.CallExpr, name string) *operand {
	want, limit := arity(name)
	if len(n.Args) < want {
		fail(n, "not enough arguments for %s (expected %d, found %d)", sourceOf(n), want, len(n.Args))
	}
	if limit >= 0 && len(n.Args) > limit {
		fail(n, "too many arguments for %s (expected %d, found %d)", sourceOf(n), limit, len(n.Args))
	}
	if n.Ellipsis.IsValid() && name != "append" {
		fail(n, "invalid operation: invalid use of ... with built-in %s", name)
	}
	switch name {
	case "append":
		return c.appendCall(n)
	case "cap", "len":
		return c.lenCall(n, name)
	case "complex", "real", "imag":
		return c.complexCall(n, name)
	case "copy":
		return c.copyCall(n)
	case "function":
		return c.functionCall(n)
	case "make":
		return c.makeCall(n)
	case "max", "min":
		return c.minCall(n, name)
	case "new":
		return c.newCall(n)
	case "recover":
		any := c.typeOf(anyType)
		return &operand{mode: valueMode, node: n, typ: any, effect: true, get: func(f *frame) reflect.Value { return f.recover() }}
	case "exit", "quit":
		return c.effect(n, func(*frame) { panic(&stopError{errQuit}) })
	}
	return c.statementCall(n, name)
}

// functionCall compiles function("main.charge", func(int) error), the function of the
// program that has this name. The type is the user's word.
func (c *compiler) functionCall(n *ast.CallExpr) *operand {
	name, t := c.expr(n.Args[0]), c.typeExpr(n.Args[1])
	if !name.isConst() || name.val.Kind() != constant.String || t.kind != reflect.Func || c.s.host == nil {
		fail(n, "function takes the name of a function of the program, a constant string, and its type, a func with the receiver first: function(\"main.(*T).m\", func(*T, int) error)")
	}
	f, err := c.s.host.Function(constant.StringVal(name.val), t.rtype())
	if err != nil {
		fail(n, "%v", err)
	}
	v := f.Value
	return &operand{mode: valueMode, node: n, typ: t, name: constant.StringVal(name.val), get: func(*frame) reflect.Value { return v }}
}

// effect is the operand of a call without a value.
//
//go:noinline
func (c *compiler) effect(n ast.Expr, do func(*frame)) *operand {
	return &operand{mode: novalue, node: n, effect: true, many: func(f *frame) []reflect.Value { do(f); return nil }}
}

// wrongArgument fails.
//
//go:noinline
func wrongArgument(n *ast.CallExpr, x *operand, want string) {
	fail(n, "invalid argument: %s (%s) must be %s", n.Args[0], x, want)
}

// statementCall compiles the builtin functions that have no value.
func (c *compiler) statementCall(n *ast.CallExpr, name string) *operand {
	switch name {
	case "panic":
		x := c.to(c.expr(n.Args[0]), c.typeOf(anyType), "argument to panic")
		g := x.get
		return c.effect(n, func(f *frame) {
			panic(g(f).Interface())
		})
	case "print", "println":
		var gets []get
		any := c.typeOf(anyType)
		for _, a := range n.Args {
			gets = append(gets, c.to(c.expr(a), any, "argument").get)
		}
		s := c.s
		return c.effect(n, func(f *frame) {
			for i, g := range gets {
				if i > 0 && name == "println" {
					fmt.Fprint(s.out, " ")
				}
				fmt.Fprint(s.out, s.printable(g(f)))
			}
			if name == "println" {
				fmt.Fprintln(s.out)
			}
		})
	}
	x := c.plain(c.expr(n.Args[0]))
	g, t := x.get, x.typ
	b := t.base()
	s := c.s
	switch name {
	case "clear":
		if t.kind != reflect.Map && t.kind != reflect.Slice {
			wrongArgument(n, x, "a map or slice")
		}
		return c.effect(n, func(f *frame) {
			s.mapLock.Lock()
			defer s.mapLock.Unlock()
			g(f).Clear()
		})
	case "close":
		if t.kind != reflect.Chan || b.dir == reflect.RecvDir {
			wrongArgument(n, x, "a channel to send on")
		}
		return c.effect(n, func(f *frame) {
			v := g(f)
			if v.IsNil() {
				panic(plainError("close of nil channel"))
			}
			v.Close()
		})
	case "delete":
		if t.kind != reflect.Map {
			wrongArgument(n, x, "a map")
		}
		k := c.to(c.expr(n.Args[1]), b.key, "argument to delete").get
		return c.effect(n, func(f *frame) {
			m, key := g(f), mapKey(k(f))
			if !m.IsNil() {
				s.write(m, key, reflect.Value{})
			}
		})
	}
	fail(n, "%s is not supported by the console", name)
	return nil
}

func (c *compiler) lenCall(n *ast.CallExpr, name string) *operand {
	x := c.expr(n.Args[0])
	intType := basicType[int](c)
	if x.isConst() && x.val.Kind() == constant.String && name == "len" {
		return c.constantValue(n, constant.MakeInt64(int64(len(constant.StringVal(x.val)))), intType)
	}
	x = c.plain(x)
	if x.typ.kind == reflect.Pointer && x.typ.base().elem.kind == reflect.Array {
		x = c.deref(n.Args[0], x)
	}
	ok := false
	switch x.typ.kind {
	case reflect.Slice, reflect.Array, reflect.Chan:
		ok = true
	case reflect.String, reflect.Map:
		ok = name == "len"
	}
	if !ok {
		fail(n, "invalid argument: %s (%s) for built-in %s", n.Args[0], x, name)
	}
	g, t := x.get, x.typ
	if t.kind == reflect.Array && hasCall(n.Args[0]) {
		size := int64(t.base().length)
		return c.ofNumber(n, intType, func(f *frame) int64 { g(f); return size })
	}
	if t.kind == reflect.Array {
		return c.constantValue(n, constant.MakeInt64(int64(t.base().length)), intType)
	}
	if name == "cap" {
		return c.ofNumber(n, intType, func(f *frame) int64 { return int64(g(f).Cap()) })
	}
	return c.ofNumber(n, intType, func(f *frame) int64 { return int64(g(f).Len()) })
}

// hasCall says that an expression has a call or a receive, for whose sake it must be
// computed.
func hasCall(n ast.Expr) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			found = true
		case *ast.UnaryExpr:
			found = found || n.Op == token.ARROW
		}
		return !found
	})
	return found
}

func (c *compiler) appendCall(n *ast.CallExpr) *operand {
	x := c.expr(n.Args[0])
	if x.isNil() || x.typ.kind != reflect.Slice {
		fail(n, "invalid argument: %s (%s) is not a slice", n.Args[0], x)
	}
	t := x.typ
	e := t.base().elem
	g := x.get
	s := c.s
	size := int64(e.rtype().Size())
	grown := func(f *frame, v reflect.Value, add int) {
		if n := v.Len() + add; n > v.Cap() {
			s.checkSize(int64(n) * size)
			f.th.charge(int64(n)*size + 32)
		}
	}
	if n.Ellipsis.IsValid() {
		if len(n.Args) != 2 {
			fail(n, "can only use ... with final argument")
		}
		y := c.plain(c.expr(n.Args[1]))
		if y.typ.isString() && e.kind == reflect.Uint8 {
			y = c.conversion(n.Args[1], t, y)
		} else {
			y = c.to(y, c.u.slice(e), "append")
		}
		h := y.get
		return c.value(n, t, func(f *frame) reflect.Value {
			v, w := g(f), h(f)
			grown(f, v, w.Len())
			return reflect.AppendSlice(v, w.Convert(v.Type()))
		})
	}
	var gets []get
	for _, a := range n.Args[1:] {
		gets = append(gets, c.to(c.exprHint(a, e), e, "argument to append").get)
	}
	return c.value(n, t, func(f *frame) reflect.Value {
		v := g(f)
		if len(gets) == 0 {
			return v
		}
		if v.CanAddr() {
			v = v.Slice3(0, v.Len(), v.Cap())
		}
		add := make([]reflect.Value, len(gets))
		for i, h := range gets {
			add[i] = h(f)
		}
		grown(f, v, len(gets))
		return reflect.Append(v, add...)
	})
}

func (c *compiler) copyCall(n *ast.CallExpr) *operand {
	x, y := c.plain(c.expr(n.Args[0])), c.plain(c.expr(n.Args[1]))
	ok := x.typ.kind == reflect.Slice
	if ok {
		e := x.typ.base().elem
		ok = y.typ.kind == reflect.Slice && y.typ.base().elem == e || y.typ.isString() && e.kind == reflect.Uint8
	}
	if !ok {
		fail(n, "invalid argument: copy expects slices of one type, not %s and %s", x.typ, y.typ)
	}
	a, b := x.get, y.get
	o := c.ofNumber(n, basicType[int](c), func(f *frame) int64 {
		return int64(reflect.Copy(a(f), b(f)))
	})
	o.effect = true
	return o
}

func (c *compiler) makeCall(n *ast.CallExpr) *operand {
	t := c.typeExpr(n.Args[0])
	var known []int64 // of the sizes
	size := func(i int) func(*frame) int64 {
		if i >= len(n.Args) {
			return nil
		}
		x := c.expr(n.Args[i])
		if x.isConst() {
			v := constant.ToInt(x.val)
			k, exact := constant.Int64Val(v)
			if v.Kind() != constant.Int || !exact || k < 0 {
				fail(x.node, "invalid argument: size %s must be a non-negative integer", x.node)
			}
			known = append(known, k)
			return func(*frame) int64 { return k }
		}
		if !x.typ.isInteger() {
			fail(x.node, "cannot convert %s (%s) to type int", x.node, x)
		}
		return x.number()
	}
	length, capacity := size(1), size(2)
	if len(known) == 2 && known[0] > known[1] {
		fail(n.Args[1], "invalid argument: length and capacity swapped")
	}
	rt := t.rtype()
	b := t.base()
	s := c.s
	number := func(f *frame, g func(*frame) int64, what string, each int64) int {
		if g == nil {
			return 0
		}
		k := g(f)
		if k < 0 || each > 0 && k > (1<<47)/each {
			throw("make%s out of range", what)
		}
		s.checkSize(k * max(each, 1))
		f.th.charge(k * each)
		return int(k)
	}
	switch t.kind {
	case reflect.Slice:
		if length == nil {
			fail(n, "invalid operation: %s expects 2 or 3 arguments; found 1", sourceOf(n))
		}
		each := int64(b.elem.rtype().Size())
		return c.value(n, t, func(f *frame) reflect.Value {
			k := number(f, length, "slice: len", each)
			m := k
			if capacity != nil {
				m = number(f, capacity, "slice: cap", each)
			}
			if m < k {
				throw("makeslice: cap out of range")
			}
			return reflect.MakeSlice(rt, k, m)
		})
	case reflect.Map:
		each := int64(b.key.rtype().Size() + b.elem.rtype().Size())
		return c.value(n, t, func(f *frame) reflect.Value {
			m := reflect.MakeMapWithSize(rt, number(f, length, "map: size", each))
			f.th.charge(64)
			s.owns(m)
			return m
		})
	case reflect.Chan:
		each := int64(b.elem.rtype().Size())
		both := reflect.ChanOf(reflect.BothDir, b.elem.rtype())
		return c.value(n, t, func(f *frame) reflect.Value {
			return reflect.MakeChan(both, number(f, length, "chan: size", each)).Convert(rt)
		})
	}
	fail(n, "invalid argument: cannot make %s; type must be slice, map, or channel", t)
	return nil
}

func (c *compiler) newCall(n *ast.CallExpr) *operand {
	x := c.any(n.Args[0], nil)
	if x.mode != typeMode {
		// new(expr), since Go 1.26.
		x = c.plain(c.checked(x, n.Args[0]))
		g := x.get
		t := c.u.pointer(x.typ)
		rt := t.rtype()
		return c.value(n, t, func(f *frame) reflect.Value { return pointerTo(copyOf(g(f)), rt) })
	}
	t := c.u.pointer(x.typ)
	rt, size := x.typ.rtype(), int64(x.typ.rtype().Size())
	s := c.s
	return c.value(n, t, func(f *frame) reflect.Value {
		s.checkSize(size)
		f.th.charge(size)
		return reflect.New(rt)
	})
}

func (c *compiler) minCall(n *ast.CallExpr, name string) *operand {
	op := token.LSS
	if name == "max" {
		op = token.GTR
	}
	x := c.expr(n.Args[0])
	if x.isNil() || !x.typ.ordered() {
		fail(n, "invalid argument: %s cannot be ordered", n.Args[0])
	}
	for _, a := range n.Args[1:] {
		y := c.expr(a)
		if !y.typ.ordered() {
			fail(a, "invalid argument: %s cannot be ordered", a)
		}
		x, y = c.match(n, op, x, y)
		if x.isConst() && y.isConst() {
			pick := x
			if constant.Compare(y.val, op, x.val) {
				pick = y
			}
			t := x.typ
			if t.untyped != typed && y.typ.untyped > t.untyped {
				t = y.typ
			}
			if t.untyped == typed {
				x = c.constantValue(n, pick.val, t)
			} else {
				x = c.constant(n, pick.val, t)
			}
			continue
		}
		t, g, h := x.typ, x.get, y.get
		var better func(a, b reflect.Value) bool
		switch {
		case t.isString():
			better = func(a, b reflect.Value) bool { return ordered(op, a.String(), b.String()) }
		case t.isFloat():
			better = func(a, b reflect.Value) bool {
				return a.Float() != a.Float() || ordered(op, a.Float(), b.Float())
			}
		case t.isUnsigned():
			better = func(a, b reflect.Value) bool { return ordered(op, a.Uint(), b.Uint()) }
		default:
			better = func(a, b reflect.Value) bool { return ordered(op, a.Int(), b.Int()) }
		}
		x = c.value(n, t, func(f *frame) reflect.Value {
			a, b := copyOf(g(f)), h(f)
			if better(b, a) {
				return b
			}
			return a
		})
	}
	x.node = n
	return x
}

func (c *compiler) complexCall(n *ast.CallExpr, name string) *operand {
	x := c.expr(n.Args[0])
	if name == "complex" {
		x, y := c.match(n, token.ADD, x, c.expr(n.Args[1]))
		if x.isConst() && y.isConst() && x.typ.untyped != typed {
			v := constant.BinaryOp(constant.ToFloat(x.val), token.ADD, constant.MakeImag(constant.ToFloat(y.val)))
			return c.constant(n, v, c.u.consts[untypedComplex])
		}
		x, y = c.plain(x), c.plain(y)
		if !x.typ.isFloat() {
			fail(n, "invalid argument: arguments have type %s, expected floating-point", x.typ)
		}
		t := basicType[complex128](c)
		if x.typ.kind == reflect.Float32 {
			t = basicType[complex64](c)
		}
		a, b, rt := x.get, y.get, t.rtype()
		return c.value(n, t, func(f *frame) reflect.Value {
			v := reflect.New(rt).Elem()
			v.SetComplex(complex(a(f).Float(), b(f).Float()))
			return v
		})
	}
	if x.isConst() && x.val.Kind() != constant.Bool && x.val.Kind() != constant.String {
		v := constant.Real(constant.ToComplex(x.val))
		if name == "imag" {
			v = constant.Imag(constant.ToComplex(x.val))
		}
		return c.constant(n, v, c.u.consts[untypedFloat])
	}
	if !x.typ.isComplex() {
		fail(n, "invalid argument: %s (%s) not of complex type", n.Args[0], x)
	}
	t := basicType[float64](c)
	if x.typ.kind == reflect.Complex64 {
		t = basicType[float32](c)
	}
	g, rt := x.get, t.rtype()
	return c.value(n, t, func(f *frame) reflect.Value {
		z := g(f).Complex()
		v := reflect.New(rt).Elem()
		if name == "real" {
			v.SetFloat(real(z))
		} else {
			v.SetFloat(imag(z))
		}
		return v
	})
}
