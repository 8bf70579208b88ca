package eval

import (
	"fmt"
	"reflect"
	"strings"
)

// method prints what a method of a value says, as fmt asks it.
func (f *formatter) method(v reflect.Value, t *Type) (done bool) {
	if m := f.s.methodFor(t, "Format", formatType); m != nil {
		defer f.caught(v, "Format", &done)
		var st fmt.State = f.w
		f.s.callFor(m, v, reflect.ValueOf(&st).Elem(), reflect.ValueOf(f.verb))
		return true
	}
	names := []string{"Error", "String"}
	if f.syntax {
		names = []string{"GoString"}
	} else if !strings.ContainsRune(stringVerbs, f.verb) {
		return false
	}
	for _, name := range names {
		m := f.s.methodFor(t, name, textType)
		if m == nil {
			continue
		}
		defer f.caught(v, name, &done)
		text := f.s.callFor(m, v)[0].String()
		if f.syntax {
			f.print('s', text)
		} else {
			f.leaf(text)
		}
		return true
	}
	return false
}

// caught prints the panic of a method in place of what it did not say.
func (f *formatter) caught(v reflect.Value, name string, done *bool) {
	r := recover()
	if r == nil {
		return
	}
	if _, stop := r.(*stopError); stop {
		panic(r)
	}
	*done = true
	if v.Kind() == reflect.Pointer && v.IsNil() {
		f.text("<nil>")
		return
	}
	f.text("%!" + string(f.verb) + "(PANIC=" + name + " method: " + f.s.panicText(r) + ")")
}

var (
	textType   = reflect.TypeFor[func() string]()
	formatType = reflect.TypeFor[func(fmt.State, rune)]()
)

// methodFor is a method of a value, nil where it has none of that name and type, or
// none that may be called.
func (s *Session) methodFor(t *Type, name string, rt reflect.Type) (m *method) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(compileError); !ok { // there is one, which was inlined everywhere
				panic(r)
			}
			m = nil
		}
	}()
	if m = t.methodOf(name); m == nil || m.typ.rtype() != rt {
		return nil
	}
	return m
}

func (s *Session) callFor(m *method, v reflect.Value, args ...reflect.Value) []reflect.Value {
	var box any
	r := reflect.ValueOf(&box).Elem()
	r.Set(v)
	th := &thread{s: s, ev: s.current()}
	return th.callInterface(&method{name: m.name, typ: m.typ, iface: 1}, m.name, r, args, false)
}

// textOf is what Error or String say of a value that has one of them.
func (s *Session) textOf(v reflect.Value, t *Type) (text string, ok bool) {
	for _, name := range []string{"Error", "String"} {
		m := s.methodFor(t, name, textType)
		if m == nil {
			continue
		}
		if t.kind == reflect.Pointer && v.IsNil() {
			defer func() { // as fmt does; what works without a value is taken
				if e := recover(); e != nil {
					if _, stop := e.(*stopError); stop {
						panic(e)
					}
					text, ok = "<nil>", true
				}
			}()
		}
		return s.callFor(m, v)[0].String(), true
	}
	return "", false
}

// methodOf is a method that values of t, which is no interface, have; nil for none.
func (t *Type) methodOf(name string) *method {
	sel := t.lookup(name)
	if t.isInterface() || sel == nil || sel.method == nil || sel.method.ptr && t.kind != reflect.Pointer && !sel.viaPointer {
		return nil
	}
	return sel.method
}
