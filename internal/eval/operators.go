package eval

import (
	"go/ast"
	"go/token"
	"reflect"

	"github.com/ispyd/ispyd/internal/eval/constant"
)

func (c *compiler) unary(n *ast.UnaryExpr, hint *Type) *operand {
	switch n.Op {
	case token.AND:
		return c.address(n, hint)
	case token.ARROW:
		return c.receive(n)
	case token.TILDE:
		fail(n, "cannot use ~ outside of a constraint")
	}
	x := c.exprHint(n.X, hint)
	ok := x.typ.isNumeric()
	switch n.Op {
	case token.NOT:
		ok = x.typ.isBool()
	case token.XOR:
		ok = x.typ.isInteger()
	}
	if x.isNil() || !ok {
		fail(n, "invalid operation: operator %s not defined on %s (%s)", n.Op, n.X, x)
	}
	if x.isConst() {
		size := uint(0)
		if n.Op == token.XOR && x.typ.isUnsigned() && x.typ.untyped == typed {
			size = uint(bitsOf(x.typ))
		}
		v := constant.UnaryOp(n.Op, x.val, size)
		if x.typ.untyped == typed {
			return c.constantValue(n, v, x.typ)
		}
		return c.constant(n, v, x.typ)
	}
	t := x.typ
	switch {
	case n.Op == token.NOT:
		cond := x.truth()
		return c.ofTruth(n, t, func(f *frame) bool { return !cond(f) })
	case n.Op == token.ADD:
		return &operand{mode: valueMode, node: n, typ: t, get: x.get, num: x.num}
	case t.isInteger():
		num := x.number()
		if n.Op == token.SUB {
			return c.ofNumber(n, t, wrapNumber(t, func(f *frame) int64 { return -num(f) }))
		}
		return c.ofNumber(n, t, wrapNumber(t, func(f *frame) int64 { return ^num(f) }))
	}
	plain := t.rtype()
	g := x.get
	if t.isComplex() {
		return c.value(n, t, func(f *frame) reflect.Value {
			r := reflect.New(plain).Elem()
			r.SetComplex(-g(f).Complex())
			return r
		})
	}
	return c.value(n, t, func(f *frame) reflect.Value {
		r := reflect.New(plain).Elem()
		r.SetFloat(-g(f).Float())
		return r
	})
}

// binary compiles x op y. hint is the type that the context would give an untyped
// constant, nil where it gives none: a shift of one by a variable takes it.
func (c *compiler) binary(n *ast.BinaryExpr, hint *Type) *operand {
	if n.Op == token.SHL || n.Op == token.SHR {
		return c.shift(n, n.Op, c.exprHint(n.X, hint), c.expr(n.Y), hint)
	}
	if isComparison(n.Op) || n.Op == token.LAND || n.Op == token.LOR {
		hint = nil
	}
	// Each side is the context of the other.
	if hasShift(n.X) {
		y := c.exprHint(n.Y, hint)
		if y.typ.untyped == typed {
			hint = y.typ
		}
		return c.binaryOp(n, n.Op, c.exprHint(n.X, hint), y)
	}
	x := c.exprHint(n.X, hint)
	if x.typ.untyped == typed {
		hint = x.typ
	}
	return c.binaryOp(n, n.Op, x, c.exprHint(n.Y, hint))
}

func isComparison(op token.Token) bool {
	switch op {
	case token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ:
		return true
	}
	return false
}

// match gives both operands one type.
func (c *compiler) match(n ast.Expr, op token.Token, x, y *operand) (*operand, *operand) {
	xu, yu := x.typ.untyped != typed, y.typ.untyped != typed
	try := func(o *operand, t *Type) *operand {
		if o.isConst() {
			if t.isInterface() {
				return c.to(o, t, "comparison")
			}
			if _, why := represent(o.val, t); why == "wrong kind" {
				mismatch(n, x, y)
			}
			return c.constantValue(o.node, o.val, t)
		}
		if ok, _ := o.typ.assignable(t); !ok {
			mismatch(n, x, y)
		}
		return c.to(o, t, "comparison")
	}
	switch {
	case xu && yu:
		if x.isNil() && y.isNil() {
			fail(n, "invalid operation: %s (operator %s not defined on nil)", n, op)
		}
		if x.isNil() || y.isNil() || constantClass(x.typ) != constantClass(y.typ) {
			mismatch(n, x, y)
		}
		return x, y
	case xu:
		return try(x, y.typ), y
	case yu:
		return x, try(y, x.typ)
	case x.typ == y.typ:
		return x, y
	}
	if isComparison(op) {
		if ok, _ := x.typ.assignable(y.typ); ok {
			return c.to(x, y.typ, "comparison"), y
		}
		if ok, _ := y.typ.assignable(x.typ); ok {
			return x, c.to(y, x.typ, "comparison")
		}
	}
	mismatch(n, x, y)
	return nil, nil
}

