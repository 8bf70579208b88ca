package eval

import (
	"fmt"
	"reflect"
	"sort"
	"strings"
)

// Functions of package fmt get values of the session and of the program in a
// wrapping that prints as they would, without a call of a method that the linker has
// dropped and without the field that marks declared types.

// printable is what is given to fmt for an interface value.
func (s *Session) printable(v reflect.Value) any {
	d := v
	if v.Kind() == reflect.Interface {
		d = unbridge(v)
	}
	if !d.IsValid() {
		return nil
	}
	t := s.types.of(d.Type())
	if t.pure && t.rt.PkgPath() == "" && basicKind(t.kind) || t.rt == bytesType {
		return d.Interface()
	}
	return &formatted{s, d, t}
}

var bytesType = reflect.TypeFor[[]byte]()

func basicKind(k reflect.Kind) bool {
	return k >= reflect.Bool && k <= reflect.Complex128 || k == reflect.String
}

// printables wraps the arguments of a function of fmt.
func (s *Session) printables(args []any) []any {
	l := make([]any, len(args))
	for i := range args {
		l[i] = s.printable(reflect.ValueOf(&args[i]).Elem())
	}
	return l
}

func (s *Session) typeText(x any) string {
	d := unbridge(reflect.ValueOf(&x).Elem())
	if !d.IsValid() {
		return "<nil>"
	}
	switch d.Interface().(type) {
	case runtimeError:
		return "runtime.errorString"
	case plainError:
		return "runtime.plainError"
	case interfaceError:
		return "*runtime.TypeAssertionError"
	}
	return s.types.of(d.Type()).String()
}

// formatted is a value as fmt gets it.
type formatted struct {
	s *Session
	v reflect.Value
	t *Type
}

// Format implements fmt.Formatter.
func (x *formatted) Format(st fmt.State, verb rune) {
	defer func() {
		// fmt recovers what panics, also the end of the evaluation: that is told
		// to the next who looks.
		switch r := recover().(type) {
		case nil:
		case *stopError:
			x.s.current().stop.CompareAndSwap(nil, r)
		default:
			panic(r)
		}
	}()
	x.s.current().checkStack(true)
	f := newFormatter(x.s, st, verb)
	f.value(x.v, x.t, 0, true)
}

func newFormatter(s *Session, st fmt.State, verb rune) *formatter {
	flags := strings.TrimPrefix(fmt.FormatString(st, 'v'), "%")
	valued := verb == 'v' || verb == 'w'
	width, _ := st.Width()
	precision, _ := st.Precision()
	return &formatter{s: s, th: &thread{s: s, ev: s.current()}, w: st, wide: max(width, precision, 1), flags: flags[:len(flags)-1], verb: verb, plus: st.Flag('+') && valued, syntax: st.Flag('#') && valued}
}

type formatter struct {
	s            *Session
	th           *thread
	w            fmt.State
	flags        string
	verb         rune
	plus, syntax bool // %+v, %#v
	wrong        bool // it shows what a verb is not for
	nodes, wide  int  // wide is the most that the flags fill up
}

func (f *formatter) leaf(x any) { f.print(f.verb, x) }

//go:noinline
func (f *formatter) print(verb rune, x any) { fmt.Fprintf(f.w, "%"+f.flags+string(verb), x) }

//go:noinline
func (f *formatter) text(s string) { f.w.Write([]byte(s)) }

// bad says that there is no such verb for a value.
func (f *formatter) bad(v reflect.Value, t *Type) {
	f.text("%!" + string(f.verb) + "(" + t.String() + "=")
	plain := *f
	plain.verb, plain.wrong = 'v', f.verb != 'w'
	plain.value(v, t, 0, false)
	f.text(")")
}

// Verbs of the basic kinds, the second one is what %v does.
const (
	intVerbs    = "vdboOxXcqU"
	floatVerbs  = "vgbGxXfFeE"
	stringVerbs = "vsxXq"
)

func verbsOf(t *Type) string {
	switch {
	case t.isBool():
		return "vt"
	case t.isInteger():
		return intVerbs
	case t.isString():
		return stringVerbs
	}
	return floatVerbs
}

