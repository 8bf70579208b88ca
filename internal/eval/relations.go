package eval

import (
	"reflect"

	"github.com/ispyd/ispyd/internal/eval/constant"
)

// comparable says that == is defined for values of t.
func (t *Type) comparable() bool { return t.comparableBut(map[*Type]bool{}) }

// comparableBut leaves out what has been looked at.
func (t *Type) comparableBut(seen map[*Type]bool) bool {
	switch t.kind {
	case reflect.Slice, reflect.Map, reflect.Func:
		return false
	case reflect.Array:
		return t.base().elem.comparableBut(seen)
	case reflect.Struct:
		if seen[t] {
			return true
		}
		seen[t] = true
		for _, f := range t.base().fields {
			if !f.typ.comparableBut(seen) {
				return false
			}
		}
	}
	return true
}

func (t *Type) ordered() bool {
	return t.isInteger() || t.isFloat() || t.isString()
}

// sameUnder says that the underlying types are identical, tags aside.
func sameUnder(a, b *Type) bool {
	x, y := a, b
	if a.under != nil {
		x = a.under
	}
	if b.under != nil {
		y = b.under
	}
	if x == y {
		return true
	}
	if x.kind != y.kind || x.untyped != typed || y.untyped != typed {
		return false
	}
	if x.pure && y.pure {
		return x.rt.ConvertibleTo(y.rt) && sameShape(x, y)
	}
	return sameShape(x, y)
}

func sameShape(x, y *Type) bool {
	x, y = x.base(), y.base()
	switch x.kind {
	case reflect.Pointer, reflect.Slice:
		return x.elem == y.elem
	case reflect.Array:
		return x.elem == y.elem && x.length == y.length
	case reflect.Chan:
		return x.elem == y.elem && x.dir == y.dir
	case reflect.Map:
		return x.elem == y.elem && x.key == y.key
	case reflect.Func:
		return sameTypes(x.params, y.params) && sameTypes(x.results, y.results) && x.variadic == y.variadic
	case reflect.Struct:
		if len(x.fields) != len(y.fields) {
			return false
		}
		for i, f := range x.fields {
			if g := y.fields[i]; f.name != g.name || f.typ != g.typ || f.embedded != g.embedded {
				return false
			}
		}
		return true
	case reflect.Interface:
		if len(x.methods) != len(y.methods) {
			return false
		}
		for i, m := range x.methods {
			if n := y.methods[i]; m.name != n.name || m.typ != n.typ {
				return false
			}
		}
		return true
	}
	return true
}

func sameTypes(a, b []*Type) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// assignable says whether a value of type t, which is no constant, may be assigned
// to a variable of type to; why says why not, where there is more to say.
func (t *Type) assignable(to *Type) (ok bool, why string) {
	if t == to {
		return true, ""
	}
	if t.untyped == untypedNil {
		switch to.kind {
		case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Chan, reflect.Func, reflect.Interface, reflect.UnsafePointer:
			return true, ""
		}
		return false, ""
	}
	if t.untyped == untypedBool {
		return to.isBool() || to.isInterface() && len(to.base().methods) == 0, ""
	}
	if to.isInterface() && to.param == nil {
		if why := t.missing(to); why != "" {
			return false, t.String() + " does not implement " + to.String() + " (" + why + ")"
		}
		return true, ""
	}
	if (!t.isNamed() || !to.isNamed()) && sameUnder(t, to) {
		return true, ""
	}
	if t.kind == reflect.Chan && to.kind == reflect.Chan {
		a, b := t.base(), to.base()
		return a.dir == reflect.BothDir && a.elem == b.elem && (!t.isNamed() || !to.isNamed()), ""
	}
	return false, ""
}

// missing says what t lacks to implement an interface, "" where it has all.
func (t *Type) missing(iface *Type) string {
	b := iface.base()
	for _, want := range b.methods {
		s := t.lookup(want.name)
		if s == nil && t.lost(want.name) {
			return "the linker has dropped the method " + want.name
		}
		if s == nil || s.method == nil {
			return "missing method " + want.name
		}
		if s.method.ptr && !t.isInterface() && t.kind != reflect.Pointer && !s.viaPointer {
			return "method " + want.name + " has pointer receiver"
		}
		if s.method.typ != want.typ {
			return "wrong type for method " + want.name + ": have " + s.method.typ.signature() + ", want " + want.typ.signature()
		}
	}
	if b.union != nil && !b.union.has(t) {
		return t.String() + " is not in " + b.union.String()
	}
	return ""
}

