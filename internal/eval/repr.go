package eval

import (
	"reflect"
	"unsafe"
)

// rtype returns the runtime type of t: t itself where it is a type of the program, else
// one that reflect makes of its parts, or that bears the name of a declared type.
func (t *Type) rtype() reflect.Type {
	t.u.mu.Lock()
	defer t.u.mu.Unlock()
	return t.repr()
}

// What stands for parts of types in whose place anything of that layout will do.
var (
	wordType = reflect.TypeFor[unsafe.Pointer]()
	noEqual  = reflect.TypeFor[struct {
		_ [0]func()
		P unsafe.Pointer
	}]()
	headerType = reflect.TypeFor[struct {
		_        [0]func()
		P        unsafe.Pointer
		Len, Cap int
	}]()
	anyType   = reflect.TypeFor[any]()
	errorType = reflect.TypeFor[error]()
)

func (t *Type) repr() reflect.Type {
	switch {
	case t.rt != nil:
		return t.rt
	case t.untyped != typed:
		fail(nil, "%s has no value of its own", t)
	case t.param != nil:
		return anyType
	case t.declare == nil:
		t.rt = short(t.makeRepr())
	case t.under == nil:
		fail(nil, "invalid recursive type %s", t)
	case t.kind == reflect.Interface && t.under.pure && t.under.rt.NumMethod() > 0:
		t.rt = t.under.rt // an interface of the program, whose methods are found by where it lies
	default:
		// Parts of it may refer to it: it is there, with its size, before they
		// are made.
		words := 7 + len(t.under.params) + len(t.under.results)
		if t.kind == reflect.Func && t.under.pure {
			words += t.under.rt.NumIn() + t.under.rt.NumOut()
		}
		d := describe(t.layout(), t.String(), true, words)
		t.rt = d.reflect()
		d.fill(t.under.repr())
	}
	if t.u.byRT[t.rt] == nil {
		t.u.byRT[t.rt] = t
	}
	return t.rt
}

// layout is a type that takes the room of t.
func (t *Type) layout() reflect.Type {
	if t.rt != nil {
		return t.rt
	}
	if d := t.declare; d != nil {
		if d.busy || t.under == nil {
			fail(nil, "invalid recursive type %s", t)
		}
		d.busy = true
		defer func() { d.busy = false }()
		return t.under.layout()
	}
	// A type may have parts that have parts of one type, and so on.
	if t.laid == nil {
		t.laid = t.makeLayout()
	}
	return t.laid
}

func (t *Type) makeLayout() reflect.Type {
	switch t.kind {
	case reflect.Pointer, reflect.Chan:
		return wordType
	case reflect.Map, reflect.Func:
		return noEqual
	case reflect.Slice:
		return headerType
	case reflect.Array:
		return arrayOf(t.length, t.elem.layout())
	case reflect.Struct:
		return structOf(t.fields, (*Type).layout)
	}
	return t.repr()
}

func (t *Type) makeRepr() reflect.Type {
	list := func(l []*Type) (r []reflect.Type) {
		for _, p := range l {
			r = append(r, p.repr())
		}
		return r
	}
	switch t.kind {
	case reflect.Pointer:
		return reflect.PointerTo(t.elem.repr())
	case reflect.Slice:
		return reflect.SliceOf(t.elem.repr())
	case reflect.Array:
		return arrayOf(t.length, t.elem.repr())
	case reflect.Map:
		k := t.key.repr()
		if !k.Comparable() {
			fail(nil, "invalid map key type %s", t.key)
		}
		return reflect.MapOf(k, t.elem.repr())
	case reflect.Chan:
		return reflect.ChanOf(t.dir, t.elem.repr())
	case reflect.Func:
		return reflect.FuncOf(list(t.params), list(t.results), t.variadic)
	case reflect.Struct:
		return structOf(t.fields, (*Type).repr)
	case reflect.Interface:
		d := describe(anyType, t.text, false, 0)
		d.fill(anyType)
		return d.reflect()
	}
	fail(nil, "%s is no type of a value", t)
	return nil
}

