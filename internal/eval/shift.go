package eval

import (
	"go/ast"
	"go/token"
	"math"

	"github.com/ispyd/ispyd/internal/eval/constant"
)

// hasShift says that an expression is, or computes with, a shift.
func hasShift(n ast.Expr) bool {
	switch n := n.(type) {
	case *ast.ParenExpr:
		return hasShift(n.X)
	case *ast.UnaryExpr:
		return hasShift(n.X)
	case *ast.BinaryExpr:
		return n.Op == token.SHL || n.Op == token.SHR || hasShift(n.X) || hasShift(n.Y)
	}
	return false
}

// shift compiles x << y and x >> y; hint is as in binary.
func (c *compiler) shift(n ast.Expr, op token.Token, x, y *operand, hint *Type) *operand {
	if y.isConst() {
		i := constant.ToInt(y.val)
		if i.Kind() != constant.Int || constant.Sign(i) < 0 {
			fail(n, "invalid operation: invalid shift count %s", y.node)
		}
		k, exact := constant.Uint64Val(i)
		if !exact || k > math.MaxInt32 {
			fail(n, "invalid operation: shift count %s too large", y.node)
		}
		if x.isConst() {
			v := constant.ToInt(x.val)
			if v.Kind() != constant.Int || x.typ.untyped == typed && !x.typ.isInteger() {
				fail(n, "invalid operation: shifted operand %s must be integer", x.node)
			}
			if k > 10_000 {
				fail(n, "constant shift overflow")
			}
			r := constant.Shift(v, op, uint(k))
			if x.typ.untyped == typed {
				return c.constantValue(n, r, x.typ)
			}
			t := x.typ
			if !t.isInteger() {
				t = c.u.consts[untypedInt]
			}
			return c.constant(n, r, t)
		}
		y = c.constantValue(y.node, i, basicType[uint64](c))
	}
	if !y.typ.isInteger() {
		fail(n, "invalid operation: shift count %s must be integer", y.node)
	}
	if x.isConst() && x.typ.untyped != typed {
		if hint == nil || hint.isInterface() || hint.untyped != typed {
			hint = basicType[int](c)
		}
		if !hint.isInteger() {
			fail(n, "invalid operation: shifted operand %s (type %s) must be integer", x.node, hint)
		}
		x = c.constantValue(x.node, x.val, hint)
	}
	if !x.typ.isInteger() {
		fail(n, "invalid operation: shifted operand %s must be integer", x.node)
	}
	t, a, b := x.typ, x.number(), y.number()
	signed := !y.typ.isUnsigned()
	count := func(f *frame) uint64 {
		k := b(f)
		if signed && k < 0 {
			throw("negative shift amount")
		}
		return uint64(k)
	}
	var num func(*frame) int64
	switch {
	case op == token.SHL:
		num = func(f *frame) int64 { v := a(f); return v << count(f) }
	case t.isUnsigned():
		num = func(f *frame) int64 { v := a(f); return int64(uint64(v) >> count(f)) }
	default:
		num = func(f *frame) int64 { v := a(f); return v >> count(f) }
	}
	return c.ofNumber(n, t, wrapNumber(t, num))
}
