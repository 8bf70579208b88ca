package eval

import (
	"go/ast"
	"math"
	"reflect"

	"github.com/ispyd/ispyd/internal/eval/constant"
)

// to makes o a value of type t, as an assignment does; use says for what, in the
// error: "assignment", "argument".
func (c *compiler) to(o *operand, t *Type, use string) *operand {
	if o.mode == constantMode {
		return c.constantTo(o, t, use)
	}
	if o.typ == t && t.untyped == typed {
		return o
	}
	ok, why := o.typ.assignable(t)
	if !ok {
		if why != "" {
			why = ": " + why
		}
		if o.isNil() {
			fail(o.node, "cannot use nil as %s value in %s", t, use)
		}
		fail(o.node, "cannot use %s (%s) as %s value in %s%s", o.node, o, t, use, why)
	}
	rt := t.rtype()
	switch {
	case o.isNil():
		zero := reflect.Zero(rt)
		return c.value(o.node, t, func(*frame) reflect.Value { return zero })
	case o.typ.untyped == untypedBool && t.isInterface():
		return c.value(o.node, t, c.s.boxer(o.node, basicType[bool](c), t, o.get, c.lenient))
	case o.typ.untyped == untypedBool:
		return c.ofTruth(o.node, t, o.truth())
	case t.isInterface():
		return c.value(o.node, t, c.s.boxer(o.node, o.typ, t, o.get, c.lenient))
	}
	return c.reshape(o, t)
}

// reshape makes a value of t of one whose underlying type is the same.
func (c *compiler) reshape(o *operand, t *Type) *operand {
	g, from := o.get, o.typ
	rt := t.rtype()
	return c.value(o.node, t, func(f *frame) reflect.Value { return reshape(g(f), from, t, rt) })
}

// reshape gives the memory of v another type of the same layout.
func reshape(v reflect.Value, from, to *Type, rt reflect.Type) reflect.Value {
	if v.Type() == rt {
		return v
	}
	if v.CanConvert(rt) {
		return v.Convert(rt)
	}
	return reflect.NewAt(rt, copyOf(v).Addr().UnsafePointer()).Elem()
}

func (c *compiler) constantTo(o *operand, t *Type, use string) *operand {
	if o.typ == t {
		return c.constantValue(o.node, o.val, t)
	}
	if o.typ.untyped == typed {
		v := c.constantValue(o.node, o.val, o.typ)
		return c.to(&operand{mode: valueMode, node: o.node, typ: o.typ, get: v.get, num: v.num, cond: v.cond}, t, use)
	}
	if t.isInterface() && t.param == nil {
		d := o.typ.defaultType()
		if why := d.missing(t); why != "" {
			fail(o.node, "cannot use %s (%s) as %s value in %s: %s does not implement %s (%s)", o.node, o, t, use, d, t, why)
		}
		v := c.constantValue(o.node, o.val, d)
		return c.value(o.node, t, c.s.boxer(o.node, d, t, v.get, c.lenient))
	}
	if _, why := represent(o.val, t); why != "" {
		note := map[string]string{"truncated": " (truncated)", "overflows": " (overflows)"}[why]
		fail(o.node, "cannot use %s (%s) as %s value in %s%s", sourceOf(o.node), o.describe(), t, use, note)
	}
	return c.constantValue(o.node, o.val, t)
}

// constantValue is the operand of a constant that has got its type. It stays a
// constant for those who compute with it.
func (c *compiler) constantValue(n ast.Expr, v constant.Value, t *Type) *operand {
	t = t.defaultType()
	r, why := represent(v, t)
	switch why {
	case "":
	case "truncated", "overflows":
		fail(n, "cannot use %s (constant %s) as %s value (%s)", n, v, t, why)
	default:
		fail(n, "cannot use %s (constant %s) as %s value", n, v, t)
	}
	x := reflect.New(t.rtype()).Elem()
	setConstant(x, r)
	o := &operand{mode: constantMode, node: n, typ: t, val: r, get: func(*frame) reflect.Value { return x }}
	switch {
	case t.isInteger():
		var k int64
		if t.isUnsigned() {
			k = int64(x.Uint())
		} else {
			k = x.Int()
		}
		o.num = func(*frame) int64 { return k }
	case t.isBool():
		b := constant.BoolVal(r)
		o.cond = func(*frame) bool { return b }
	}
	// The variable x is shared by all who read the constant: nobody may write it.
	shared := x
	o.get = func(*frame) reflect.Value { return shared }
	return o
}

