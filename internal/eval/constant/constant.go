// Package constant has the values of constants, with the arithmetic of the language.
//
// It is go/constant for what the evaluator asks of it. Numbers are fractions: big.Float,
// which go/constant goes over to where fractions get long, is as much code as all of
// this and math/big's integers. Long fractions are cut to 512 bits instead.
package constant

import (
	"go/token"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Kind is the kind of a value. Numbers are ordered: an operation has the later kind of
// its operands.
type Kind uint8

// The kinds of values. Unknown is the result of what has none.
const (
	Unknown Kind = iota
	Bool
	String
	Int
	Float
	Complex
)

// Value is a constant. It never changes.
type Value = *value

type value struct {
	kind   Kind
	truth  bool
	text   string
	re, im *big.Rat // re of Int is whole; im of Complex alone
}

var unknown = &value{}

// The limits of fractions: from mostBits their parts are cut to precision, and none has
// more than maxBits.
const (
	precision = 512
	mostBits  = 4 << 10
	maxBits   = 1 << 17
)

// MakeBool makes a constant of a bool.
func MakeBool(b bool) Value { return &value{kind: Bool, truth: b} }

// MakeString makes a constant of a string.
func MakeString(s string) Value { return &value{kind: String, text: s} }

// MakeInt64 makes a constant of an integer.
func MakeInt64(i int64) Value { return makeInt(big.NewInt(i)) }

// MakeFloat64 makes a constant of a float, which must be finite.
func MakeFloat64(f float64) Value {
	return MakeFromLiteral(strconv.FormatFloat(f, 'b', -1, 64), token.FLOAT) // mantissa and power of two
}

//go:noinline
func makeInt(i *big.Int) Value { return &value{kind: Int, re: new(big.Rat).SetInt(i)} }

//go:noinline
func makeFloat(r *big.Rat) Value {
	if r = cut(r); r == nil {
		return unknown
	}
	return &value{kind: Float, re: r}
}

func makeComplex(re, im *big.Rat) Value {
	if re, im = cut(re), cut(im); re == nil || im == nil {
		return unknown
	}
	return &value{kind: Complex, re: re, im: im}
}

// MakeImag makes i times x, a real number.
func MakeImag(x Value) Value {
	if x.kind != Int && x.kind != Float {
		return unknown
	}
	return makeComplex(new(big.Rat), x.re)
}

// MakeFromLiteral makes a constant of a literal, Unknown where it is not valid.
func MakeFromLiteral(lit string, tok token.Token) Value {
	switch tok {
	case token.INT:
		if i, ok := new(big.Int).SetString(lit, 0); ok {
			return makeInt(i)
		}
	case token.FLOAT:
		if r, ok := new(big.Rat).SetString(lit); ok {
			return makeFloat(r)
		}
	case token.IMAG:
		if r, ok := new(big.Rat).SetString(strings.TrimSuffix(lit, "i")); ok {
			return makeComplex(new(big.Rat), r)
		}
	case token.CHAR:
		if len(lit) > 2 {
			if r, _, _, err := strconv.UnquoteChar(lit[1:len(lit)-1], '\''); err == nil {
				return MakeInt64(int64(r))
			}
		}
	case token.STRING:
		if s, err := strconv.Unquote(lit); err == nil {
			return MakeString(s)
		}
	}
	return unknown
}

// cut rounds a long fraction, to even. It is nil where that takes too many bits still.
func cut(r *big.Rat) *big.Rat {
	n, d := r.Num(), r.Denom()
	if n.BitLen() <= mostBits && d.BitLen() <= mostBits {
		return r
	}
	// The quotient gets two bits at least beyond those that are kept. The lowest
	// stands for all that is cut off behind it.
	shift := precision + 2 - (n.BitLen() - d.BitLen())
	q, rest := new(big.Int).Abs(n), new(big.Int)
	if shift > 0 {
		q.Lsh(q, uint(shift))
	} else {
		d = new(big.Int).Lsh(d, uint(-shift))
	}
	if q.QuoRem(q, d, rest); rest.Sign() != 0 {
		q.SetBit(q, 0, 1)
	}
	extra := q.BitLen() - precision
	half := mask(extra - 1)
	half.Add(half, big.NewInt(int64(q.Bit(extra))))
	q.Rsh(q.Add(q, half), uint(extra))
	if n.Sign() < 0 {
		q.Neg(q)
	}
	extra -= shift
	one := big.NewInt(1)
	switch {
	case max(extra, -extra) > maxBits:
		return nil
	case extra > 0:
		q.Lsh(q, uint(extra))
	default:
		one.Lsh(one, uint(-extra))
	}
	return new(big.Rat).SetFrac(q, one)
}

func mask(bits int) *big.Int {
	m := new(big.Int).Lsh(big.NewInt(1), uint(bits))
	return m.Sub(m, big.NewInt(1))
}

// Kind is the kind of the constant.
func (x *value) Kind() Kind { return x.kind }

// String is a short form of the constant, for a person.
func (x *value) String() string {
	switch x.kind {
	case Bool:
		return strconv.FormatBool(x.truth)
	case String:
		const most = 72
		s := []rune(strconv.Quote(x.text))
		if len(s) > most {
			return string(s[:most-3]) + "..."
		}
		return string(s)
	case Int:
		return x.re.Num().String()
	case Float:
		return floatText(x.re)
	case Complex:
		return "(" + floatText(x.re) + " + " + floatText(x.im) + "i)"
	}
	return "unknown"
}

// ExactString is a form that tells the constant from all others of its type.
func (x *value) ExactString() string {
	switch x.kind {
	case String:
		return strconv.Quote(x.text)
	case Float:
		return x.re.RatString()
	case Complex:
		return "(" + x.re.RatString() + " + " + x.im.RatString() + "i)"
	}
	return x.String()
}

func floatText(r *big.Rat) string {
	f, _ := r.Float64()
	if (f == 0) == (r.Sign() == 0) && !math.IsInf(f, 0) {
		s := strconv.FormatFloat(f, 'g', 6, 64)
		if !r.IsInt() && !strings.Contains(s, ".") {
			s = strconv.FormatFloat(f, 'g', -1, 64)
		}
		return s
	}
	// Beyond the range of float64: some digits, and the power of ten.
	n, d := new(big.Int).Abs(r.Num()), r.Denom()
	shift := len(d.String()) - len(n.String()) + 10
	ten, _ := new(big.Int).SetString("1"+strings.Repeat("0", max(shift, -shift)), 10)
	if shift > 0 {
		n.Mul(n, ten)
	} else {
		d = ten.Mul(d, ten)
	}
	digits := n.Quo(n, d).String()
	m, _ := strconv.ParseFloat(digits[:1]+"."+digits[1:], 64)
	if r.Sign() < 0 {
		m = -m
	}
	e := len(digits) - 1 - shift
	sign := "e"
	if e > 0 {
		sign = "e+"
	}
	return strconv.FormatFloat(m, 'g', 6, 64) + sign + strconv.Itoa(e)
}

// BoolVal is the bool that x is.
func BoolVal(x Value) bool { return x.truth }

// StringVal is the string that x is.
func StringVal(x Value) string { return x.text }

// Int64Val is the integer x as an int64, and whether that is exact.
func Int64Val(x Value) (int64, bool) {
	if x.kind != Int {
		return 0, false
	}
	return x.re.Num().Int64(), x.re.Num().IsInt64()
}

// Uint64Val is the integer x as a uint64, and whether that is exact.
func Uint64Val(x Value) (uint64, bool) {
	if x.kind != Int {
		return 0, false
	}
	return x.re.Num().Uint64(), x.re.Num().IsUint64()
}

// Float64Val is the number nearest to x, infinite where x is too large.
func Float64Val(x Value) (float64, bool) {
	if x.re == nil {
		return 0, false
	}
	return x.re.Float64()
}

// Float32Val is Float64Val for a float32.
func Float32Val(x Value) (float32, bool) {
	if x.re == nil {
		return 0, false
	}
	return x.re.Float32()
}

// BitLen is the number of bits of the absolute value of an integer.
func BitLen(x Value) int {
	if x.kind != Int {
		return 0
	}
	return x.re.Num().BitLen()
}

// Sign is -1, 0 or 1 as x is below, at or above zero; of a complex number 0 means zero.
func Sign(x Value) int {
	switch x.kind {
	case Int, Float:
		return x.re.Sign()
	case Complex:
		return x.re.Sign() | x.im.Sign()
	}
	return 1
}

// ToInt is x as an Int, Unknown where it is not whole.
func ToInt(x Value) Value {
	if x = ToFloat(x); x.kind == Float && x.re.IsInt() {
		return makeInt(x.re.Num())
	}
	return unknown
}

// ToFloat is x as a Float, Unknown where it is not real.
//
//go:noinline
func ToFloat(x Value) Value {
	switch {
	case x.kind == Float:
		return x
	case x.kind == Int, x.kind == Complex && x.im.Sign() == 0:
		return &value{kind: Float, re: x.re}
	}
	return unknown
}

// ToComplex is x as a Complex, Unknown where it is no number.
//
//go:noinline
func ToComplex(x Value) Value {
	switch x.kind {
	case Int, Float:
		return &value{kind: Complex, re: x.re, im: new(big.Rat)}
	case Complex:
		return x
	}
	return unknown
}

// Real is the real part of a number.
func Real(x Value) Value {
	if x.kind == Complex {
		return &value{kind: Float, re: x.re}
	}
	return x
}

// Imag is the imaginary part of a number.
func Imag(x Value) Value {
	switch x.kind {
	case Int, Float:
		return MakeInt64(0)
	case Complex:
		return &value{kind: Float, re: x.im}
	}
	return x
}
