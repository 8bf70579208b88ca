package eval

import (
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Type is a static type of the language. Types are canonical within a session:
// two that are identical are the same pointer.
//
// A type of the program is described by its reflect.Type alone. For what a session
// declares [Type.rtype] makes one, which has no methods.
type Type struct {
	u    *universe
	id   int
	kind reflect.Kind // of the underlying type
	// untyped is set for the types of constants, nil and comparisons.
	untyped untyped
	rt      reflect.Type // nil until rtype has made it
	pure    bool         // nothing below it is declared in the session: rt says it all

	name    string // of a declared type
	under   *Type  // the underlying type of a declared type, nil for others
	declare *declared

	elem, key       *Type
	length          int
	dir             reflect.ChanDir
	fields          []field
	params, results []*Type
	variadic        bool
	methods         []*ifaceMethod // of an interface, sorted by name
	text            string         // of an interface, for which repr cannot ask
	union           *typeSet       // of a constraint
	filled          atomic.Bool

	param  *typeParam // a type parameter while a generic function is inferred
	origin *generic   // of an instance of a generic type
	args   []*Type
}

type field struct {
	name     string
	typ      *Type
	embedded bool
	tag      string
	pkg      string // of an unexported field of the program
}

type ifaceMethod struct {
	name string
	typ  *Type // a func type
}

// declared is what a session knows of a type that it declared.
type declared struct {
	methods map[string]*method
	busy    bool // its layout is being made
}

type untyped uint8

const (
	typed untyped = iota
	untypedBool
	untypedInt
	untypedRune
	untypedFloat
	untypedComplex
	untypedString
	untypedNil
)

var untypedNames = [...]string{"", "untyped bool", "untyped int", "untyped rune", "untyped float", "untyped complex", "untyped string", "untyped nil"}

// universe holds the types of a session.
type universe struct {
	mu     sync.Mutex
	byRT   map[reflect.Type]*Type
	made   map[string]*Type
	last   int
	host   Program
	consts [untypedNil + 1]*Type
	found  sync.Map // methodName to *method, nil where there is none, or the *refusal
}

func newUniverse(p Program) *universe {
	u := &universe{byRT: map[reflect.Type]*Type{}, made: map[string]*Type{}, host: p}
	kinds := [...]reflect.Kind{0, reflect.Bool, reflect.Int, reflect.Int32, reflect.Float64, reflect.Complex128, reflect.String, reflect.Invalid}
	for i := untypedBool; i <= untypedNil; i++ {
		u.consts[i] = &Type{u: u, untyped: i, kind: kinds[i], pure: true}
		u.consts[i].filled.Store(true)
	}
	return u
}

// of returns the type of a reflect.Type, which may be one that a session made.
func (u *universe) of(rt reflect.Type) *Type {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.ofLocked(rt)
}

func (u *universe) ofLocked(rt reflect.Type) *Type {
	if t := u.byRT[rt]; t != nil {
		return t
	}
	u.last++
	t := &Type{u: u, id: u.last, kind: rt.Kind(), rt: rt, pure: true}
	u.byRT[rt] = t
	return t
}

// fill describes the parts of a type of the program, which is done when they are
// first asked for.
func (t *Type) fill() *Type {
	if t.under != nil {
		return t.under.fill()
	}
	if t.filled.Load() {
		return t
	}
	t.u.mu.Lock()
	defer t.u.mu.Unlock()
	if t.filled.Load() || t.rt == nil {
		return t
	}
	defer t.filled.Store(true)
	u, rt := t.u, t.rt
	switch t.kind {
	case reflect.Pointer, reflect.Slice:
		t.elem = u.ofLocked(rt.Elem())
	case reflect.Array:
		t.elem, t.length = u.ofLocked(rt.Elem()), rt.Len()
	case reflect.Chan:
		t.elem, t.dir = u.ofLocked(rt.Elem()), rt.ChanDir()
	case reflect.Map:
		t.key, t.elem = u.ofLocked(rt.Key()), u.ofLocked(rt.Elem())
	case reflect.Struct:
		for i := range rt.NumField() {
			f := rt.Field(i)
			t.fields = append(t.fields, field{f.Name, u.ofLocked(f.Type), f.Anonymous, string(f.Tag), f.PkgPath})
		}
	case reflect.Func:
		for i := range rt.NumIn() {
			t.params = append(t.params, u.ofLocked(rt.In(i)))
		}
		for i := range rt.NumOut() {
			t.results = append(t.results, u.ofLocked(rt.Out(i)))
		}
		t.variadic = rt.IsVariadic()
	case reflect.Interface:
		for _, m := range interfaceMethods(rt) {
			t.methods = append(t.methods, &ifaceMethod{m.name, u.ofLocked(m.typ)})
		}
	}
	return t
}

// base is the underlying type, with its parts.
//
//go:noinline
func (t *Type) base() *Type { return t.fill() }

func (t *Type) isInterface() bool { return t.kind == reflect.Interface }
func (t *Type) isNumeric() bool {
	return t.kind >= reflect.Int && t.kind <= reflect.Complex128
}
func (t *Type) isInteger() bool {
	return t.kind >= reflect.Int && t.kind <= reflect.Uintptr
}
func (t *Type) isUnsigned() bool { return t.kind >= reflect.Uint && t.kind <= reflect.Uintptr }
func (t *Type) isFloat() bool    { return t.kind == reflect.Float32 || t.kind == reflect.Float64 }
func (t *Type) isComplex() bool  { return t.kind == reflect.Complex64 || t.kind == reflect.Complex128 }
func (t *Type) isString() bool   { return t.kind == reflect.String }
func (t *Type) isBool() bool     { return t.kind == reflect.Bool }

// isNamed says that the type has a name: a declared one or a predeclared one.
func (t *Type) isNamed() bool {
	return t.name != "" || t.pure && t.rt != nil && t.rt.Name() != "" || t.param != nil
}

func (u *universe) make(key string, f func(*Type)) *Type {
	u.mu.Lock()
	defer u.mu.Unlock()
	if t := u.made[key]; t != nil {
		return t
	}
	u.last++
	t := &Type{u: u, id: u.last}
	t.filled.Store(true)
	f(t)
	u.made[key] = t
	return t
}

func (u *universe) pointer(e *Type) *Type {
	if e.pure {
		return u.of(reflect.PointerTo(e.rt))
	}
	return u.make("*"+strconv.Itoa(e.id), func(t *Type) { t.kind, t.elem = reflect.Pointer, e })
}

func (u *universe) slice(e *Type) *Type {
	if e.pure {
		return u.of(reflect.SliceOf(e.rt))
	}
	return u.make("[]"+strconv.Itoa(e.id), func(t *Type) { t.kind, t.elem = reflect.Slice, e })
}

func (u *universe) array(n int, e *Type) *Type {
	if e.pure {
		return u.of(arrayOf(n, e.rt))
	}
	return u.make("["+strconv.Itoa(n)+"]"+strconv.Itoa(e.id), func(t *Type) { t.kind, t.elem, t.length = reflect.Array, e, n })
}

func (u *universe) mapOf(k, e *Type) *Type {
	if k.pure && e.pure {
		return u.of(reflect.MapOf(k.rt, e.rt))
	}
	return u.make("map["+strconv.Itoa(k.id)+"]"+strconv.Itoa(e.id), func(t *Type) { t.kind, t.key, t.elem = reflect.Map, k, e })
}

func (u *universe) chanOf(dir reflect.ChanDir, e *Type) *Type {
	if e.pure {
		return u.of(reflect.ChanOf(dir, e.rt))
	}
	return u.make("chan"+strconv.Itoa(int(dir))+" "+strconv.Itoa(e.id), func(t *Type) { t.kind, t.elem, t.dir = reflect.Chan, e, dir })
}

func allPure(lists ...[]*Type) bool {
	for _, l := range lists {
		for _, t := range l {
			if !t.pure {
				return false
			}
		}
	}
	return true
}

func rtypes(l []*Type) []reflect.Type {
	r := make([]reflect.Type, len(l))
	for i, t := range l {
		r[i] = t.rtype()
	}
	return r
}

func ids(l []*Type) (key string) {
	for _, t := range l {
		key += " " + strconv.Itoa(t.id)
	}
	return key
}

func (u *universe) function(in, out []*Type, variadic bool) *Type {
	if allPure(in, out) {
		return u.of(reflect.FuncOf(rtypes(in), rtypes(out), variadic))
	}
	key := "func"
	if variadic {
		key = "func..."
	}
	return u.make(key+ids(in)+")"+ids(out), func(t *Type) { t.kind, t.params, t.results, t.variadic = reflect.Func, in, out, variadic })
}

func (u *universe) structure(fs []field) *Type {
	key := "struct"
	pure := true
	for _, f := range fs {
		pure = pure && f.typ.pure && !f.embedded
		if f.embedded {
			key += "!"
		}
		key += " " + f.name + " " + strconv.Itoa(f.typ.id) + strconv.Quote(f.tag)
	}
	if pure {
		return u.of(structOf(fs, func(t *Type) reflect.Type { return t.rt }))
	}
	return u.make(key, func(t *Type) { t.kind, t.fields = reflect.Struct, fs })
}

func (u *universe) iface(ms []*ifaceMethod, set *typeSet) *Type {
	if len(ms) == 0 && set == nil {
		return u.of(reflect.TypeFor[any]())
	}
	key := "interface"
	for _, m := range ms {
		key += " " + m.name + strconv.Itoa(m.typ.id)
	}
	if set != nil {
		key += set.key()
	}
	t := u.make(key, func(t *Type) {
		t.kind, t.methods, t.union = reflect.Interface, ms, set
	})
	t.text = t.String()
	return t
}

// declareType makes a new declared type, whose underlying type is set afterwards.
func (u *universe) declareType(name string) *Type {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.last++
	t := &Type{u: u, id: u.last, name: name, declare: &declared{methods: map[string]*method{}}}
	t.filled.Store(true)
	return t
}

func (t *Type) setUnder(under *Type) {
	t.under, t.kind = under, under.kind
}

// String is the type as Go writes it.
func (t *Type) String() string {
	switch {
	case t == nil:
		return "nothing"
	case t.untyped != typed:
		return untypedNames[t.untyped]
	case t.name != "":
		return "main." + t.name
	case t.param != nil:
		return t.param.name
	case t.pure:
		return t.u.nameOf(t.rt)
	}
	switch t.kind {
	case reflect.Pointer:
		return "*" + t.elem.String()
	case reflect.Slice:
		return "[]" + t.elem.String()
	case reflect.Array:
		return "[" + strconv.Itoa(t.length) + "]" + t.elem.String()
	case reflect.Map:
		return "map[" + t.key.String() + "]" + t.elem.String()
	case reflect.Chan:
		switch t.dir {
		case reflect.RecvDir:
			return "<-chan " + t.elem.String()
		case reflect.SendDir:
			return "chan<- " + t.elem.String()
		}
		return "chan " + t.elem.String()
	case reflect.Func:
		return "func" + t.signature()
	case reflect.Struct:
		if len(t.fields) == 0 {
			return "struct {}"
		}
		var l []string
		for _, f := range t.fields {
			s := f.typ.String()
			if !f.embedded {
				s = f.name + " " + s
			}
			if f.tag != "" {
				s += " " + strconv.Quote(f.tag)
			}
			l = append(l, s)
		}
		return "struct { " + strings.Join(l, "; ") + " }"
	case reflect.Interface:
		var l []string
		for _, m := range t.methods {
			l = append(l, m.name+m.typ.signature())
		}
		if t.union != nil {
			l = append(l, t.union.String())
		}
		return "interface { " + strings.Join(l, "; ") + " }"
	}
	return t.kind.String()
}

// nameOf is the name of a type of the program, also of what stands for one.
func (u *universe) nameOf(rt reflect.Type) string {
	if u.host == nil {
		return rt.String()
	}
	if n := u.host.TypeName(rt); n != "" {
		return n[strings.LastIndexByte(n, '/')+1:]
	}
	if rt.Name() == "" {
		switch rt.Kind() {
		case reflect.Pointer:
			return "*" + u.nameOf(rt.Elem())
		case reflect.Slice:
			return "[]" + u.nameOf(rt.Elem())
		}
	}
	return rt.String()
}

func (t *Type) signature() string {
	b := t.base()
	var in []string
	for i, p := range b.params {
		s := p.String()
		if b.variadic && i == len(b.params)-1 {
			s = "..." + p.base().elem.String()
		}
		in = append(in, s)
	}
	s := "(" + strings.Join(in, ", ") + ")"
	var out []string
	for _, r := range b.results {
		out = append(out, r.String())
	}
	switch len(out) {
	case 0:
	case 1:
		s += " " + out[0]
	default:
		s += " (" + strings.Join(out, ", ") + ")"
	}
	return s
}
