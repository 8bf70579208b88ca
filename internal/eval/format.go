package eval

import (
	"fmt"
	"io"
	"reflect"
	"sort"
	"strconv"
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
	if t.pure && t.rt.PkgPath() == "" && basicKind(t.kind) {
		return d.Interface()
	}
	return formatted{s, d, t}
}

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

// typeVerbs replaces %T, which fmt answers without asking, and %w of an error whose
// method may not be called.
func (s *Session) typeVerbs(format string, args []any) (string, []any) {
	wrapped := s.printables(args)
	if !strings.ContainsAny(format, "Tw") {
		return format, wrapped
	}
	b := []byte(format)
	n := 0
	for i := 0; i < len(b); i++ {
		if b[i] != '%' {
			continue
		}
		for i++; i < len(b) && strings.IndexByte("+-# 0123456789.[]*", b[i]) >= 0; i++ {
			if b[i] == '*' {
				n++
			}
		}
		if i >= len(b) || b[i] == '%' {
			continue
		}
		if b[i] == 'T' && n < len(args) {
			b[i] = 's'
			wrapped[n] = s.typeText(args[n])
		} else if b[i] == 'w' && n < len(args) {
			if err, ok := args[n].(error); ok && !safeError(err) {
				b[i] = 'v'
			}
		}
		n++
	}
	return string(b), wrapped
}

func (s *Session) typeText(x any) string {
	d := unbridge(reflect.ValueOf(&x).Elem())
	if !d.IsValid() {
		return "<nil>"
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
func (x formatted) Format(st fmt.State, verb rune) {
	x.s.current().checkStack(true)
	var flags strings.Builder
	for _, c := range "+-# 0" {
		if st.Flag(int(c)) {
			flags.WriteRune(c)
		}
	}
	if w, ok := st.Width(); ok {
		flags.WriteString(strconv.Itoa(w))
	}
	if p, ok := st.Precision(); ok {
		flags.WriteString("." + strconv.Itoa(p))
	}
	f := formatter{s: x.s, th: &thread{s: x.s, ev: x.s.current()}, w: st, flags: flags.String(), verb: verb, plus: st.Flag('+'), sharp: st.Flag('#')}
	f.value(x.v, x.t, 0, true)
}

type formatter struct {
	s           *Session
	th          *thread
	w           io.Writer
	flags       string
	verb        rune
	plus, sharp bool
	nodes       int
}

func (f *formatter) leaf(x any) { fmt.Fprintf(f.w, "%"+f.flags+string(f.verb), x) }

//go:noinline
func (f *formatter) text(s string) {
	io.WriteString(f.w, s)
}

// value writes v. methods says that Error and String may be called, as fmt may for
// what is exported.
func (f *formatter) value(v reflect.Value, t *Type, depth int, methods bool) {
	f.th.check()
	if f.nodes++; depth > 50 || f.nodes > 100_000 {
		f.text("…")
		return
	}
	if methods && !(f.sharp && f.verb == 'v') && strings.ContainsRune("vsxXq", f.verb) {
		if s, ok := f.s.textOf(v, t); ok {
			f.leaf(s)
			return
		}
	}
	syntax := f.sharp && f.verb == 'v'
	b := t.base()
	u := v
	switch t.kind {
	case reflect.Bool, reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		if t.pure {
			f.leaf(plainOf(u))
		} else {
			f.leaf(u.Interface())
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
	case f.sharp && f.verb == 'v':
		if p == 0 {
			fmt.Fprintf(f.w, "(%s)(nil)", t)
		} else {
			fmt.Fprintf(f.w, "(%s)(%#x)", t, p)
		}
	case f.verb == 'v' && p == 0:
		f.text("<nil>")
	case f.verb == 'v' || f.verb == 'p':
		fmt.Fprintf(f.w, "%#x", p)
	default:
		f.leaf(p)
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

// textOf is what Error or String say of a value that has one of them.
func (s *Session) textOf(v reflect.Value, t *Type) (text string, ok bool) {
	for _, name := range []string{"Error", "String"} {
		sel := t.lookup(name)
		if sel == nil || sel.method == nil {
			continue
		}
		m := sel.method
		mt := m.typ.base()
		if len(mt.params) != 0 || len(mt.results) != 1 || mt.results[0].rtype() != reflect.TypeFor[string]() {
			continue
		}
		if m.ptr && t.kind != reflect.Pointer && !sel.viaPointer {
			continue
		}
		if t.kind == reflect.Pointer && v.IsNil() {
			return "<nil>", true
		}
		if t.isInterface() {
			continue
		}
		var box any
		r := reflect.ValueOf(&box).Elem()
		r.Set(v)
		th := &thread{s: s, ev: s.current()}
		return th.callInterface(&method{name: name, typ: m.typ, iface: 1}, name, r, nil, false)[0].String(), true
	}
	return "", false
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