// convertible says whether a value of type t may be converted to type to.
func (t *Type) convertible(to *Type) bool {
	if ok, _ := t.assignable(to); ok {
		return true
	}
	switch {
	case sameUnder(t, to):
		return true
	case t.kind == reflect.Pointer && to.kind == reflect.Pointer && sameUnder(t.base().elem, to.base().elem):
		return true
	case t.isNumeric() && to.isNumeric():
		return t.isComplex() == to.isComplex()
	case to.isString():
		return t.isInteger() || t.isString() || t.kind == reflect.Slice && byteOrRune(t.base().elem)
	case t.isString():
		return to.kind == reflect.Slice && byteOrRune(to.base().elem)
	case t.kind == reflect.Slice && to.kind == reflect.Array:
		return t.base().elem == to.base().elem
	case t.kind == reflect.Slice && to.kind == reflect.Pointer && to.base().elem.kind == reflect.Array:
		return t.base().elem == to.base().elem.base().elem
	case t.kind == reflect.UnsafePointer:
		return to.kind == reflect.Pointer || to.kind == reflect.Uintptr
	case to.kind == reflect.UnsafePointer:
		return t.kind == reflect.Pointer || t.kind == reflect.Uintptr
	}
	return false
}

func byteOrRune(t *Type) bool { return t.kind == reflect.Uint8 || t.kind == reflect.Int32 }

// defaultType is the type that a value of an untyped constant gets.
func (t *Type) defaultType() *Type {
	switch t.untyped {
	case untypedBool:
		return t.u.of(reflect.TypeFor[bool]())
	case untypedInt:
		return t.u.of(reflect.TypeFor[int]())
	case untypedRune:
		return t.u.of(reflect.TypeFor[rune]())
	case untypedFloat:
		return t.u.of(reflect.TypeFor[float64]())
	case untypedComplex:
		return t.u.of(reflect.TypeFor[complex128]())
	case untypedString:
		return t.u.of(reflect.TypeFor[string]())
	}
	return t
}

// represent returns the constant as a value of type t; why is "" where it can be
// represented. A float that is rounded is returned rounded.
func represent(v constant.Value, t *Type) (r constant.Value, why string) {
	switch {
	case t.isBool():
		if v.Kind() == constant.Bool {
			return v, ""
		}
	case t.isString():
		if v.Kind() == constant.String {
			return v, ""
		}
	case t.isInteger():
		if v.Kind() == constant.Bool || v.Kind() == constant.String {
			break
		}
		i := constant.ToInt(v)
		if i.Kind() != constant.Int {
			return nil, "truncated"
		}
		bits := bitsOf(t)
		if t.isUnsigned() {
			if constant.Sign(i) < 0 || constant.BitLen(i) > bits {
				return nil, "overflows"
			}
			return i, ""
		}
		n := constant.BitLen(i)
		if n < bits {
			return i, ""
		}
		if n == bits && constant.Sign(i) < 0 {
			lowest := constant.UnaryOp(tokSub, constant.Shift(constant.MakeInt64(1), tokShl, uint(bits-1)), 0)
			if constant.Compare(i, tokEql, lowest) {
				return i, ""
			}
		}
		return nil, "overflows"
	case t.isFloat():
		if v.Kind() == constant.Bool || v.Kind() == constant.String {
			break
		}
		f := constant.ToFloat(v)
		if f.Kind() != constant.Float && f.Kind() != constant.Int {
			return nil, "truncated"
		}
		return roundFloat(f, t.kind)
	case t.isComplex():
		if v.Kind() == constant.Bool || v.Kind() == constant.String {
			break
		}
		return constant.ToComplex(v), ""
	case t.isInterface():
		return v, ""
	}
	return nil, "wrong kind"
}

func bitsOf(t *Type) int {
	switch t.kind {
	case reflect.Int8, reflect.Uint8:
		return 8
	case reflect.Int16, reflect.Uint16:
		return 16
	case reflect.Int32, reflect.Uint32:
		return 32
	}
	return 64
}
