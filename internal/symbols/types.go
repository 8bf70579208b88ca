package symbols

import (
	"reflect"
	"sort"
	"strings"
	"sync/atomic"
)

// Type is a Go type of the program. Where the binary has the runtime's data of it,
// that is the source, else the debug information. Types are compared by pointer
// within one build of the index, and may be used as long as it is open; what has
// not been asked for before it was given back is then empty.
type Type struct {
	t       *table
	name    string
	kind    reflect.Kind
	size    uintptr
	runtime reflect.Type // nil where the binary has none
	entry   int          // 0 for types that are known from the runtime alone

	made atomic.Pointer[shape]
}

// shape is what a type is made of, read when it is first asked for.
type shape struct {
	elem, key *Type
	len       int
	fields    []Field
	in, out   []*Type
	variadic  bool
	dir       reflect.ChanDir
	empty     bool // of an interface: it has no methods
}

// Field is a field of a struct.
type Field struct {
	Name     string
	Type     *Type
	Offset   uintptr // in bytes
	Embedded bool
}

// Name is the type's name with full import paths, "net/http.Server", or its
// literal, "map[string]*main.Item".
func (t *Type) Name() string { return t.name }

// String is the type as one writes it in Go, with the last element of import
// paths: "http.Server".
func (t *Type) String() string {
	if t.runtime != nil {
		return t.runtime.String()
	}
	return shorten(t.name)
}

// Kind is the kind, reflect.Invalid where the debug information does not tell.
func (t *Type) Kind() reflect.Kind { return t.kind }

// Size is the size in bytes.
func (t *Type) Size() uintptr { return t.size }

// Runtime is the program's own type, nil where the binary has none, because
// nothing in it makes an interface of such a value.
func (t *Type) Runtime() reflect.Type { return t.runtime }

// Align is the alignment in bytes.
func (t *Type) Align() uintptr { return t.alignment(nil) }

// alignment keeps in seen what it knows already: types may be nested widely.
func (t *Type) alignment(seen map[*Type]uintptr) uintptr {
	if t.runtime != nil {
		return uintptr(t.runtime.Align())
	}
	switch s := t.load(); {
	case t.kind == reflect.Array && s.elem != nil, t.kind == reflect.Struct:
		if a, ok := seen[t]; ok {
			return a
		}
		if seen == nil {
			seen = map[*Type]uintptr{}
		}
		a := uintptr(1)
		if t.kind == reflect.Array {
			a = s.elem.alignment(seen)
		}
		for _, f := range s.fields {
			a = max(a, f.Type.alignment(seen))
		}
		seen[t] = a
		return a
	case t.kind == reflect.Complex64:
		return 4
	}
	return min(max(t.size, 1), 8)
}

// Elem is the element of a pointer, array, slice, chan or map; nil for the others
// and where it is not known.
func (t *Type) Elem() *Type { return t.load().elem }

// Key is the key of a map.
func (t *Type) Key() *Type { return t.load().key }

// Len is the length of an array.
func (t *Type) Len() int { return t.load().len }

// Fields are the fields of a struct. The slice must not be changed.
func (t *Type) Fields() []Field { return t.load().fields }

// In are the parameters of a func type.
func (t *Type) In() []*Type { return t.load().in }

// Out are the results of a func type.
func (t *Type) Out() []*Type { return t.load().out }

// Variadic reports whether the last parameter of a func type is written with dots.
func (t *Type) Variadic() bool { return t.load().variadic }

// Dir is the direction of a channel.
func (t *Type) Dir() reflect.ChanDir { return t.load().dir }

// EmptyInterface reports whether the type is an interface without methods, whose
// first word is a type and not an itab.
func (t *Type) EmptyInterface() bool { return t.kind == reflect.Interface && t.load().empty }

// Defined reports whether the type has a name of its own rather than a literal.
func (t *Type) Defined() bool {
	if t.runtime != nil {
		return t.runtime.Name() != ""
	}
	return definedName(t.name)
}

// definedName tells a type's name from a literal.
func definedName(name string) bool {
	if name == "" || strings.ContainsAny(name[:1], "*[<(") {
		return false
	}
	for _, p := range []string{"func(", "struct {", "interface {", "map[", "chan ", "chan<- "} {
		if strings.HasPrefix(name, p) {
			return false
		}
	}
	return true
}