// value writes v. methods says that Error and String may be called, as fmt may for
// what is exported.
func (f *formatter) value(v reflect.Value, t *Type, depth int, methods bool) {
	f.th.check()
	if f.nodes++; depth > 50 || f.nodes > 100_000 || f.nodes*f.wide > maxBytes/4 {
		f.text("…")
		return
	}
	if methods && f.method(v, t) {
		return
	}
	syntax := f.syntax
	b := t.base()
	u := v
	switch t.kind {
	case reflect.Bool, reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		switch verbs := verbsOf(t); {
		case f.wrong: // the flags are as they were given, %+v means no more
			f.print(rune(verbs[1]), plainOf(u))
		case strings.ContainsRune(verbs, f.verb):
			f.leaf(plainOf(u))
		default:
			f.bad(v, t)
		}
	case reflect.Struct:
		if syntax {
			f.text(t.String())
		}
		f.text("{")
		for i, fd := range b.fields {
			if i > 0 {
				f.text(separator(syntax))
			}
			if f.plus || syntax {
				f.text(fd.name + ":")
			}
			f.value(t.fieldAt(v, i), fd.typ, depth+1, methods && exported(fd.name))
		}
		f.text("}")
	case reflect.Slice, reflect.Array:
		if b.elem.kind == reflect.Uint8 && strings.ContainsRune("sqxX", f.verb) {
			bytes := make([]byte, u.Len())
			for i := range bytes {
				bytes[i] = byte(u.Index(i).Uint())
			}
			f.leaf(bytes)
			return
		}
		open, end := "[", "]"
		if syntax {
			if t.kind == reflect.Slice && u.IsNil() {
				f.text(t.String() + "(nil)")
				return
			}
			open, end = t.String()+"{", "}"
		}
		f.text(open)
		et := b.elem.rtype()
		for i := range u.Len() {
			if i > 0 {
				f.text(separator(syntax))
			}
			f.value(retype(u.Index(i), et), b.elem, depth+1, methods)
		}
		f.text(end)
	case reflect.Map:
		open, end := "map[", "]"
		if syntax {
			open, end = t.String()+"{", "}"
			if u.IsNil() {
				open, end = t.String()+"(nil", ")"
			}
		}
		f.text(open)
		for i, e := range f.s.sorted(u, b) {
			if i > 0 {
				f.text(separator(syntax))
			}
			f.value(e[0], b.key, depth+1, methods)
			f.text(":")
			f.value(e[1], b.elem, depth+1, methods)
		}
		f.text(end)
	case reflect.Interface:
		d := unbridge(u)
		if !d.IsValid() {
			if syntax {
				f.text(t.String() + "(nil)")
			} else {
				f.text("<nil>")
			}
			return
		}
		f.value(d, f.s.types.of(d.Type()), depth+1, methods)
	case reflect.Pointer:
		if depth == 0 && !u.IsNil() {
			switch b.elem.kind {
			case reflect.Struct, reflect.Slice, reflect.Array, reflect.Map:
				f.text("&")
				f.value(pointee(u, b.elem.rtype()), b.elem, depth+1, methods)
				return
			}
		}
		f.address(u, t)
	default:
		f.address(u, t)
	}
}

func separator(syntax bool) string {
	if syntax {
		return ", "
	}
	return " "
}

// address writes a pointer, chan or func as fmt does.
func (f *formatter) address(u reflect.Value, t *Type) {
	p := uintptr(u.UnsafePointer())
	switch {
	case f.syntax:
		if p == 0 {
			fmt.Fprintf(f.w, "(%s)(nil)", t)
		} else {
			f.text("(" + t.String() + ")(")
			f.print('x', p) // with the flag #
			f.text(")")
		}
	case f.verb == 'v' && p == 0:
		fmt.Fprintf(f.w, "%"+f.flags+"v", nil)
	case f.verb == 'v' || f.verb == 'p':
		flags := "#" + f.flags
		if strings.Contains(f.flags, "#") {
			flags = strings.ReplaceAll(f.flags, "#", "")
		}
		if f.plus {
			flags = strings.ReplaceAll(flags, "+", "")
		}
		fmt.Fprintf(f.w, "%"+flags+"x", p)
	case strings.ContainsRune("bodxX", f.verb):
		f.leaf(p)
	default:
		f.bad(u, t)
	}
}

// plainOf is a basic value with its predeclared type.
func plainOf(u reflect.Value) any {
	switch u.Kind() {
	case reflect.Bool:
		return u.Bool()
	case reflect.String:
		return u.String()
	case reflect.Int:
		return int(u.Int())
	case reflect.Int8:
		return int8(u.Int())
	case reflect.Int16:
		return int16(u.Int())
	case reflect.Int32:
		return int32(u.Int())
	case reflect.Int64:
		return u.Int()
	case reflect.Uint:
		return uint(u.Uint())
	case reflect.Uint8:
		return uint8(u.Uint())
	case reflect.Uint16:
		return uint16(u.Uint())
	case reflect.Uint32:
		return uint32(u.Uint())
	case reflect.Uint64:
		return u.Uint()
	case reflect.Uintptr:
		return uintptr(u.Uint())
	case reflect.Float32:
		return float32(u.Float())
	case reflect.Float64:
		return u.Float()
	case reflect.Complex64:
		return complex64(u.Complex())
	}
	return u.Complex()
}

// sorted are the entries of a map, sorted by key as fmt does.
func (s *Session) sorted(m reflect.Value, b *Type) [][2]reflect.Value {
	var l [][2]reflect.Value
	kt, et := b.key.rtype(), b.elem.rtype()
	ev := s.current()
	s.walkMap(ev, m, func(k, v reflect.Value) bool {
		l = append(l, [2]reflect.Value{retype(k, kt), retype(v, et)})
		return len(l) < 1<<16
	})
	sort.SliceStable(l, func(i, j int) bool { return lessKey(l[i][0], l[j][0]) })
	return l
}

func lessKey(a, b reflect.Value) bool {
	if a.Kind() == reflect.Interface {
		a, b = a.Elem(), b.Elem()
		if !a.IsValid() || !b.IsValid() {
			return !a.IsValid() && b.IsValid()
		}
		if a.Kind() != b.Kind() {
			return a.Kind() < b.Kind()
		}
	}
	switch {
	case a.CanInt():
		return a.Int() < b.Int()
	case a.CanUint():
		return a.Uint() < b.Uint()
	case a.CanFloat():
		return a.Float() < b.Float()
	case a.Kind() == reflect.String:
		return a.String() < b.String()
	case a.Kind() == reflect.Bool:
		return !a.Bool() && b.Bool()
	case a.Kind() == reflect.Struct || a.Kind() == reflect.Array:
		part, n := a.Field, a.NumField
		other := b.Field
		if a.Kind() == reflect.Array {
			part, n, other = a.Index, a.Len, b.Index
		}
		for i := range n() {
			if x, y := part(i), other(i); lessKey(x, y) {
				return true
			} else if lessKey(y, x) {
				return false
			}
		}
	}
	return false
}