// mismatch fails. It is called at several places, which inlined were as many copies.
//
//go:noinline
func mismatch(n ast.Expr, x, y *operand) {
	fail(n, "invalid operation: %s (mismatched types %s and %s)", n, x.typ, y.typ)
}

// constantClass tells untyped types apart that do not mix.
func constantClass(t *Type) untyped {
	if t.isNumeric() {
		return untypedInt
	}
	return t.untyped
}

func (c *compiler) binaryOp(n ast.Expr, op token.Token, x, y *operand) *operand {
	nilSide := x.isNil() || y.isNil()
	x, y = c.match(n, op, x, y)
	if isComparison(op) {
		return c.comparison(n, op, x, y, nilSide)
	}
	t := x.typ
	ok := false
	switch op {
	case token.LAND, token.LOR:
		ok = t.isBool() && y.typ.isBool()
	case token.ADD:
		ok = t.isNumeric() || t.isString()
	case token.SUB, token.MUL, token.QUO:
		ok = t.isNumeric()
	default:
		ok = t.isInteger() && y.typ.isInteger()
	}
	if !ok {
		fail(n, "invalid operation: operator %s not defined on %s (%s)", op, x.node, x)
	}
	if x.isConst() && y.isConst() {
		return c.constantOp(n, op, x, y)
	}
	if op == token.LAND || op == token.LOR {
		if t.untyped != typed {
			t = y.typ
		}
		a, b := c.plainBool(x), c.plainBool(y)
		if op == token.LAND {
			return c.ofTruth(n, t, func(f *frame) bool { return a(f) && b(f) })
		}
		return c.ofTruth(n, t, func(f *frame) bool { return a(f) || b(f) })
	}
	if (op == token.QUO || op == token.REM) && y.isConst() && t.isInteger() && constant.Sign(y.val) == 0 {
		fail(n, "invalid operation: division by zero")
	}
	switch {
	case t.isInteger():
		return c.integerOp(n, op, t, x.number(), y.number())
	case t.isString():
		a, b := x.get, y.get
		rt := t.rtype()
		s := c.s
		return c.value(n, t, func(f *frame) reflect.Value {
			l, r := a(f).String(), b(f).String()
			s.checkSize(int64(len(l) + len(r)))
			v := reflect.New(rt).Elem()
			v.SetString(l + r)
			return v
		})
	case t.isFloat():
		return c.floatOp(n, op, t, x.get, y.get)
	}
	return c.complexOp(n, op, t, x.get, y.get)
}

func (c *compiler) plainBool(o *operand) func(*frame) bool {
	if o.isConst() {
		b := constant.BoolVal(o.val)
		return func(*frame) bool { return b }
	}
	return o.truth()
}

func (c *compiler) constantOp(n ast.Expr, op token.Token, x, y *operand) *operand {
	t := x.typ
	if t.untyped != typed && y.typ.untyped > t.untyped {
		t = y.typ
	}
	if op == token.QUO || op == token.REM {
		if constant.Sign(y.val) == 0 && y.val.Kind() != constant.Complex || y.val.Kind() == constant.Complex && constant.Sign(constant.Real(y.val)) == 0 && constant.Sign(constant.Imag(y.val)) == 0 {
			fail(n, "invalid operation: division by zero")
		}
	}
	a, b := x.val, y.val
	if op == token.QUO && t.isInteger() {
		a, b = constant.ToInt(a), constant.ToInt(b)
		op = token.QUO_ASSIGN // what go/constant calls integer division
	}
	v := constant.BinaryOp(a, op, b)
	if t.untyped == typed {
		r, why := represent(v, t)
		if why != "" {
			fail(n, "constant %s overflows %s", v, t)
		}
		return c.constantValue(n, r, t)
	}
	return c.constant(n, v, t)
}

func (c *compiler) comparison(n ast.Expr, op token.Token, x, y *operand, nilSide bool) *operand {
	boolType := c.u.consts[untypedBool]
	t := x.typ
	if t.untyped == untypedNil {
		t = y.typ
	}
	if x.isConst() && y.isConst() {
		for _, o := range []*operand{x, y} { // one of them may be complex
			if op != token.EQL && op != token.NEQ && !o.typ.ordered() {
				fail(n, "invalid operation: %s (operator %s not defined on %s)", n, op, o.typ)
			}
		}
		return c.constant(n, constant.MakeBool(constant.Compare(x.val, op, y.val)), boolType)
	}
	equality := op == token.EQL || op == token.NEQ
	switch {
	case equality && !nilSide && !t.comparable():
		fail(n, "invalid operation: %s (%s cannot be compared)", n, t)
	case !equality && !t.ordered():
		fail(n, "invalid operation: %s (operator %s not defined on %s)", n, op, t)
	}
	return c.ofTruth(n, boolType, c.compare(op, x, y, t, nilSide))
}

