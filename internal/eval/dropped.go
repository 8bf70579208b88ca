package eval

import (
	"reflect"
	"sync"

	"github.com/ispyd/ispyd/internal/symbols"
)

// The linker drops methods of types that the program never puts into an interface. A
// type assertion does not see that: it holds where the method's name and type are in
// the type's data, and the call of the method throws, which nothing recovers from. So
// before the console puts a value into an interface it looks for methods that were
// dropped and that some interface of the program selects, in all that a function could
// reach from the value by reflection.

type methodKey struct {
	name string
	typ  reflect.Type
}

// selected are the methods of all interfaces of the program; nil where they cannot be
// known, which selectable takes for all.
func selected() map[methodKey]bool {
	programMethods.Do(func() {
		l, err := symbols.Interfaces()
		if err != nil {
			return
		}
		programMethods.methods = map[methodKey]bool{}
		for _, t := range l {
			for _, m := range interfaceMethods(t) {
				programMethods.methods[methodKey{m.name, m.typ}] = true
			}
		}
	})
	return programMethods.methods
}

var programMethods struct {
	sync.Once
	methods map[methodKey]bool
}

// selectable says that some interface of the program may select a method.
func selectable(m rtMethod) bool {
	s := selected()
	return s == nil || s[methodKey{m.name, m.typ}]
}

// droppedMethod names a method of t itself that an interface may select and the
// linker has not kept.
func droppedMethod(t reflect.Type) string {
	if t.Kind() == reflect.Interface {
		return ""
	}
	for _, m := range typeMethods(t) {
		if m.typ != nil && (m.ifn == 0 || !callable(m.ifn)) && selectable(m) {
			return m.name
		}
	}
	return ""
}

// hazard is a method that must not be called.
type hazard struct {
	of     reflect.Type
	method string
}

var hazards sync.Map // reflect.Type to hazard

// hazardOf finds a dropped method in a type or in what can be reached from its values
// by package reflect: elements, exported fields, pointers to them. Interfaces among
// them hold what the program has put there, whose methods the linker has kept.
func hazardOf(t reflect.Type) hazard {
	if h, ok := hazards.Load(t); ok {
		return h.(hazard)
	}
	w := hazardWalk{seen: map[hazardPlace]bool{}}
	w.part(t, false, true)
	for len(w.queue) > 0 && w.found.of == nil {
		p := w.queue[0]
		w.queue = w.queue[1:]
		switch p.t.Kind() {
		case reflect.Pointer, reflect.Slice:
			w.part(p.t.Elem(), true, true)
		case reflect.Array:
			w.part(p.t.Elem(), p.addressable, true)
		case reflect.Map:
			w.part(p.t.Key(), false, true)
			w.part(p.t.Elem(), false, true)
		case reflect.Struct:
			for i := range p.t.NumField() {
				// The exported fields of an embedded struct are visible
				// where the struct is not.
				if f := p.t.Field(i); f.IsExported() || f.Anonymous && f.Type.Kind() == reflect.Struct {
					w.part(f.Type, p.addressable, f.IsExported())
				}
			}
		}
	}
	hazards.Store(t, w.found)
	return w.found
}

// hazardWalk is a search among the parts of a type.
type hazardWalk struct {
	seen  map[hazardPlace]bool
	queue []hazardPlace
	found hazard
}

type hazardPlace struct {
	t           reflect.Type
	addressable bool
}

// part tests a type that reflection reaches, if it may call its methods, and queues it.
func (w *hazardWalk) part(t reflect.Type, addressable, visible bool) {
	if visible {
		w.test(t)
		if addressable {
			w.test(reflect.PointerTo(t))
		}
	}
	if p := (hazardPlace{t, addressable}); !w.seen[p] {
		w.seen[p] = true
		w.queue = append(w.queue, p)
	}
}

func (w *hazardWalk) test(t reflect.Type) {
	if name := droppedMethod(t); name != "" && w.found.of == nil {
		w.found = hazard{t, name}
	}
}
