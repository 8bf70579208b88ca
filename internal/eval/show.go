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
	if t.pure && s.host != nil && !basicKind(t.kind) {
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

// value writes v; typed says that its type is known from what is around it.
func (w *shower) value(v reflect.Value, t *Type, depth int, known bool) {
	if w.nodes++; w.nodes > showNodes || depth > showDepth {
		w.b.WriteString("…")
		return
	}
	u := v
	b := t.base()
	if d, ok := duration(u); ok {
		w.b.WriteString(d)
		return
	}
	conversion := !known && t.isNamed() && basicKind(t.kind) && !t.plainBasic()
	if conversion {
		w.b.WriteString(t.String() + "(")
		defer w.b.WriteString(")")
	}
	switch t.kind {
	case reflect.Bool:
		w.b.WriteString(strconv.FormatBool(u.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		w.b.WriteString(strconv.FormatInt(u.Int(), 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		w.b.WriteString(strconv.FormatUint(u.Uint(), 10))
	case reflect.Float32:
		w.b.WriteString(floatText(u.Float(), 32))
	case reflect.Float64:
		w.b.WriteString(floatText(u.Float(), 64))
	case reflect.Complex64, reflect.Complex128:
		w.b.WriteString(strconv.FormatComplex(u.Complex(), 'g', -1, 128))
	case reflect.String:
		w.quoted(u.String())
	case reflect.Struct:
		w.b.WriteString(t.String() + "{")
		for i, f := range b.fields {
			if i > 0 {
				w.b.WriteString(", ")
			}
			w.b.WriteString(f.name + ": ")
			w.value(t.fieldAt(v, i), f.typ, depth+1, true)
		}
		w.b.WriteString("}")
	case reflect.Slice, reflect.Array:
		if t.kind == reflect.Slice && u.IsNil() {
			w.null(t, known)
			return
		}
		if t.kind == reflect.Slice && b.elem.rtype() == reflect.TypeFor[byte]() {
			w.b.WriteString(strings.Replace(t.String(), "[]uint8", "[]byte", 1) + "(")
			w.quoted(string(u.Bytes()))
			w.b.WriteString(")")
			return
		}
		w.b.WriteString(t.String() + "{")
		n := u.Len()
		et := b.elem.rtype()
		for i := range min(n, showItems) {
			if i > 0 {
				w.b.WriteString(", ")
			}
			w.value(retype(u.Index(i), et), b.elem, depth+1, true)
		}
		if n > showItems {
			fmt.Fprintf(&w.b, ", … %d more", n-showItems)
		}
		w.b.WriteString("}")
	case reflect.Map:
		if u.IsNil() {
			w.null(t, known)
			return
		}
		w.b.WriteString(t.String() + "{")
		l := w.s.sorted(u, b)
		for i, e := range l[:min(len(l), showItems)] {
			if i > 0 {
				w.b.WriteString(", ")
			}
			w.value(e[0], b.key, depth+1, true)
			w.b.WriteString(": ")
			w.value(e[1], b.elem, depth+1, true)
		}
		if len(l) > showItems {
			fmt.Fprintf(&w.b, ", … %d more", len(l)-showItems)
		}
		w.b.WriteString("}")
	case reflect.Interface:
		d := unbridge(u)
		if !d.IsValid() {
			w.null(t, known)
			return
		}
		w.value(d, w.s.types.of(d.Type()), depth+1, false)
	case reflect.Pointer:
		if u.IsNil() {
			w.null(t, known)
			return
		}
		at := visit{uintptr(u.UnsafePointer()), u.Type()}
		if w.seen[at] {
			fmt.Fprintf(&w.b, "(%s)(%#x) /* cycle */", t, at.p)
			return
		}
		w.seen[at] = true
		defer delete(w.seen, at)
		switch b.elem.kind {
		case reflect.Struct, reflect.Slice, reflect.Array, reflect.Map:
			w.b.WriteString("&")
			w.value(pointee(u, b.elem.rtype()), b.elem, depth+1, false)
		default:
			fmt.Fprintf(&w.b, "(%s)(%#x → ", t, at.p)
			w.value(pointee(u, b.elem.rtype()), b.elem, depth+1, true)
			w.b.WriteString(")")
		}
	case reflect.Func:
		if u.IsNil() {
			w.null(t, known)
			return
		}
		w.b.WriteString(t.String())
	case reflect.Chan:
		if u.IsNil() {
			w.null(t, known)
			return
		}
		fmt.Fprintf(&w.b, "%s /* %d of %d */", t, u.Len(), u.Cap())
	default:
		fmt.Fprintf(&w.b, "%s(%#x)", t, uintptr(u.UnsafePointer()))
	}
}

// quoted writes text, or bytes, as a string literal.
func (w *shower) quoted(s string) {
	cut := ""
	if len(s) > showString {
		cut = fmt.Sprintf(" /* %d bytes more */", len(s)-showString)
		s = s[:showString]
	}
	w.b.WriteString(strconv.Quote(s) + cut)
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
		w.b.WriteString("nil")
		return
	}
	name := t.String()
	if strings.HasPrefix(name, "*") || strings.HasPrefix(name, "func") || strings.HasPrefix(name, "chan") || strings.HasPrefix(name, "<-") {
		name = "(" + name + ")"
	}
	w.b.WriteString(name + "(nil)")
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
