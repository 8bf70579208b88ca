package constant_test

import (
	oracle "go/constant"
	"go/token"
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/ispyd/ispyd/internal/eval/constant"
)

var literals = []struct {
	tok token.Token
	lit string
}{
	{token.INT, "0"}, {token.INT, "1"}, {token.INT, "7"}, {token.INT, "0x10"}, {token.INT, "0b101"}, {token.INT, "0o17"}, {token.INT, "017"}, {token.INT, "1_000_000"},
	{token.INT, "9223372036854775807"}, {token.INT, "18446744073709551616"}, {token.INT, "340282366920938463463374607431768211457"},
	{token.FLOAT, "0.0"}, {token.FLOAT, ".5"}, {token.FLOAT, "1."}, {token.FLOAT, "2.5"}, {token.FLOAT, "0.1"}, {token.FLOAT, "1e3"}, {token.FLOAT, "1e-3"}, {token.FLOAT, "1_0.2_5"},
	{token.FLOAT, "3.14159265358979323846264338327950288419716939937510582097494459"}, {token.FLOAT, "0x1p-1074"}, {token.FLOAT, "0x1.8p3"},
	{token.FLOAT, "1.7976931348623157e308"}, {token.FLOAT, "1e309"}, {token.FLOAT, "1e-400"}, {token.FLOAT, "3.25e2000"}, {token.FLOAT, "7e-3000"}, {token.FLOAT, "16777217.0"},
	{token.IMAG, "0i"}, {token.IMAG, "1i"}, {token.IMAG, "2.5i"}, {token.IMAG, "017i"}, {token.IMAG, "1e3i"}, {token.IMAG, "0x10i"},
	{token.CHAR, "'a'"}, {token.CHAR, `'\n'`}, {token.CHAR, `'\''`}, {token.CHAR, "'世'"}, {token.CHAR, `'\xff'`},
	{token.STRING, `"a"`}, {token.STRING, `"b\n"`}, {token.STRING, "`raw`"}, {token.STRING, `""`}, {token.STRING, `"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"`},
}

// pair is a constant of this package and go/constant's.
type pair struct {
	got  constant.Value
	want oracle.Value
}

var beyond = regexp.MustCompile(`e[-+](\d{4,}|[3-9]\d\d)`)

func (p pair) check(t *testing.T, what string) bool {
	t.Helper()
	g, w := p.got, p.want
	if int(g.Kind()) != int(w.Kind()) {
		t.Errorf("%s: kind %v, go/constant has %v (%v, %v)", what, g.Kind(), w.Kind(), g, w)
		return false
	}
	text := w.String()
	if w.Kind() == oracle.Complex {
		text = "(" + oracle.ToFloat(oracle.Real(w)).String() + " + " + oracle.ToFloat(oracle.Imag(w)).String() + "i)"
	}
	// Of numbers beyond float64 go/constant shows an approximation.
	if g.String() != text && !beyond.MatchString(text) {
		t.Errorf("%s: %v, go/constant has %v", what, g, w)
	}
	if w.Kind() == oracle.Unknown {
		return false
	}
	if k := g.Kind(); k == constant.Int || k == constant.Float {
		if constant.Sign(g) != oracle.Sign(w) {
			t.Errorf("%s: sign %d", what, constant.Sign(g))
		}
	}
	switch g.Kind() {
	case constant.Int:
		i, ok := constant.Int64Val(g)
		j, ok2 := oracle.Int64Val(w)
		if ok != ok2 || ok && i != j || constant.BitLen(g) != oracle.BitLen(w) {
			t.Errorf("%s: %d %v, go/constant has %d %v", what, i, ok, j, ok2)
		}
		k, ok := constant.Uint64Val(g)
		l, ok2 := oracle.Uint64Val(w)
		if ok != ok2 || ok && k != l {
			t.Errorf("%s: %d %v, go/constant has %d %v", what, k, ok, l, ok2)
		}
		fallthrough
	case constant.Float:
		sameFloats(t, what, g, w)
	case constant.Complex:
		sameFloats(t, what, constant.Real(g), oracle.Real(w))
		sameFloats(t, what, constant.Imag(g), oracle.Imag(w))
	}
	return true
}

func sameFloats(t *testing.T, what string, g constant.Value, w oracle.Value) {
	t.Helper()
	f, _ := constant.Float64Val(g)
	h, _ := oracle.Float64Val(w)
	if f != h {
		t.Errorf("%s: %g, go/constant has %g", what, f, h)
	}
	f32, _ := constant.Float32Val(g)
	h32, _ := oracle.Float32Val(w)
	if f32 != h32 {
		t.Errorf("%s: %g, go/constant has %g as float32", what, f32, h32)
	}
}

func all(t *testing.T) (l []pair) {
	for _, x := range literals {
		p := pair{constant.MakeFromLiteral(x.lit, x.tok), oracle.MakeFromLiteral(x.lit, x.tok, 0)}
		if p.check(t, x.lit) {
			l = append(l, p)
		}
	}
	return append(l, pair{constant.MakeBool(true), oracle.MakeBool(true)}, pair{constant.MakeBool(false), oracle.MakeBool(false)},
		pair{constant.MakeFloat64(-0.75), oracle.MakeFloat64(-0.75)}, pair{constant.MakeInt64(-5), oracle.MakeInt64(-5)})
}

