package eval

import (
	"fmt"
	"go/ast"
	"io"
	"reflect"
	"runtime"
	"sort"

	"github.com/ispyd/ispyd/internal/nearest"
)

// refusal is what the console will not do, for the program's sake.
type refusal struct {
	msg string
	// Of a function that may not be called: why, and what it takes.
	why       string
	signature func() string
}

func (e *refusal) Error() string { return e.msg }

//go:noinline
func refused(format string, args ...any) error { return &refusal{msg: fmt.Sprintf(format, args...)} }

// boxer compiles the making of an interface of type to from a value of type from.
// lenient says that a function of the console gets it, which calls no methods.
func (s *Session) boxer(n ast.Node, from, to *Type, g get, lenient bool) get {
	rt := to.rtype()
	if from.isInterface() {
		return func(f *frame) reflect.Value {
			v := g(f)
			if v.Type() == rt {
				return v
			}
			r, err := s.box(unbridge(v), rt)
			if err != nil {
				panic(&stopError{err})
			}
			return r
		}
	}
	if err := s.boxable(from, to); err != nil && !(lenient && len(to.base().methods) == 0) {
		fail(n, "%v", err)
	}
	if from.pure {
		return func(f *frame) reflect.Value {
			r := reflect.New(rt).Elem()
			r.Set(g(f))
			return r
		}
	}
	return func(f *frame) reflect.Value {
		r, err := s.box(g(f), rt)
		if err != nil {
			panic(&stopError{err})
		}
		return r
	}
}

// boxable says why values of a type must not get into an interface.
func (s *Session) boxable(from, to *Type) error {
	if h := hazardOf(from.rtype()); h.of != nil && to.pure {
		return refused("%s may not go into an interface: the linker has dropped the method %s of %s, and whoever calls it kills the program; print it as it stands, also by :json or fmt.Printf, or pass the fields that are needed", from, h.method, h.of)
	}
	if from.pure {
		return nil
	}
	if to.rtype().NumMethod() > 0 {
		return bridgeable(from, to.rtype())
	}
	return nil
}

// box puts d into an interface of type rt.
func (s *Session) box(d reflect.Value, rt reflect.Type) (reflect.Value, error) {
	r := reflect.New(rt).Elem()
	if !d.IsValid() {
		return r, nil
	}
	if rt.NumMethod() == 0 || d.Type().Implements(rt) {
		r.Set(d)
		return r, nil
	}
	return s.hostBox(d, rt)
}

// bridge is a value of the session in an interface of the program, which has methods
// that call those of the session.
// Two are equal where their values are.
type bridge struct {
	s *Session
	x any
}

type bridged interface{ inner() reflect.Value }

func (b bridge) inner() reflect.Value { return reflect.ValueOf(b.x) }

// call calls a method of the session's value.
func (b bridge) call(name string, args ...any) []reflect.Value {
	var l []reflect.Value
	for _, a := range args {
		l = append(l, reflect.ValueOf(a))
	}
	return b.callValues(name, l)
}

func (b bridge) callValues(name string, args []reflect.Value) []reflect.Value {
	m := b.method(name)
	v := reflect.ValueOf(&b.x).Elem()
	return b.s.callback(&closure{fn: &function{name: name, typ: m.typ}, native: func(th *thread, args []reflect.Value) []reflect.Value {
		return th.callInterface(&method{name: name, typ: m.typ, iface: 1}, name, v, args, m.typ.base().variadic)
	}}, args)
}

// method is a method of the session's value, nil where it has none of that name.
func (b bridge) method(name string) *method {
	sel := b.s.types.of(reflect.TypeOf(b.x)).lookup(name)
	if sel == nil {
		return nil
	}
	return sel.method
}

type (
	errorBridge  struct{ bridge }
	stringBridge struct{ bridge }
	sortBridge   struct{ bridge }
	readBridge   struct{ bridge }
	writeBridge  struct{ bridge }
)

func (b errorBridge) Error() string     { return b.call("Error")[0].String() }
func (b stringBridge) String() string   { return b.call("String")[0].String() }
func (b sortBridge) Len() int           { return int(b.call("Len")[0].Int()) }
func (b sortBridge) Less(i, j int) bool { return b.call("Less", i, j)[0].Bool() }
func (b sortBridge) Swap(i, j int)      { b.call("Swap", i, j) }
func (b readBridge) Read(p []byte) (int, error) {
	return countAndError(b.call("Read", p))
}
func (b writeBridge) Write(p []byte) (int, error) {
	return countAndError(b.call("Write", p))
}

