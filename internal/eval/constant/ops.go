package constant

import (
	"go/token"
	"math/big"
)

// UnaryOp is op x. Where bits is not 0 the result of ^ is an unsigned integer of that
// size.
func UnaryOp(op token.Token, x Value, bits uint) Value {
	switch {
	case op == token.NOT && x.kind == Bool:
		return MakeBool(!x.truth)
	case op == token.ADD && x.kind >= Int:
		return x
	case op == token.SUB && x.kind >= Int:
		r := &value{kind: x.kind, re: new(big.Rat).Neg(x.re)}
		if x.kind == Complex {
			r.im = new(big.Rat).Neg(x.im)
		}
		return r
	case op == token.XOR && x.kind == Int:
		z := new(big.Int).Not(x.re.Num())
		if bits > 0 {
			z.And(z, mask(int(bits)))
		}
		return makeInt(z)
	}
	return unknown
}

// BinaryOp is x op y; of integers QUO is a Float and QUO_ASSIGN the integer. What is
// divided by must not be zero. Unknown stands for what is not defined.
func BinaryOp(x Value, op token.Token, y Value) Value {
	switch kind := max(x.kind, y.kind); {
	case x.kind == Unknown || y.kind == Unknown:
	case kind == Bool && op == token.LAND:
		return MakeBool(x.truth && y.truth)
	case kind == Bool && op == token.LOR:
		return MakeBool(x.truth || y.truth)
	case x.kind == String && y.kind == String && op == token.ADD:
		return MakeString(x.text + y.text)
	case min(x.kind, y.kind) < Int:
	case kind == Complex:
		return complexOp(ToComplex(x), op, ToComplex(y))
	case kind == Int && op != token.QUO:
		if z := intOp(x.re.Num(), op, y.re.Num()); z != nil {
			return makeInt(z)
		}
	default:
		if z := floatOp(x.re, op, y.re); z != nil {
			return makeFloat(z)
		}
	}
	return unknown
}

func intOp(x *big.Int, op token.Token, y *big.Int) *big.Int {
	z := new(big.Int)
	switch op {
	case token.ADD:
		return z.Add(x, y)
	case token.SUB:
		return z.Sub(x, y)
	case token.MUL:
		return z.Mul(x, y)
	case token.QUO_ASSIGN:
		return z.Quo(x, y)
	case token.REM:
		return z.Rem(x, y)
	case token.AND:
		return z.And(x, y)
	case token.OR:
		return z.Or(x, y)
	case token.XOR:
		return z.Xor(x, y)
	case token.AND_NOT:
		return z.AndNot(x, y)
	}
	return nil
}

func floatOp(x *big.Rat, op token.Token, y *big.Rat) *big.Rat {
	z := new(big.Rat)
	switch op {
	case token.ADD:
		return z.Add(x, y)
	case token.SUB:
		return z.Sub(x, y)
	case token.MUL:
		return z.Mul(x, y)
	case token.QUO:
		return z.Quo(x, y)
	}
	return nil
}

func complexOp(x Value, op token.Token, y Value) Value {
	// mix is a c op b d of a+bi and c+di.
	mix := func(a, c *big.Rat, op token.Token, b, d *big.Rat) *big.Rat {
		return floatOp(floatOp(a, token.MUL, c), op, floatOp(b, token.MUL, d))
	}
	a, b, c, d := x.re, x.im, y.re, y.im
	switch op {
	case token.ADD, token.SUB:
		return makeComplex(floatOp(a, op, c), floatOp(b, op, d))
	case token.MUL:
		return makeComplex(mix(a, c, token.SUB, b, d), mix(b, c, token.ADD, a, d))
	case token.QUO:
		s := mix(c, c, token.ADD, d, d)
		return makeComplex(floatOp(mix(a, c, token.ADD, b, d), op, s), floatOp(mix(b, c, token.SUB, a, d), op, s))
	}
	return unknown
}

// Shift is x << s or x >> s of an integer.
func Shift(x Value, op token.Token, s uint) Value {
	z := new(big.Int)
	switch {
	case x.kind != Int:
		return unknown
	case op == token.SHL:
		z.Lsh(x.re.Num(), s)
	default:
		z.Rsh(x.re.Num(), s)
	}
	return makeInt(z)
}

// Compare is x op y, false where they are not comparable.
func Compare(x Value, op token.Token, y Value) bool {
	c := 0
	switch {
	case x.kind == Unknown || y.kind == Unknown:
		return false
	case x.kind == Bool:
		if x.truth != y.truth {
			c = 1
		}
	case x.kind == String:
		switch {
		case x.text < y.text:
			c = -1
		case x.text > y.text:
			c = 1
		}
	default:
		x, y = ToComplex(x), ToComplex(y)
		if c = x.re.Cmp(y.re); c == 0 {
			c = x.im.Cmp(y.im)
		}
	}
	switch op {
	case token.EQL:
		return c == 0
	case token.NEQ:
		return c != 0
	case token.LSS:
		return c < 0
	case token.LEQ:
		return c <= 0
	case token.GTR:
		return c > 0
	}
	return c >= 0
}