func TestLiterals(t *testing.T) { all(t) }

func TestConversions(t *testing.T) {
	for _, p := range all(t) {
		if p.got.Kind() < constant.Int {
			continue
		}
		what := p.want.String()
		if !beyond.MatchString(what) { // go/constant makes no integers that large
			pair{constant.ToInt(p.got), oracle.ToInt(p.want)}.check(t, "ToInt "+what)
		}
		pair{constant.ToFloat(p.got), oracle.ToFloat(p.want)}.check(t, "ToFloat "+what)
		if c := constant.ToComplex(p.got); c.Kind() != constant.Complex {
			t.Errorf("ToComplex %s: %v", what, c.Kind())
		}
		sameFloats(t, "real "+what, constant.Real(p.got), oracle.Real(p.want))
		sameFloats(t, "imag "+what, constant.Imag(p.got), oracle.Imag(p.want))
	}
}

// defined are the operators of two constants of one kind.
func defined(k oracle.Kind, zero bool) (l []token.Token) {
	switch k {
	case oracle.Bool:
		return []token.Token{token.LAND, token.LOR}
	case oracle.String:
		return []token.Token{token.ADD}
	}
	l = []token.Token{token.ADD, token.SUB, token.MUL}
	if k == oracle.Int {
		l = append(l, token.AND, token.OR, token.XOR, token.AND_NOT)
	}
	if !zero {
		l = append(l, token.QUO)
		if k == oracle.Int {
			l = append(l, token.QUO_ASSIGN, token.REM)
		}
	}
	return l
}

func TestOperations(t *testing.T) {
	l := all(t)
	for _, x := range l {
		for _, op := range []token.Token{token.ADD, token.SUB, token.XOR, token.NOT} {
			k := x.want.Kind()
			if (op == token.NOT) != (k == oracle.Bool) || op == token.XOR && k != oracle.Int || k == oracle.String {
				continue
			}
			pair{constant.UnaryOp(op, x.got, 0), oracle.UnaryOp(op, x.want, 0)}.check(t, op.String()+x.want.String())
			if op == token.XOR && oracle.Sign(x.want) >= 0 && oracle.BitLen(x.want) <= 64 {
				pair{constant.UnaryOp(op, x.got, 64), oracle.UnaryOp(op, x.want, 64)}.check(t, op.String()+x.want.String()+" of 64 bits")
			}
		}
		for _, y := range l {
			a, b := x.want.Kind(), y.want.Kind()
			if a != b && min(a, b) < oracle.Int {
				continue
			}
			zero := max(a, b) >= oracle.Int && oracle.Sign(oracle.Real(y.want)) == 0 && oracle.Sign(oracle.Imag(y.want)) == 0
			for _, op := range defined(max(a, b), zero) {
				pair{constant.BinaryOp(x.got, op, y.got), oracle.BinaryOp(x.want, op, y.want)}.check(t, x.want.String()+" "+op.String()+" "+y.want.String())
			}
			ops := []token.Token{token.EQL, token.NEQ}
			if max(a, b) != oracle.Bool && max(a, b) != oracle.Complex {
				ops = append(ops, token.LSS, token.LEQ, token.GTR, token.GEQ)
			}
			for _, op := range ops {
				if g, w := constant.Compare(x.got, op, y.got), oracle.Compare(x.want, op, y.want); g != w {
					t.Errorf("%v %v %v: %v, go/constant has %v", x.want, op, y.want, g, w)
				}
			}
		}
		if x.want.Kind() == oracle.Int {
			for _, op := range []token.Token{token.SHL, token.SHR} {
				for _, n := range []uint{0, 1, 63, 64, 500} {
					pair{constant.Shift(x.got, op, n), oracle.Shift(x.want, op, n)}.check(t, x.want.String()+op.String())
				}
			}
		}
	}
}

// Long computations, in which go/constant goes over to 512 bits as this package does.
func TestLongComputations(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	l := all(t)
	for range 300 {
		x := pair{constant.MakeFloat64(1.5), oracle.MakeFloat64(1.5)}
		for range 200 {
			y := l[r.IntN(len(l))]
			if k := y.want.Kind(); k != oracle.Int && k != oracle.Float || oracle.Sign(y.want) == 0 {
				continue
			}
			op := []token.Token{token.ADD, token.MUL, token.QUO}[r.IntN(3)]
			next := pair{constant.BinaryOp(x.got, op, y.got), oracle.BinaryOp(x.want, op, y.want)}
			if oracle.Sign(next.want) == 0 || next.got.Kind() == constant.Unknown {
				break
			}
			x = next
		}
		x.check(t, "a long computation")
	}
}

func TestExactString(t *testing.T) {
	seen := map[string]string{}
	for _, p := range all(t) {
		g, w := p.got.ExactString(), p.want.ExactString()
		if old, ok := seen[g]; ok && old != w {
			t.Errorf("%s is %s and %s", g, old, w)
		}
		seen[g] = w
	}
}

func TestTooLarge(t *testing.T) {
	x := constant.MakeFromLiteral("1e2000", token.FLOAT)
	for range 30 {
		if x = constant.BinaryOp(x, token.MUL, x); x.Kind() == constant.Unknown {
			return
		}
	}
	t.Error("a number without end")
}