func (b errorBridge) Unwrap() error {
	if m := b.method("Unwrap"); m == nil || m.typ != b.s.types.of(reflect.TypeFor[func() error]()) {
		return nil
	}
	err, _ := b.call("Unwrap")[0].Interface().(error)
	return err
}

func (b errorBridge) Is(target error) bool {
	if m := b.method("Is"); m == nil || m.typ != b.s.types.of(reflect.TypeFor[func(error) bool]()) {
		return false
	}
	var box error = target // in an interface of that type, as the method takes it
	return b.callValues("Is", []reflect.Value{reflect.ValueOf(&box).Elem()})[0].Bool()
}

func countAndError(r []reflect.Value) (int, error) {
	err, _ := r[1].Interface().(error)
	return int(r[0].Int()), err
}

var bridges = map[reflect.Type]func(bridge) any{
	errorType:                         func(b bridge) any { return errorBridge{b} },
	reflect.TypeFor[fmt.Stringer]():   func(b bridge) any { return stringBridge{b} },
	reflect.TypeFor[sort.Interface](): func(b bridge) any { return sortBridge{b} },
	reflect.TypeFor[io.Reader]():      func(b bridge) any { return readBridge{b} },
	reflect.TypeFor[io.Writer]():      func(b bridge) any { return writeBridge{b} },
}

// unbridge is what is in an interface, without a bridge around it; invalid where it
// is nil.
func unbridge(v reflect.Value) reflect.Value {
	d := v.Elem()
	if !d.IsValid() || d.Kind() != reflect.Struct {
		return d
	}
	switch d.Type() {
	case reflect.TypeFor[errorBridge](), reflect.TypeFor[stringBridge](), reflect.TypeFor[sortBridge](), reflect.TypeFor[readBridge](), reflect.TypeFor[writeBridge]():
		return d.Interface().(bridged).inner()
	}
	if _, ok := bridgeTypes.Load(d.Type()); ok {
		return (*hostBridge)(copyOf(d).Addr().UnsafePointer()).inner()
	}
	return d
}

// asserter compiles the question whether what is in an interface is a t.
func (s *Session) asserter(t *Type) func(d reflect.Value) (reflect.Value, bool) {
	rt := t.rtype()
	if !t.isInterface() {
		return func(d reflect.Value) (reflect.Value, bool) {
			if !d.IsValid() || d.Type() != rt {
				return reflect.Value{}, false
			}
			return d, true
		}
	}
	return func(d reflect.Value) (reflect.Value, bool) {
		if !d.IsValid() {
			return reflect.Value{}, false
		}
		dt := s.types.of(d.Type())
		if dt.missing(t) != "" {
			return reflect.Value{}, false
		}
		r, err := s.box(d, rt)
		return r, err == nil
	}
}

// assertionError is the panic of a type assertion that does not hold.
func (s *Session) assertionError(from, to *Type, d reflect.Value) runtime.Error {
	if !d.IsValid() {
		if to.isInterface() {
			return interfaceError{fmt.Sprintf("interface conversion: interface is nil, not %s", to)}
		}
		return interfaceError{fmt.Sprintf("interface conversion: %s is nil, not %s", from, to)}
	}
	dt := s.types.of(d.Type())
	name := from.String()
	if to.isInterface() {
		return interfaceError{fmt.Sprintf("interface conversion: %s is not %s: %s", dt, to, dt.lacks(to))}
	}
	return interfaceError{fmt.Sprintf("interface conversion: %s is %s, not %s", name, dt, to)}
}

// lacks names the first method that t has not, as the runtime does.
func (t *Type) lacks(iface *Type) string {
	for _, m := range iface.base().methods {
		if have := t.methodOf(m.name); have == nil || have.typ != m.typ {
			return "missing method " + m.name
		}
	}
	return t.missing(iface)
}

type interfaceError struct{ msg string }

func (e interfaceError) Error() string { return e.msg }
func (interfaceError) RuntimeError()   {}

// near is an addition to an error: the name that was perhaps meant, of those that can be
// used where usable is given.
func (s *Session) near(name string, all []string, usable func(name string) bool) string {
	for range 20 {
		n := nearest.Name(name, all)
		if n == "" {
			break
		}
		if usable == nil || s.quietly(func(*compiler) {
			if !usable(n) {
				fail(nil, "%s", n)
			}
		}) == nil {
			return " (near: " + n + ")"
		}
		var rest []string
		for _, x := range all {
			if x != n {
				rest = append(rest, x)
			}
		}
		all = rest
	}
	return ""
}

// usable says of a name of a package of the program that it may be used.
func (s *Session) usable(path string) func(name string) bool {
	return func(name string) bool {
		if s.host == nil {
			return true
		}
		_, err := s.host.Lookup(path, name)
		return err == nil
	}
}
