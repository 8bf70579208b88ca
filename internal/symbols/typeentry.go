package symbols

import (
	"reflect"
	"strings"
)

// ofEntry is the Type of a type's entry, nil for none. The caller holds the
// table's lock, see [table.read].
func (t *table) ofEntry(off int) *Type {
	if off == 0 {
		return nil
	}
	t.types.Lock()
	defer t.types.Unlock()
	if x := t.types.byEntry[off]; x != nil {
		return x
	}
	x := t.newType(off)
	t.types.byEntry[off] = x
	if x.runtime != nil && t.types.byRuntime[x.runtime] == nil {
		t.types.byRuntime[x.runtime] = x
	} else if x.runtime != nil {
		x = t.types.byRuntime[x.runtime]
		t.types.byEntry[off] = x
	}
	return x
}

// newType reads name, kind, size and the runtime's type of an entry.
func (t *table) newType(off int) *Type {
	e := t.entry(off)
	x := &Type{t: t, entry: off, name: unescapePath(strings.Clone(e.name)), kind: reflect.Kind(e.kind)}
	word := e.runtimeType
	size, known := e.size, e.hasSize
	// A defined struct type has its kind and its runtime type on the struct
	// that the typedef points to, and a typedef never has a size.
	for d, n := e, 0; d.tag == tagTypedef && d.typ != 0 && n < 8; n++ {
		d = t.entry(d.typ)
		if x.kind == reflect.Invalid {
			x.kind = reflect.Kind(d.kind)
		}
		if word == 0 && d.name == e.name {
			word = d.runtimeType
		}
		size, known = d.size, d.hasSize
		if d.tag == tagPointer {
			size, known = 8, true
		}
	}
	switch {
	case e.tag == tagPointer:
		x.kind, size, known = reflect.Pointer, 8, true
		if e.kind == uint8(reflect.UnsafePointer) || e.name == "unsafe.Pointer" {
			x.kind = reflect.UnsafePointer
		}
	case x.kind == reflect.Map || x.kind == reflect.Chan || x.kind == reflect.Func || x.kind == reflect.UnsafePointer:
		size, known = 8, true
	case e.tag == tagFuncType:
		x.kind, size, known = reflect.Func, 8, true
	case x.kind == reflect.Interface:
		size, known = 16, true
	}
	if !known || size < 0 || x.kind > reflect.UnsafePointer {
		x.kind, size = reflect.Invalid, 0
	}
	x.size = uintptr(size)
	if t.program != nil && word != 0 && t.knownWord(t.program.types+uintptr(word)) {
		r := typeAt(t.program.types + uintptr(word))
		if r.Kind() == x.kind && r.Size() == x.size {
			x.runtime = r
		}
	}
	return x
}

// fromEntry reads what the type is made of out of the debug information.
func (x *Type) fromEntry(s *shape) {
	t := x.t
	e := t.entry(x.entry)
	under := e
	for n := 0; under.tag == tagTypedef && under.typ != 0 && n < 8; n++ {
		under = t.entry(under.typ)
	}
	switch x.kind {
	case reflect.Pointer:
		s.elem = t.ofEntry(under.typ)
	case reflect.Map:
		s.key, s.elem = t.ofEntry(first(e.key, under.key)), t.ofEntry(first(e.elem, under.elem))
	case reflect.Slice:
		s.elem = t.ofEntry(first(e.elem, under.elem))
	case reflect.Chan:
		s.elem = t.ofEntry(first(e.elem, under.elem))
		switch {
		case strings.HasPrefix(e.name, "<-chan"):
			s.dir = reflect.RecvDir
		case strings.HasPrefix(e.name, "chan<-"):
			s.dir = reflect.SendDir
		default:
			s.dir = reflect.BothDir
		}
	case reflect.Interface:
		s.empty = under.name == "runtime.eface"
	case reflect.Array:
		s.elem = t.ofEntry(under.typ)
		t.children(under.off, func(c *entry) {
			if c.tag == tagSubrange && c.hasCount {
				s.len = int(c.count)
			}
		})
		if s.elem == nil || s.len < 0 || s.elem.size*uintptr(s.len) != x.size || t.holds(s.elem.entry, x, new(int)) {
			*s = shape{}
		}
	case reflect.Struct:
		x.structFields(s, under.off)
	case reflect.Func:
		for n := 0; under.tag == tagPointer && n < 2; n++ {
			under = t.entry(under.typ)
		}
		t.children(under.off, func(c *entry) {
			switch {
			case c.tag == tagEllipsis:
				s.variadic = true
			case c.tag == tagParameter && c.result:
				s.out = append(s.out, t.ofEntry(c.typ))
			case c.tag == tagParameter:
				s.in = append(s.in, t.ofEntry(c.typ))
			}
		})
	}
}

func (x *Type) structFields(s *shape, off int) {
	x.t.children(off, func(c *entry) {
		if c.tag != tagMember {
			return
		}
		f := Field{Name: strings.Clone(c.name), Type: x.t.ofEntry(c.typ), Offset: uintptr(c.member), Embedded: c.embedded}
		if i := strings.LastIndexAny(f.Name, "./*"); i >= 0 {
			f.Name = f.Name[i+1:] // an embedded field is called by its type
		}
		if f.Type == nil || c.member < 0 || f.Offset > x.size || f.Type.size > x.size-f.Offset || x.t.holds(f.Type.entry, x, new(int)) {
			return
		}
		s.fields = append(s.fields, f)
	})
}

// maxHeld bounds the steps of holds. Structs of one field in each other are few.
const maxHeld = 256

// holds reports whether the type at an entry is x or has x in itself, which only
// malformed data says of a type that is a part of x. Such a part is as large as x.
func (t *table) holds(off int, x *Type, steps *int) bool {
	if off == 0 {
		return false // known from the runtime
	}
	if *steps++; *steps > maxHeld {
		return true
	}
	e := t.entry(off)
	for n := 0; e.tag == tagTypedef && e.typ != 0 && n < 8; n++ {
		if e.off == x.entry {
			return true
		}
		e = t.entry(e.typ)
	}
	switch {
	case e.off == x.entry:
		return true
	case e.tag != tagStruct && e.tag != tagArray || uintptr(e.size) < x.size:
		return false
	}
	own := t.entry(x.entry)
	for n := 0; own.tag == tagTypedef && own.typ != 0 && n < 8; n++ {
		own = t.entry(own.typ)
	}
	if e.off == own.off {
		return true
	}
	if e.tag == tagArray {
		return t.holds(e.typ, x, steps)
	}
	found := false
	t.children(e.off, func(c *entry) {
		if c.tag == tagMember && !found {
			found = t.holds(c.typ, x, steps)
		}
	})
	return found
}

func first(a, b int) int {
	if a != 0 {
		return a
	}
	return b
}
