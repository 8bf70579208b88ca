package eval

import (
	"reflect"
	"strconv"
	"unsafe"
)

// rtype returns the runtime type that holds values of t: t itself where it is a
// type of the program, else one of the same shape. All interfaces that a session
// declares are held as any.
//
// reflect cannot make recursive types. Where a declared type is met within itself,
// behind a pointer, slice, map, chan or func, a word or words of the same shape take
// its place; all access to parts goes by offset and the part's own type, so nothing
// but the garbage collector, to which they are the same, ever sees them.
func (t *Type) rtype() reflect.Type {
	t.u.mu.Lock()
	defer t.u.mu.Unlock()
	rt, _ := t.repr()
	return rt
}

var (
	wordType   = reflect.TypeFor[unsafe.Pointer]()
	headerType = reflect.TypeFor[struct {
		P        unsafe.Pointer
		Len, Cap int
	}]()
	anyType   = reflect.TypeFor[any]()
	errorType = reflect.TypeFor[error]()
)

func (t *Type) repr() (rt reflect.Type, whole bool) {
	if t.rt != nil {
		return t.rt, true
	}
	if t.untyped != typed {
		fail(nil, "%s has no value of its own", t)
	}
	if t.param != nil {
		return anyType, true
	}
	if d := t.declare; d != nil {
		if d.busy {
			return nil, false
		}
		if t.under == nil {
			return nil, false
		}
		d.busy = true
		defer func() { d.busy = false }()
		rt = t.makeDeclared()
		// Only the outermost type knows all its parts; within another
		// one that is being made some are still words.
		t.rt = rt
		if t.kind != reflect.Interface {
			t.u.byRT[rt] = t
		}
		return rt, true
	}
	rt, whole = t.makeRepr()
	if whole {
		t.rt = rt
		if !t.lossy() && t.u.byRT[rt] == nil {
			t.u.byRT[rt] = t
		}
	}
	return rt, whole
}

// makeDeclared makes the representation of a declared type.
func (t *Type) makeDeclared() reflect.Type {
	mark := strconv.Quote(strconv.Itoa(t.declare.serial))
	b := t.under
	switch t.kind {
	case reflect.Interface:
		rt, _ := b.repr()
		return rt
	case reflect.Struct:
		b.fillLocked()
		return structOf(b.fields, fieldRepr, `ispyd:`+mark)
	}
	rt, _ := b.repr()
	if rt == nil {
		fail(nil, "invalid recursive type %s", t)
	}
	return reflect.StructOf([]reflect.StructField{
		{Name: "_", PkgPath: "main", Type: reflect.TypeFor[struct{}](), Tag: reflect.StructTag(`ispyd:` + mark)},
		{Name: "V", Type: rt},
	})
}

func (t *Type) fillLocked() {
	if t.rt != nil && !t.filled.Load() {
		t.u.mu.Unlock()
		t.fill()
		t.u.mu.Lock()
	}
}

func fieldRepr(t *Type) reflect.Type {
	rt, _ := t.repr()
	if rt == nil {
		fail(nil, "invalid recursive type %s", t)
	}
	return rt
}

// marked says that values of t have a field in front that no program sees.
//
//go:noinline
func (t *Type) marked() bool { return t.declare != nil && t.kind != reflect.Interface }

// wrapped says that the value of t is the field V of its representation.
//
//go:noinline
func (t *Type) wrapped() bool { return t.marked() && t.kind != reflect.Struct }

