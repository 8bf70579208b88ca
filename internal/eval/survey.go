//go:build evalsurvey

package eval

import (
	"context"
	"fmt"
	"reflect"
	"sort"
	"strings"

	"github.com/ispyd/ispyd/internal/symbols"
)

// Survey is what became of all functions and types of a program.
type Survey struct {
	Functions, Callable int
	// Refused counts the reasons, with one function as an example.
	Refused map[string]int
	// Methods are those whose signature the runtime knows as well, Compared those
	// that the debug information has, Different those on which both disagree.
	Methods, Compared int
	// Different are those on whose parameters or results they disagree; Shorter
	// is how many of the latter the debug information has lost results of. The
	// console takes what the runtime says where it says anything.
	Different    []string
	Shorter      int
	Types, Boxed int
	Hazards      int
	Interfaces   int
}

// SurveyAll looks at all functions and types of the running program, and gives a value
// of each type to use if the console would. It is for tests.
func SurveyAll(ctx context.Context, use func(any)) (*Survey, error) {
	l := &Live{}
	l.Begin(ctx)
	defer l.Close()
	if err := l.Missing(); err != nil {
		return nil, err
	}
	s := &Survey{Refused: map[string]int{}}
	ifaces, err := symbols.Interfaces()
	if err != nil {
		return nil, err
	}
	s.Interfaces = len(ifaces)
	known := map[reflect.Type]bool{}
	for _, t := range ifaces {
		known[t] = true
	}
	for _, path := range l.Packages() {
		for _, name := range l.x.Funcs(path) {
			f, err := l.x.Func(name)
			s.Functions++
			if err == nil {
				_, err = l.function(&f)
			}
			if err == nil {
				s.Callable++
			} else {
				why := strings.TrimPrefix(err.Error(), name)
				why = strings.TrimPrefix(strings.TrimPrefix(why, " cannot be called: "), ": "+name)
				if i := strings.IndexAny(why, "(0123456789"); i > 0 {
					why = why[:i]
				}
				s.Refused[why]++
			}
		}
		for _, name := range l.x.Types(path) {
			t, err := l.x.Type(name)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			rt := t.Runtime()
			if rt == nil {
				continue
			}
			s.Types++
			if rt.Kind() == reflect.Interface {
				if rt.NumMethod() > 0 && !known[rt] && len(interfaceMethods(rt)) > 0 {
					return nil, fmt.Errorf("%s is an interface that the scan of the types has not found", name)
				}
				continue
			}
			s.methods(l, rt)
			for _, x := range []reflect.Type{rt, reflect.PointerTo(rt), reflect.SliceOf(rt)} {
				if hazardOf(x).of != nil {
					s.Hazards++
					continue
				}
				if rt.Size() > 1<<20 {
					continue
				}
				s.Boxed++
				give(use, x)
			}
		}
	}
	sort.Strings(s.Different)
	return s, nil
}

// give makes a value of type t, not nil, for use. It survives panics, as the console
// does: also of types that may not be on the heap.
func give(use func(any), t reflect.Type) {
	defer func() { recover() }()
	v := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(t, 1, 1))
	}
	use(v.Interface())
}

// methods compares the signatures that the runtime has with those of the debug
// information.
func (s *Survey) methods(l *Live, rt reflect.Type) {
	for _, recv := range []reflect.Type{rt, reflect.PointerTo(rt)} {
		for _, m := range typeMethods(recv) {
			if m.typ == nil || m.tfn == 0 {
				continue
			}
			s.Methods++
			for _, full := range l.methodNames(rt, m.name) {
				f, err := l.x.Func(full)
				if err != nil || f.Entry != m.tfn {
					continue
				}
				s.Compared++
				fn, err := l.function(&f)
				if err != nil {
					continue
				}
				have, want := fn.Value.Type(), receiverFirst(recv, m.typ)
				if have.NumOut() < want.NumOut() {
					s.Shorter++
				}
				same := have.NumIn() == want.NumIn() && have.NumOut() <= want.NumOut()
				for i := 0; same && i < have.NumIn(); i++ {
					same = have.In(i) == want.In(i)
				}
				for i := 0; same && i < have.NumOut(); i++ {
					same = have.Out(i) == want.Out(i)
				}
				if !same {
					s.Different = append(s.Different, fmt.Sprintf("%s: %s, the runtime says %s", full, have, want))
				}
			}
		}
	}
}
