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
	u := t.unwrap(v)
	if d, ok := duration(u); ok {
		w.text(d)
		return
	}
	conversion := !known && t.isNamed() && basicKind(t.kind) && !t.plainBasic()
	if conversion {
		w.text(t.String(), "(")
	}
	w.plain(v, u, t, depth, known)
	if conversion {
		w.text(")")
	}
}

// plain writes v, of the value u of its underlying type, without a conversion.
func (w *shower) plain(v, u reflect.Value, t *Type, depth int, known bool) {
	b := t.base()
	switch t.kind {
	case reflect.Bool:
		w.text(strconv.FormatBool(u.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		w.text(strconv.FormatInt(u.Int(), 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		w.text(strconv.FormatUint(u.Uint(), 10))
	case reflect.Float32:
		w.text(floatText(u.Float(), 32))
	case reflect.Float64:
		w.text(floatText(u.Float(), 64))
	case reflect.Complex64, reflect.Complex128:
		w.text(strconv.FormatComplex(u.Complex(), 'g', -1, 128))
	case reflect.String:
		str := u.String()
		cut := ""
		if len(str) > showString {
			cut = fmt.Sprintf(" /* %d bytes more */", len(str)-showString)
			str = str[:showString]
		}
		w.text(strconv.Quote(str), cut)
	case reflect.Struct:
		w.text(t.String(), "{")
		for i, f := range b.fields {
			if i > 0 {
				w.text(", ")
			}
			w.text(f.name, ": ")
			w.value(t.fieldAt(v, i), f.typ, depth+1, true)
		}
		w.text("}")
	case reflect.Slice, reflect.Array:
		if t.kind == reflect.Slice && u.IsNil() {
			w.null(t, known)
			return
		}
		w.text(t.String(), "{")
		n := u.Len()
		et := b.elem.rtype()
		for i := range min(n, showItems) {
			if i > 0 {
				w.text(", ")
			}
			w.value(retype(u.Index(i), et), b.elem, depth+1, true)
		}
		if n > showItems {
			fmt.Fprintf(&w.b, ", … %d more", n-showItems)
		}
		w.text("}")
	case reflect.Map:
		if u.IsNil() {
			w.null(t, known)
			return
		}
		w.text(t.String(), "{")
		l := w.s.sorted(u, b)
		for i, e := range l[:min(len(l), showItems)] {
			if i > 0 {
				w.text(", ")
			}
			w.value(e[0], b.key, depth+1, true)
			w.text(": ")
			w.value(e[1], b.elem, depth+1, true)
		}
		if len(l) > showItems {
			fmt.Fprintf(&w.b, ", … %d more", len(l)-showItems)
		}
		w.text("}")
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
		switch b.elem.kind {
		case reflect.Struct, reflect.Slice, reflect.Array, reflect.Map:
			w.text("&")
			w.value(pointee(u, b.elem.rtype()), b.elem, depth+1, false)
		default:
			fmt.Fprintf(&w.b, "(%s)(%#x → ", t, at.p)
			w.value(pointee(u, b.elem.rtype()), b.elem, depth+1, true)
			w.text(")")
		}
		delete(w.seen, at)
	case reflect.Func:
		if u.IsNil() {
			w.null(t, known)
			return
		}
		w.text(t.String())
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