func (t *Type) makeRepr() (reflect.Type, bool) {
	part := func(e *Type) (reflect.Type, bool) { return e.repr() }
	switch t.kind {
	case reflect.Pointer:
		if e, ok := part(t.elem); ok {
			return reflect.PointerTo(e), true
		}
		return wordType, false
	case reflect.Slice:
		if e, ok := part(t.elem); ok {
			return reflect.SliceOf(e), true
		}
		return headerType, false
	case reflect.Array:
		e, ok := part(t.elem)
		if e == nil {
			fail(nil, "invalid recursive type %s", t)
		}
		return reflect.ArrayOf(t.length, e), ok
	case reflect.Map:
		k, ok := part(t.key)
		e, ok2 := part(t.elem)
		if ok && ok2 {
			if !k.Comparable() {
				fail(nil, "invalid map key type %s", t.key)
			}
			return reflect.MapOf(k, e), true
		}
		return wordType, false
	case reflect.Chan:
		if e, ok := part(t.elem); ok {
			return reflect.ChanOf(t.dir, e), true
		}
		return wordType, false
	case reflect.Func:
		var in, out []reflect.Type
		for _, p := range t.params {
			r, ok := part(p)
			if !ok {
				return wordType, false
			}
			in = append(in, r)
		}
		for _, p := range t.results {
			r, ok := part(p)
			if !ok {
				return wordType, false
			}
			out = append(out, r)
		}
		return reflect.FuncOf(in, out, t.variadic), true
	case reflect.Struct:
		whole := true
		rt := structOf(t.fields, func(e *Type) reflect.Type {
			r, ok := e.repr()
			if r == nil {
				fail(nil, "invalid recursive type %s", e)
			}
			whole = whole && ok
			return r
		}, "")
		return rt, whole
	case reflect.Interface:
		return anyType, true
	}
	fail(nil, "%s is no type of a value", t)
	return nil, false
}

// structOf makes a struct type. Embedded fields become fields of that name, since
// reflect does not embed what has methods; a mark puts a field of no size in front.
func structOf(fs []field, rt func(*Type) reflect.Type, mark string) reflect.Type {
	var l []reflect.StructField
	if mark != "" {
		l = append(l, reflect.StructField{Name: "_", PkgPath: "main", Type: reflect.TypeFor[struct{}](), Tag: reflect.StructTag(mark)})
	}
	for _, f := range fs {
		sf := reflect.StructField{Name: f.name, Type: rt(f.typ), Tag: reflect.StructTag(f.tag)}
		if !exported(f.name) {
			sf.PkgPath = f.pkg
			if f.pkg == "" {
				sf.PkgPath = "main"
			}
		}
		l = append(l, sf)
	}
	return reflect.StructOf(l)
}

// fieldAt returns the field i of a struct value of type t, settable if v is
// addressable and without reflect's mark for unexported ones.
func (t *Type) fieldAt(v reflect.Value, i int) reflect.Value {
	b := t.base()
	f := b.fields[i].typ.rtype()
	if t.marked() {
		i++
	}
	if !v.CanAddr() {
		if x := v.Field(i); x.Type() == f && x.CanInterface() {
			return x
		}
		v = addressable(v)
	}
	return reflect.NewAt(f, unsafe.Add(v.Addr().UnsafePointer(), v.Type().Field(i).Offset)).Elem()
}

// unwrap returns the value of a declared type as one of its underlying type.
//
//go:noinline
func (t *Type) unwrap(v reflect.Value) reflect.Value {
	if !t.wrapped() {
		return v
	}
	u := t.under.rtype()
	if x := v.Field(1); x.Type() == u {
		return x
	}
	v = addressable(v)
	return reflect.NewAt(u, v.Addr().UnsafePointer()).Elem()
}

// wrap makes a value of t from one of its underlying type.
func (t *Type) wrap(v reflect.Value) reflect.Value {
	if !t.wrapped() {
		return v
	}
	n := reflect.New(t.rtype()).Elem()
	reflect.NewAt(t.under.rtype(), n.Addr().UnsafePointer()).Elem().Set(v)
	return n
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

// lossy says that the representation does not tell the type: it has an interface of
// the session, all of which are any.
func (t *Type) lossy() bool {
	switch {
	case t == nil || t.pure || t.declare != nil && t.kind != reflect.Interface:
		return false
	case t.kind == reflect.Interface:
		return true
	}
	if t.elem.lossy() || t.key.lossy() {
		return true
	}
	for _, l := range [][]*Type{t.params, t.results} {
		for _, p := range l {
			if p.lossy() {
				return true
			}
		}
	}
	for _, f := range t.fields {
		if f.typ.lossy() {
			return true
		}
	}
	return false
}

// plainRT is the runtime type of what unwrap returns.
func (t *Type) plainRT() reflect.Type {
	if t.wrapped() {
		return t.under.rtype()
	}
	return t.rtype()
}

func exported(name string) bool {
	return name != "" && (name[0] >= 'A' && name[0] <= 'Z' || name[0] >= 0x80)
}

// fieldVariable is the field at an offset of an addressable struct.
func fieldVariable(v reflect.Value, offset uintptr, rt reflect.Type) reflect.Value {
	return reflect.NewAt(rt, unsafe.Add(v.Addr().UnsafePointer(), offset)).Elem()
}