func arrayOf(n int, e reflect.Type) reflect.Type {
	if size := e.Size(); size > 0 && uintptr(n) > maxBytes/size {
		failSize()
	}
	return reflect.ArrayOf(n, e)
}

const maxParts = 10_000

// parts counts the fields of fields that are structs, of a type whose layout is known.
func (t *Type) parts() int {
	if t.leaves > 0 {
		return t.leaves
	}
	n := 1
	switch {
	case t.under != nil:
		n = t.under.parts()
	case t.kind == reflect.Struct:
		for _, f := range t.fields {
			n += f.typ.parts()
		}
	case t.kind == reflect.Array && t.elem != nil:
		n = t.elem.parts()
	}
	t.leaves = n
	return n
}

// short refuses a type whose text is too long: types without names that have parts of
// one type, and so on, double it.
func short(rt reflect.Type) reflect.Type {
	if n := len(rt.String()); n > 1<<16 {
		fail(nil, "a type whose text has %d bytes is too large for the console", n)
	}
	return rt
}

func failSize() {
	fail(nil, "a type of more than %d MiB is too large for the console", maxBytes>>20)
}

// embeddable says that reflect embeds a type: it does so where nothing is promoted but
// fields.
func embeddable(rt reflect.Type) bool {
	if rt.Kind() == reflect.Pointer {
		rt = rt.Elem()
	}
	return rt.Kind() == reflect.Struct && rt.NumMethod() == 0 && reflect.PointerTo(rt).NumMethod() == 0
}

// structOf makes a struct type. Embedded fields with methods become fields of that
// name.
func structOf(fs []field, rt func(*Type) reflect.Type) reflect.Type {
	var l []reflect.StructField
	size, parts := uintptr(0), 0
	for _, f := range fs {
		sf := reflect.StructField{Name: f.name, Type: rt(f.typ), Tag: reflect.StructTag(f.tag)}
		if size += sf.Type.Size(); size > maxBytes {
			failSize()
		}
		// reflect looks at each field of each field.
		if parts += f.typ.parts(); parts > maxParts {
			fail(nil, "a struct of more than %d fields, with those of its fields, is too large for the console", maxParts)
		}
		if !exported(f.name) {
			sf.PkgPath = f.pkg
			if f.pkg == "" {
				sf.PkgPath = "main"
			}
		}
		sf.Anonymous = f.embedded && sf.PkgPath == "" && embeddable(sf.Type)
		l = append(l, sf)
	}
	return reflect.StructOf(l)
}

// fieldAt returns the field i of a struct value of type t, settable if v is
// addressable and without reflect's mark for unexported ones.
func (t *Type) fieldAt(v reflect.Value, i int) reflect.Value {
	b := t.base()
	f := b.fields[i].typ.rtype()
	if !v.CanAddr() {
		if x := v.Field(i); x.Type() == f && x.CanInterface() {
			return x
		}
		v = addressable(v)
	}
	return reflect.NewAt(f, unsafe.Add(v.Addr().UnsafePointer(), v.Type().Field(i).Offset)).Elem()
}

// addressable returns v or a copy of it that has an address.
//
//go:noinline
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	return copyOf(v)
}

func copyOf(v reflect.Value) reflect.Value {
	n := reflect.New(v.Type()).Elem()
	n.Set(v)
	return n
}

func exported(name string) bool {
	return name != "" && (name[0] >= 'A' && name[0] <= 'Z' || name[0] >= 0x80)
}

// fieldVariable is the field at an offset of an addressable struct.
func fieldVariable(v reflect.Value, offset uintptr, rt reflect.Type) reflect.Value {
	return reflect.NewAt(rt, unsafe.Add(v.Addr().UnsafePointer(), offset)).Elem()
}
