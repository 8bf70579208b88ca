package symbols

import (
	"fmt"
	"reflect"
)

// rebuilt is a type made with reflect, and what went wrong with it.
type rebuilt struct {
	typ reflect.Type
	err error
}

// Reflect returns the type as reflect has it: the program's own where there is
// one, then exact is true. Else one of the same layout is made, which has no name
// and no methods; a pointer in it to a type that contains itself is an
// unsafe.Pointer. Interfaces with methods that the program has no data of cannot
// be made.
func (t *Type) Reflect() (r reflect.Type, exact bool, err error) {
	if t.runtime != nil {
		return t.runtime, true, nil
	}
	m := maker{seen: map[*Type]bool{}, done: map[*Type]rebuilt{}}
	tt := &t.t.types
	tt.Lock()
	b, ok := tt.rebuilt[t]
	tt.Unlock()
	if !ok {
		b.typ, b.err = m.make(t)
		tt.Lock()
		tt.rebuilt[t] = b
		tt.Unlock()
	}
	return b.typ, false, b.err
}

type maker struct {
	seen map[*Type]bool // those that are being made
	done map[*Type]rebuilt
}

var basicTypes = [...]reflect.Type{
	reflect.Bool:          reflect.TypeFor[bool](),
	reflect.Int:           reflect.TypeFor[int](),
	reflect.Int8:          reflect.TypeFor[int8](),
	reflect.Int16:         reflect.TypeFor[int16](),
	reflect.Int32:         reflect.TypeFor[int32](),
	reflect.Int64:         reflect.TypeFor[int64](),
	reflect.Uint:          reflect.TypeFor[uint](),
	reflect.Uint8:         reflect.TypeFor[uint8](),
	reflect.Uint16:        reflect.TypeFor[uint16](),
	reflect.Uint32:        reflect.TypeFor[uint32](),
	reflect.Uint64:        reflect.TypeFor[uint64](),
	reflect.Uintptr:       reflect.TypeFor[uintptr](),
	reflect.Float32:       reflect.TypeFor[float32](),
	reflect.Float64:       reflect.TypeFor[float64](),
	reflect.Complex64:     reflect.TypeFor[complex64](),
	reflect.Complex128:    reflect.TypeFor[complex128](),
	reflect.String:        reflect.TypeFor[string](),
	reflect.UnsafePointer: nil,
}

// make rebuilds a type; reflect panics on what it cannot make.
func (m *maker) make(t *Type) (r reflect.Type, err error) {
	defer func() {
		if v := recover(); v != nil {
			r, err = nil, fmt.Errorf("the type %s cannot be rebuilt: %v", t, v)
		}
		if err == nil && r.Size() != t.size {
			r, err = nil, fmt.Errorf("the type %s cannot be rebuilt: it is %d bytes large and not %d", t, t.size, r.Size())
		}
	}()
	if t.runtime != nil {
		return t.runtime, nil
	}
	if b, ok := m.done[t]; ok {
		return b.typ, b.err
	}
	if m.seen[t] {
		return nil, fmt.Errorf("the type %s contains itself, and the program has no data of it", t)
	}
	m.seen[t] = true
	defer func() {
		delete(m.seen, t)
		m.done[t] = rebuilt{r, err}
	}()
	if int(t.kind) < len(basicTypes) && basicTypes[t.kind] != nil {
		return basicTypes[t.kind], nil
	}
	elem := t.Elem()
	var key *Type
	switch t.kind {
	case reflect.UnsafePointer:
		return unsafePointer, nil
	case reflect.Pointer, reflect.Array, reflect.Slice, reflect.Chan:
	case reflect.Map:
		key = t.Key()
		if key == nil {
			elem = nil
		}
	case reflect.Struct:
		return m.structType(t)
	case reflect.Func:
		return m.funcType(t)
	case reflect.Interface:
		if t.EmptyInterface() {
			return reflect.TypeFor[any](), nil
		}
		return nil, fmt.Errorf("the program has no data of the interface %s", t)
	default:
		return nil, fmt.Errorf("the type %s is not known", t)
	}
	if elem == nil {
		if t.kind == reflect.Pointer {
			return unsafePointer, nil
		}
		return nil, fmt.Errorf("the type %s is not known", t)
	}
	e, err := m.make(elem)
	if err != nil {
		if t.kind == reflect.Pointer {
			return unsafePointer, nil
		}
		return nil, err
	}
	switch t.kind {
	case reflect.Pointer:
		return reflect.PointerTo(e), nil
	case reflect.Array:
		return reflect.ArrayOf(t.Len(), e), nil
	case reflect.Slice:
		return reflect.SliceOf(e), nil
	case reflect.Chan:
		return reflect.ChanOf(t.Dir(), e), nil
	}
	k, err := m.make(key)
	if err != nil {
		return nil, err
	}
	return reflect.MapOf(k, e), nil
}

func (m *maker) structType(t *Type) (reflect.Type, error) {
	var fields []reflect.StructField
	for i, f := range t.Fields() {
		ft, err := m.make(f.Type)
		if err != nil {
			return nil, err
		}
		// Embedding would need methods; the layout is the same without.
		sf := reflect.StructField{Name: f.Name, Type: ft}
		if f.Name == "_" || f.Name == "" {
			sf.Name = fmt.Sprintf("blank%d", i)
		}
		if c := sf.Name[0]; c < 'A' || c > 'Z' {
			sf.PkgPath = "rebuilt"
		}
		fields = append(fields, sf)
	}
	r := reflect.StructOf(fields)
	for i, f := range t.Fields() {
		if r.Field(i).Offset != f.Offset {
			return nil, fmt.Errorf("the type %s cannot be rebuilt: its field %s is elsewhere", t, f.Name)
		}
	}
	return r, nil
}

func (m *maker) funcType(t *Type) (reflect.Type, error) {
	lists := [2][]reflect.Type{}
	for i, list := range [][]*Type{t.In(), t.Out()} {
		for _, p := range list {
			if p == nil {
				return nil, fmt.Errorf("the type %s is not known", t)
			}
			r, err := m.make(p)
			if err != nil {
				return nil, err
			}
			lists[i] = append(lists[i], r)
		}
	}
	return reflect.FuncOf(lists[0], lists[1], t.Variadic()), nil
}
