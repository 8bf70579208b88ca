package eval

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// show is a value in Go syntax, bounded in depth, width and length; what is cut is
// said. Values of the program's types are shown by its decoder.
func (s *Session) show(ctx context.Context, v reflect.Value, t *Type) (text string) {
	if !v.IsValid() || t.untyped == untypedNil {
		return "nil"
	}
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(*stopError); ok {
				panic(e)
			}
			text = fmt.Sprintf("<unreadable: %v>", r)
		}
	}()
	if v.Type() == reflect.TypeFor[typeName]() {
		return v.String()
	}
	if v.Kind() == reflect.Interface {
		d := unbridge(v)
		if !d.IsValid() {
			return "nil"
		}
		return s.show(ctx, d, s.types.of(d.Type()))
	}
	own := t.kind == reflect.Func && s.closureOf(v) != nil // the program knows a stub of reflect
	if t.pure && s.host != nil && !basicKind(t.kind) && !own {
		if text, ok := s.host.Render(ctx, v); ok {
			return text
		}
	}
	w := shower{s: s, seen: map[visit]bool{}}
	w.value(v, t, 0, false)
	return w.b.String()
}

type visit struct {
	p uintptr
	t reflect.Type
}

type shower struct {
	s     *Session
	b     strings.Builder
	seen  map[visit]bool
	nodes int
}

const (
	showDepth  = 8
	showItems  = 100
	showString = 4096
	showNodes  = 10_000
)

// text writes some strings.
//
//go:noinline
func (w *shower) text(parts ...string) {
	for _, s := range parts {
		w.b.WriteString(s)
	}
}

// value writes v; typed says that its type is known from what is around it.
func (w *shower) value(v reflect.Value, t *Type, depth int, known bool) {
	if w.nodes++; w.nodes > showNodes || depth > showDepth {
		w.text("…")
		return
	}
	if d, ok := duration(v); ok {
		w.text(d)
		return
	}
	conversion := !known && t.isNamed() && basicKind(t.kind) && !t.plainBasic()
	if conversion {
		w.text(t.String(), "(")
	}
	w.plain(v, t, depth, known)
	if conversion {
		w.text(")")
	}
}

// plain writes v without a conversion.
func (w *shower) plain(v reflect.Value, t *Type, depth int, known bool) {
	b := t.base()
	switch t.kind {
	case reflect.Slice, reflect.Map, reflect.Interface, reflect.Pointer, reflect.Func, reflect.Chan:
		if v.IsNil() {
			w.null(t, known)
			return
		}
	}
	switch {
	case t.kind == reflect.Bool:
		w.text(strconv.FormatBool(v.Bool()))
	case v.CanInt():
		w.text(strconv.FormatInt(v.Int(), 10))
	case v.CanUint():
		w.text(strconv.FormatUint(v.Uint(), 10))
	case v.CanFloat():
		w.text(floatText(v.Float(), v.Type().Bits()))
	case v.CanComplex():
		w.text(strconv.FormatComplex(v.Complex(), 'g', -1, 128))
	case t.kind == reflect.String:
		w.quoted(v.String())
	case t.kind == reflect.Struct:
		w.list(t, len(b.fields), len(b.fields), func(i int) {
			w.text(b.fields[i].name, ": ")
			w.value(t.fieldAt(v, i), b.fields[i].typ, depth+1, true)
		})
	case t.kind == reflect.Slice && b.elem.rtype() == reflect.TypeFor[byte]():
		w.text(strings.Replace(t.String(), "[]uint8", "[]byte", 1), "(")
		w.quoted(string(v.Bytes()))
		w.text(")")
	case t.kind == reflect.Slice || t.kind == reflect.Array:
		et := b.elem.rtype()
		w.list(t, v.Len(), showItems, func(i int) { w.value(retype(v.Index(i), et), b.elem, depth+1, true) })
	case t.kind == reflect.Map:
		l := w.s.sorted(v, b)
		w.list(t, len(l), showItems, func(i int) {
			w.value(l[i][0], b.key, depth+1, true)
			w.text(": ")
			w.value(l[i][1], b.elem, depth+1, true)
		})
	case t.kind == reflect.Interface:
		d := unbridge(v)
		w.value(d, w.s.types.of(d.Type()), depth+1, false)
	case t.kind == reflect.Pointer:
		w.pointer(v, t, depth)
	case t.kind == reflect.Func:
		w.text(t.String())
	case t.kind == reflect.Chan:
		fmt.Fprintf(&w.b, "%s /* %d of %d */", t, v.Len(), v.Cap())
	default:
		fmt.Fprintf(&w.b, "%s(%#x)", t, uintptr(v.UnsafePointer()))
	}
}