func setConstant(x reflect.Value, v constant.Value) {
	switch {
	case x.Kind() == reflect.Bool:
		x.SetBool(constant.BoolVal(v))
	case x.Kind() == reflect.String:
		x.SetString(constant.StringVal(v))
	case x.CanInt():
		i, _ := constant.Int64Val(constant.ToInt(v))
		x.SetInt(i)
	case x.CanUint():
		i, _ := constant.Uint64Val(constant.ToInt(v))
		x.SetUint(i)
	case x.CanFloat():
		f, _ := constant.Float64Val(constant.ToFloat(v))
		x.SetFloat(f)
	case x.CanComplex():
		re, _ := constant.Float64Val(constant.Real(constant.ToComplex(v)))
		im, _ := constant.Float64Val(constant.Imag(constant.ToComplex(v)))
		x.SetComplex(complex(re, im))
	}
}

func roundFloat(v constant.Value, k reflect.Kind) (constant.Value, string) {
	if k == reflect.Float32 {
		f, _ := constant.Float32Val(v)
		if math.IsInf(float64(f), 0) {
			return nil, "overflows"
		}
		return constant.MakeFloat64(float64(f)), ""
	}
	f, _ := constant.Float64Val(v)
	if math.IsInf(f, 0) {
		return nil, "overflows"
	}
	return constant.MakeFloat64(f), ""
}

// plain is o as a value with a type: a constant with its default one.
func (c *compiler) plain(o *operand) *operand {
	switch {
	case o.isNil():
		fail(o.node, "use of untyped nil")
	case o.mode == constantMode:
		return c.constantValue(o.node, o.val, o.typ)
	case o.typ.untyped == untypedBool:
		return c.ofTruth(o.node, basicType[bool](c), o.truth())
	}
	return o
}

// conversion compiles T(x).
func (c *compiler) conversion(n ast.Expr, t *Type, x *operand) *operand {
	if x.isConst() {
		if r := c.constantConversion(n, t, x); r != nil {
			return r
		}
		x = c.plain(x)
	}
	if x.isNil() || x.typ.untyped == untypedBool || t.isInterface() {
		x.node = n
		return c.to(x, t, "conversion")
	}
	if !x.typ.convertible(t) {
		fail(n, "cannot convert %s (%s) to type %s", x.node, x, t)
	}
	if x.typ == t {
		return &operand{mode: valueMode, node: n, typ: t, get: x.get, num: x.num, cond: x.cond}
	}
	from, rt := x.typ, t.rtype()
	if from.isInteger() && t.isInteger() {
		return c.ofNumber(n, t, wrapNumber(t, x.number()))
	}
	if sameUnder(from, t) || from.kind == reflect.Pointer && t.kind == reflect.Pointer {
		return c.reshape(&operand{node: n, typ: from, get: x.get}, t)
	}
	if from.kind == reflect.UnsafePointer || t.kind == reflect.UnsafePointer {
		fail(n, "cannot convert %s (%s) to type %s: package unsafe is not supported by the console", x.node, x, t)
	}
	g := x.get
	return c.value(n, t, func(f *frame) reflect.Value {
		v := g(f)
		if v.CanConvert(rt) {
			return v.Convert(rt)
		}
		if v.Kind() == reflect.Slice { // to an array, or a pointer to one
			want := rt.Len
			if rt.Kind() == reflect.Pointer {
				want = rt.Elem().Len
			}
			throw("cannot convert slice with length %d to array or pointer to array with length %d", v.Len(), want())
		}
		return v.Convert(rt)
	})
}

// constantConversion converts a constant to a constant, nil where the result is none.
func (c *compiler) constantConversion(n ast.Expr, t *Type, x *operand) *operand {
	if t.isInterface() || t.param != nil {
		return nil
	}
	switch {
	case t.isString() && (x.val.Kind() == constant.Int) && x.typ.isInteger():
		i, ok := constant.Int64Val(x.val)
		if !ok {
			i = 0xFFFD
		}
		return c.constantValue(n, constant.MakeString(string(rune(i))), t)
	case t.kind == reflect.Slice, t.kind == reflect.Pointer, t.kind == reflect.UnsafePointer:
		return nil
	}
	v := x.val
	if t.isInteger() && x.typ.isFloat() && x.typ.untyped == typed {
		// A typed float constant must be whole, as an untyped one.
		v = constant.ToInt(v)
	}
	if r, why := represent(v, t); why == "" {
		return c.constantValue(n, r, t)
	} else if why == "wrong kind" || r == nil {
		detail := ""
		if why != "wrong kind" {
			detail = " (" + why + ")"
		}
		fail(n, "cannot convert %s (%s) to type %s%s", x.node, x, t, detail)
	}
	return nil
}

// wrapNumber cuts an integer to the width of t.
func wrapNumber(t *Type, num func(*frame) int64) func(*frame) int64 {
	bits := uint(bitsOf(t))
	switch {
	case bits == 64:
		return num
	case t.isUnsigned():
		return func(f *frame) int64 { return num(f) & (1<<bits - 1) }
	}
	return func(f *frame) int64 { return num(f) << (64 - bits) >> (64 - bits) }
}