// compare computes a comparison of operands of the type t.
func (c *compiler) compare(op token.Token, x, y *operand, t *Type, nilSide bool) func(*frame) bool {
	if t.isInteger() {
		return compareNumbers(op, t.isUnsigned(), x.number(), y.number())
	}
	if t.isBool() {
		a, b := c.plainBool(x), c.plainBool(y)
		if op == token.EQL {
			return func(f *frame) bool { return a(f) == b(f) }
		}
		return func(f *frame) bool { return a(f) != b(f) }
	}
	a, b := x.get, y.get
	switch {
	case t.isString():
		return func(f *frame) bool {
			return ordered(op, a(f).String(), b(f).String())
		}
	case t.isFloat():
		return func(f *frame) bool { return ordered(op, a(f).Float(), b(f).Float()) }
	case nilSide:
		g := a
		if x.isConst() || y.typ != t || isNilGet(x) {
			g = b
		}
		want := op == token.EQL
		return func(f *frame) bool {
			v := g(f)
			return (v.IsNil()) == want
		}
	}
	want := op == token.EQL
	return func(f *frame) bool { return equal(a(f), b(f)) == want }
}

// isNilGet says that x was nil before match gave it a type.
func isNilGet(x *operand) bool {
	id, ok := ast.Unparen(x.node).(*ast.Ident)
	return ok && id.Name == "nil"
}

// equal is == of values of one type. Interfaces are compared by what the session
// put into them.
func equal(a, b reflect.Value) bool {
	if a.Kind() == reflect.Interface {
		return equalInterfaces(a, b)
	}
	if a.Kind() == reflect.Func || a.Kind() == reflect.Map || a.Kind() == reflect.Slice {
		return a.IsNil() && b.IsNil()
	}
	return a.Equal(b)
}

func equalInterfaces(a, b reflect.Value) bool {
	x, y := unbridge(a), unbridge(b)
	if x.IsValid() != y.IsValid() {
		return false
	}
	if !x.IsValid() {
		return true
	}
	if x.Type() != y.Type() {
		return false
	}
	if !x.Comparable() {
		throw("comparing uncomparable type %s", x.Type())
	}
	return x.Equal(y)
}

func ordered[T string | float64 | int64 | uint64](op token.Token, a, b T) bool {
	switch op {
	case token.EQL:
		return a == b
	case token.NEQ:
		return a != b
	case token.LSS:
		return a < b
	case token.LEQ:
		return a <= b
	case token.GTR:
		return a > b
	}
	return a >= b
}

func compareNumbers(op token.Token, unsigned bool, a, b func(*frame) int64) func(*frame) bool {
	if unsigned {
		return func(f *frame) bool { return ordered(op, uint64(a(f)), uint64(b(f))) }
	}
	return func(f *frame) bool { return ordered(op, a(f), b(f)) }
}

func (c *compiler) integerOp(n ast.Expr, op token.Token, t *Type, a, b func(*frame) int64) *operand {
	unsigned := t.isUnsigned()
	return c.ofNumber(n, t, wrapNumber(t, func(f *frame) int64 { return integer(op, unsigned, a(f), b(f)) }))
}

// integer is x op y. One function for all operators is a few nanoseconds slower than a
// closure for each, and much less code.
func integer(op token.Token, unsigned bool, x, y int64) int64 {
	switch op {
	case token.ADD:
		return x + y
	case token.SUB:
		return x - y
	case token.MUL:
		return x * y
	case token.QUO:
		if unsigned {
			return int64(uint64(x) / uint64(y))
		}
		return x / y
	case token.REM:
		if unsigned {
			return int64(uint64(x) % uint64(y))
		}
		return x % y
	case token.AND:
		return x & y
	case token.OR:
		return x | y
	case token.XOR:
		return x ^ y
	}
	return x &^ y
}

func (c *compiler) floatOp(n ast.Expr, op token.Token, t *Type, a, b get) *operand {
	rt := t.rtype()
	narrow := t.kind == reflect.Float32
	return c.value(n, t, func(f *frame) reflect.Value {
		r, y := a(f).Float(), b(f).Float()
		switch op {
		case token.ADD:
			r += y
		case token.SUB:
			r -= y
		case token.MUL:
			r *= y
		case token.QUO:
			r /= y
		}
		if narrow {
			r = float64(float32(r))
		}
		v := reflect.New(rt).Elem()
		v.SetFloat(r)
		return v
	})
}

func (c *compiler) complexOp(n ast.Expr, op token.Token, t *Type, a, b get) *operand {
	rt := t.rtype()
	return c.value(n, t, func(f *frame) reflect.Value {
		x, y := a(f).Complex(), b(f).Complex()
		switch op {
		case token.ADD:
			x += y
		case token.SUB:
			x -= y
		case token.MUL:
			x *= y
		case token.QUO:
			x /= y
		}
		v := reflect.New(rt).Elem()
		v.SetComplex(x)
		return v
	})
}