// list writes n items in the braces of a literal, but not more than most.
func (w *shower) list(t *Type, n, most int, item func(i int)) {
	w.text(t.String(), "{")
	for i := range min(n, most) {
		if i > 0 {
			w.text(", ")
		}
		item(i)
	}
	if n > most {
		fmt.Fprintf(&w.b, ", … %d more", n-most)
	}
	w.text("}")
}

// pointer writes a pointer that is not nil, with what it points to.
func (w *shower) pointer(u reflect.Value, t *Type, depth int) {
	at := visit{uintptr(u.UnsafePointer()), u.Type()}
	if w.seen[at] {
		fmt.Fprintf(&w.b, "(%s)(%#x) /* cycle */", t, at.p)
		return
	}
	w.seen[at] = true
	e := t.base().elem
	v := pointee(u, e.rtype())
	switch e.kind {
	case reflect.Struct, reflect.Slice, reflect.Array, reflect.Map:
		w.text("&")
		w.value(v, e, depth+1, false)
	default:
		fmt.Fprintf(&w.b, "(%s)(%#x → ", t, at.p)
		w.value(v, e, depth+1, true)
		w.text(")")
	}
	delete(w.seen, at)
}

// quoted writes text, or bytes, as a string literal.
func (w *shower) quoted(s string) {
	cut := ""
	if len(s) > showString {
		cut = fmt.Sprintf(" /* %d bytes more */", len(s)-showString)
		s = s[:showString]
	}
	w.text(strconv.Quote(s), cut)
}

// errorText is what an error says of itself, "" where it is none or must not be asked.
func (s *Session) errorText(v reflect.Value, t *Type) string {
	if !v.IsValid() || t.untyped != typed || t.rtype() != errorType || v.IsNil() {
		return ""
	}
	d := unbridge(v)
	text := ""
	err := s.protect(func() { text, _ = s.textOf(d, s.types.of(d.Type())) })
	if err != nil || text == "<nil>" {
		return ""
	}
	if len(text) > showString {
		text = fmt.Sprintf("%s… %d bytes more", text[:showString], len(text)-showString)
	}
	return text
}

// duration is how a time.Duration reads.
func duration(v reflect.Value) (string, bool) {
	if v.Type() != reflect.TypeFor[time.Duration]() {
		return "", false
	}
	return time.Duration(v.Int()).String(), true
}

func (w *shower) null(t *Type, known bool) {
	if known || t.isInterface() {
		w.text("nil")
		return
	}
	name := t.String()
	if strings.HasPrefix(name, "*") || strings.HasPrefix(name, "func") || strings.HasPrefix(name, "chan") || strings.HasPrefix(name, "<-") {
		name = "(" + name + ")"
	}
	w.text(name, "(nil)")
}

// plainBasic says that a literal shows the type: int, float64, string, bool. Others
// are told behind the value by who shows both.
func (t *Type) plainBasic() bool { return t.pure && t.rt.PkgPath() == "" }

func floatText(f float64, bits int) string {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return strconv.FormatFloat(f, 'g', -1, bits)
	}
	s := strconv.FormatFloat(f, 'g', -1, bits)
	if strings.Trim(s, "-0123456789") == "" {
		s += ".0"
	}
	return s
}