func (t *Type) load() *shape {
	if s := t.made.Load(); s != nil {
		return s
	}
	s := &shape{}
	if t.runtime != nil {
		t.fromRuntime(s)
	} else if t.entry != 0 {
		if err := t.t.read(func() { t.fromEntry(s) }); err != nil {
			return &shape{}
		}
	}
	if !t.made.CompareAndSwap(nil, s) {
		s = t.made.Load()
	}
	return s
}

// fromRuntime reads the runtime's data. It keeps away from methods: the linker
// drops what it thinks is not called.
func (t *Type) fromRuntime(s *shape) {
	r := t.runtime
	switch r.Kind() {
	case reflect.Pointer, reflect.Slice:
		s.elem = t.t.ofRuntime(r.Elem())
	case reflect.Array:
		s.elem, s.len = t.t.ofRuntime(r.Elem()), r.Len()
	case reflect.Chan:
		s.elem, s.dir = t.t.ofRuntime(r.Elem()), r.ChanDir()
	case reflect.Map:
		s.key, s.elem = t.t.ofRuntime(r.Key()), t.t.ofRuntime(r.Elem())
	case reflect.Interface:
		s.empty = r.NumMethod() == 0
	case reflect.Struct:
		s.fields = make([]Field, r.NumField())
		for i := range s.fields {
			f := r.Field(i)
			s.fields[i] = Field{f.Name, t.t.ofRuntime(f.Type), f.Offset, f.Anonymous}
		}
	case reflect.Func:
		for i := range r.NumIn() {
			s.in = append(s.in, t.t.ofRuntime(r.In(i)))
		}
		for i := range r.NumOut() {
			s.out = append(s.out, t.t.ofRuntime(r.Out(i)))
		}
		s.variadic = r.IsVariadic()
	}
}

// ofRuntime is the Type of one of the program's types.
func (t *table) ofRuntime(r reflect.Type) *Type {
	t.types.Lock()
	defer t.types.Unlock()
	if x := t.types.byRuntime[r]; x != nil {
		return x
	}
	x := &Type{t: t, name: longName(r), kind: r.Kind(), size: r.Size(), runtime: r}
	t.types.byRuntime[r] = x
	return x
}

// longName is a type's name with its import path.
func longName(r reflect.Type) string {
	if r.Name() != "" && r.PkgPath() != "" {
		return r.PkgPath() + "." + r.Name()
	}
	if r.Kind() == reflect.Pointer && r.Name() == "" {
		return "*" + longName(r.Elem())
	}
	return r.String()
}

// typeNamed returns the type whose full name is given.
func (t *table) typeNamed(name string) (x *Type, err error) {
	raw := t.rawName(name)
	err = t.read(func() {
		t.sortTypes()
		for i, r := range t.find(t.types.named, raw) {
			// A defined struct has a typedef and a struct of one name.
			if e := t.entry(int(r.entry)); i == 0 || e.tag == tagTypedef {
				x = t.ofEntry(int(r.entry))
			}
		}
	})
	if err == nil && x == nil {
		err = errNotFound
	}
	return x, err
}

// sortTypes sorts the names of types, when they are first asked for.
func (t *table) sortTypes() {
	t.types.Lock()
	defer t.types.Unlock()
	if !t.types.sorted {
		t.sortRefs(t.types.named)
		t.types.sorted = true
	}
}

// typeNames calls f for the names of types that have a prefix.
func (t *table) typeNames(prefix string, f func(string)) error {
	return t.read(func() {
		t.sortTypes()
		list := t.types.named
		i := sort.Search(len(list), func(i int) bool { return t.nameAt(list[i].name) >= prefix })
		last := ""
		for ; i < len(list); i++ {
			name := t.nameAt(list[i].name)
			if !strings.HasPrefix(name, prefix) {
				return
			}
			if name != last {
				f(name)
			}
			last = name
		}
	})
}

// shorten leaves of every import path in a type's name the last element.
func shorten(name string) string {
	if !strings.Contains(name, "/") {
		return unescapePath(name)
	}
	var b strings.Builder
	from := 0
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '"': // a field's tag
			j := i + 1
			for j < len(name) && name[j] != '"' {
				if name[j] == '\\' {
					j++
				}
				j++
			}
			i = j
		case c == '/':
			from = i + 1
		case strings.IndexByte("*[](){},; <", c) >= 0:
			b.WriteString(name[from : i+1])
			from = i + 1
		}
	}
	if from < len(name) {
		b.WriteString(name[from:])
	}
	return unescapePath(b.String())
}
