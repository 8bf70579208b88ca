package live

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"strconv"

	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/internal/symbols"
)

// Decoder makes Values of memory. It is used by one goroutine at a time.
type Decoder struct {
	// Index is where types are known from. It must be open.
	Index *symbols.Index
	// Limits bound each Value.
	Limits Limits
	// Hide says what is secret; a nil Redactor knows the default names. Under a
	// name that says so all is hidden but for a single number, bool, time or
	// lock, which a key may be called that is none: Key int, keyMu sync.Mutex. An
	// array of numbers may be a key indeed. Where ShowAll is set it is not asked.
	Hide    *redact.Redactor
	ShowAll bool
	// Memory reads what Values are made of, where that is not the program's memory
	// of this moment. An error leaves a part out.
	Memory func(addr uintptr, b []byte) error

	// Gone is from where to where memory was that Values point to and that has been
	// used for something else since, such as a stack: what lay there is left out.
	Gone [2]uintptr

	secret bool // all is hidden
	limits Limits
	left   int // values
	path   map[target]bool
	ctx    context.Context
}

// target is what a pointer points to: a struct and its first field share an
// address.
type target struct {
	addr uintptr
	typ  *symbols.Type
}

// whole is the largest value in bytes that is copied at once.
const whole = 64 << 10

// Decode returns the value of type t at addr, as it will be shown under name: a
// variable, a field, a key. What cannot be read is Unknown in its place; the
// error is that of [Check], or of ctx.
func (d *Decoder) Decode(ctx context.Context, name string, t *symbols.Type, addr uintptr) (*Value, error) {
	return d.run(ctx, name, t, func() *Value { return d.at(name, t, addr, 0) })
}

// DecodeBytes is Decode for a value that has been copied: b is all of it.
func (d *Decoder) DecodeBytes(ctx context.Context, name string, t *symbols.Type, b []byte) (*Value, error) {
	return d.run(ctx, name, t, func() *Value {
		if uintptr(len(b)) < t.Size() {
			return &Value{Type: t, Note: "is not there as a whole"}
		}
		return d.shown(name, t, b, 0, 0)
	})
}

func (d *Decoder) run(ctx context.Context, name string, t *symbols.Type, f func() *Value) (*Value, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	d.limits = d.Limits.orDefault()
	d.left, d.path, d.ctx = d.limits.Values, map[target]bool{}, ctx
	v := f()
	return v, ctx.Err()
}

//go:noinline
func unknown(t *symbols.Type, format string, args ...any) *Value {
	return &Value{Type: t, Note: fmt.Sprintf(format, args...)}
}

// at decodes a value in memory. Large ones are read part by part.
func (d *Decoder) at(name string, t *symbols.Type, addr uintptr, depth int) *Value {
	if t == nil {
		return unknown(nil, "its type is not known")
	}
	if t.Size() > whole && !d.gone(addr) && (t.Kind() == reflect.Array || t.Kind() == reflect.Struct) {
		return d.shown(name, t, nil, addr, depth)
	}
	if d.gone(addr) {
		return onStack(t)
	}
	b := make([]byte, t.Size())
	if err := d.read(addr, b); err != nil {
		return unknown(t, "cannot be read at %#x: %v", addr, err)
	}
	return d.shown(name, t, b, addr, depth)
}

// shown is value, unless the name says that it is secret.
func (d *Decoder) shown(name string, t *symbols.Type, b []byte, addr uintptr, depth int) *Value {
	if d.left--; d.left < 0 || d.ctx.Err() != nil {
		return &Value{Type: t, Note: "left out: there are more than " + strconv.Itoa(d.limits.Values) + " values"}
	}
	if !d.ShowAll && (d.secret || name != "" && !harmless(t, 8) && d.Hide.Name(name)) && !zero(b) {
		return &Value{Form: Hidden, Type: t, Text: redact.Mark}
	}
	v := d.value(name, t, b, addr, depth)
	v.Type = t
	return v
}

// zero reports whether a value is one that hides nothing.
func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return b != nil
}

// value decodes b, which is nil for a large struct or array at addr.
func (d *Decoder) value(name string, t *symbols.Type, b []byte, addr uintptr, depth int) *Value {
	if v := d.special(t, b, addr, depth); v != nil {
		return v
	}
	k := t.Kind()
	if v := scalar(k, b); v != nil {
		return v
	}
	if depth > d.limits.Depth && composite(k) {
		return &Value{Note: "deeper than " + strconv.Itoa(d.limits.Depth)}
	}
	switch k {
	case reflect.String:
		return d.text(word(b), number(b[8:]))
	case reflect.Struct:
		return d.structure(t, b, addr, depth)
	case reflect.Array:
		return d.array(name, t, b, addr, depth)
	case reflect.Slice:
		return d.slice(name, t, b, depth)
	case reflect.Pointer:
		return d.pointer(name, t, word(b), depth)
	case reflect.Interface:
		return d.iface(name, t, b, depth)
	case reflect.Map:
		return d.mapping(t, word(b), depth)
	case reflect.Chan:
		return d.channel(word(b))
	case reflect.Func:
		return d.function(word(b))
	}
	return unknown(t, "its type is not known")
}

// gone reports whether what an address leads to is no more there.
func (d *Decoder) gone(addr uintptr) bool { return addr >= d.Gone[0] && addr < d.Gone[1] }

// onStack is a value that is no more where it was.
func onStack(t *symbols.Type) *Value {
	return unknown(t, "was on the stack of the goroutine, and is gone")
}

// read copies memory of the moment that Values are of.
func (d *Decoder) read(addr uintptr, b []byte) error {
	if d.Memory != nil && len(b) > 0 {
		return d.Memory(addr, b)
	}
	return Read(addr, b)
}

// missing reports whether a value is in none of the memory that there is.
func (d *Decoder) missing(addr uintptr, t *symbols.Type) bool {
	return d.read(addr, make([]byte, min(t.Size(), whole))) != nil
}

// absent is a value that is not where it should be: it was written to meanwhile, or
// memory of an earlier moment lacks it.
func (d *Decoder) absent(t *symbols.Type, format string, args ...any) *Value {
	if d.Memory == nil {
		format = "torn: " + format
	}
	return unknown(t, format, args...)
}

func composite(k reflect.Kind) bool {
	switch k {
	case reflect.Struct, reflect.Array, reflect.Slice, reflect.Pointer, reflect.Interface, reflect.Map:
		return true
	}
	return false
}

// text decodes a string header.
func (d *Decoder) text(p uintptr, n int) *Value {
	v := &Value{Form: String, Len: n}
	if n == 0 {
		return v
	}
	if n < 0 || n > maxAddress {
		return unknown(nil, "torn: a string of %d bytes", n)
	}
	if d.gone(p) {
		return onStack(nil)
	}
	b := make([]byte, min(n, d.limits.String))
	if err := d.read(p, b); err != nil {
		return d.absent(nil, "its %d bytes cannot be read at %#x", n, p)
	}
	v.Text = d.clean(b)
	if n > len(b) {
		v.Note = fmt.Sprintf("%d of %d bytes", len(b), n)
	}
	return v
}

// clean hides what a string has of secrets.
func (d *Decoder) clean(b []byte) string {
	if d.ShowAll {
		return string(b)
	}
	return d.Hide.Text(string(b))
}

func (d *Decoder) structure(t *symbols.Type, b []byte, addr uintptr, depth int) *Value {
	v := &Value{Form: Struct}
	fields := t.Fields()
	v.Members = make([]Member, 0, len(fields))
	for i := range fields {
		f := &fields[i]
		m := Member{Name: f.Name}
		switch {
		case d.left <= 0:
			v.Note = fmt.Sprintf("%d of %d fields", i, len(fields))
			return v
		case b == nil:
			m.Value = d.at(f.Name, f.Type, addr+f.Offset, depth+1)
		case f.Offset+f.Type.Size() > uintptr(len(b)):
			m.Value = unknown(f.Type, "is outside of its struct")
		default:
			m.Value = d.shown(f.Name, f.Type, b[f.Offset:f.Offset+f.Type.Size()], at(addr, f.Offset), depth+1)
		}
		v.Members = append(v.Members, m)
	}
	return v
}

// at is an address in a value, 0 where the value has none.
func at(addr, off uintptr) uintptr {
	if addr == 0 {
		return 0
	}
	return addr + off
}

func (d *Decoder) array(name string, t *symbols.Type, b []byte, addr uintptr, depth int) *Value {
	elem, n := t.Elem(), t.Len()
	if elem == nil {
		return unknown(t, "its type is not known")
	}
	if b == nil {
		return d.list(name, elem, addr, n, depth)
	}
	return d.items(name, elem, b, addr, n, depth)
}

func (d *Decoder) slice(name string, t *symbols.Type, b []byte, depth int) *Value {
	p, n, c := word(b), number(b[8:]), number(b[16:])
	elem := t.Elem()
	switch {
	case p == 0 && n == 0:
		return &Value{Form: Nil}
	case elem == nil:
		return unknown(t, "its type is not known")
	case n < 0 || n > c || c > maxAddress:
		return unknown(t, "torn: a slice of length %d and capacity %d", n, c)
	}
	return d.list(name, elem, p, n, depth)
}

// list decodes the beginning of n elements in memory.
func (d *Decoder) list(name string, elem *symbols.Type, p uintptr, n, depth int) *Value {
	if n > 0 && d.gone(p) {
		return onStack(nil)
	}
	shown := min(n, d.limits.Items)
	if elem.Kind() == reflect.Uint8 {
		shown = min(n, d.limits.String)
	}
	size := elem.Size()
	if size > 0 && uintptr(shown)*size > whole {
		if size > whole/4 {
			return d.large(name, elem, p, n, depth)
		}
		shown = int(whole / size)
	}
	b := make([]byte, uintptr(shown)*size)
	if err := d.read(p, b); err != nil {
		return d.absent(nil, "its %d elements cannot be read at %#x", n, p)
	}
	return d.items(name, elem, b, p, n, depth)
}

// large decodes elements that are too large to copy several.
func (d *Decoder) large(name string, elem *symbols.Type, p uintptr, n, depth int) *Value {
	v := &Value{Form: List, Len: n}
	for i := 0; i < min(n, d.limits.Items) && d.left > 0; i++ {
		v.Members = append(v.Members, Member{Value: d.at(name, elem, p+uintptr(i)*elem.Size(), depth+1)})
	}
	v.cut(len(v.Members), n)
	return v
}

// items decodes the elements that b holds, of n.
func (d *Decoder) items(name string, elem *symbols.Type, b []byte, addr uintptr, n, depth int) *Value {
	size := int(elem.Size())
	if elem.Kind() == reflect.Uint8 && !elem.Defined() || elem.Name() == "uint8" {
		shown := min(n, len(b), d.limits.String)
		v := &Value{Form: Bytes, Len: n, Text: d.clean(b[:shown])}
		v.cut(shown, n)
		return v
	}
	v := &Value{Form: List, Len: n}
	for i := 0; i < n && i < d.limits.Items && (i+1)*size <= len(b) && d.left > 0; i++ {
		v.Members = append(v.Members, Member{Value: d.shown("", elem, b[i*size:(i+1)*size], at(addr, uintptr(i*size)), depth+1)})
	}
	v.cut(len(v.Members), n)
	return v
}

// cut notes how much of a list is not shown.
func (v *Value) cut(shown, n int) {
	if n > shown {
		v.Note = fmt.Sprintf("%d of %d", shown, n)
	}
}

func (d *Decoder) pointer(name string, t *symbols.Type, p uintptr, depth int) *Value {
	elem := t.Elem()
	v := &Value{Form: Pointer, Addr: p}
	switch {
	case p == 0:
		return &Value{Form: Nil}
	case elem == nil || elem.Kind() == reflect.Invalid:
		return v
	case d.path[target{p, elem}]:
		v.Cycle = true
		return v
	case depth >= d.limits.Depth && composite(elem.Kind()):
		v.Note = "deeper than " + strconv.Itoa(d.limits.Depth)
		return v
	case d.Memory != nil && d.missing(p, elem):
		return v
	}
	d.path[target{p, elem}] = true
	v.Members = []Member{{Value: d.at(name, elem, p, depth+1)}}
	delete(d.path, target{p, elem})
	return v
}

// iface decodes an interface. A torn one, the type of one value with the data of
// another, misleads, but cannot fault.
func (d *Decoder) iface(name string, t *symbols.Type, b []byte, depth int) *Value {
	w, data := word(b), b[8:16]
	if w == 0 {
		return &Value{Form: Nil}
	}
	if !t.EmptyInterface() {
		tab, err := words(w, 2)
		if err != nil {
			return unknown(t, "torn: there is no itab at %#x", w)
		}
		if _, ok := d.Index.TypeAt(word(tab)); !ok {
			return unknown(t, "torn: %#x is no itab", w)
		}
		w = word(tab[8:])
	}
	dyn, ok := d.Index.TypeAt(w)
	if !ok {
		return unknown(t, "%#x is no type that the program was built with", w)
	}
	v := &Value{Form: Interface}
	if direct(w) {
		v.Members = []Member{{Value: d.shown(name, dyn, data[:dyn.Size()], 0, depth+1)}}
	} else {
		v.Members = []Member{{Value: d.at(name, dyn, word(data), depth+1)}}
	}
	return v
}

// function decodes a func value, which points to a pointer to its code.
func (d *Decoder) function(p uintptr) *Value {
	if p == 0 {
		return &Value{Form: Nil}
	}
	b := make([]byte, 8)
	if d.gone(p) {
		return onStack(nil)
	}
	if d.read(p, b) != nil {
		return d.absent(nil, "there is no function at %#x", p)
	}
	f := runtime.FuncForPC(word(b))
	if f == nil {
		return unknown(nil, "there is no function at %#x", word(b))
	}
	return &Value{Form: Func, Text: f.Name()}
}

// The layout of runtime.hchan: runtime/chan.go.
const (
	chanCount  = 0
	chanSize   = 8
	chanBuffer = 16
	chanClosed = 28
	chanSendX  = 48
	chanRecvX  = 56
	chanRecvQ  = 64
	chanSendQ  = 80
	chanBytes  = 96
)

// channel decodes what a channel is doing; what it holds is not shown.
func (d *Decoder) channel(p uintptr) *Value {
	if p == 0 {
		return &Value{Form: Nil}
	}
	b := make([]byte, chanBytes)
	if d.gone(p) {
		return onStack(nil)
	}
	if d.read(p, b) != nil {
		return d.absent(nil, "there is no channel at %#x", p)
	}
	n, c := number(b[chanCount:]), number(b[chanSize:])
	if n < 0 || n > c {
		return unknown(nil, "torn: a channel of length %d and capacity %d", n, c)
	}
	return &Value{Form: Chan, Facts: []Fact{
		{"len", n}, {"cap", c}, {"closed", int(min(half(b[chanClosed:]), 1))},
		{"receivers", d.waiters(word(b[chanRecvQ:]))}, {"senders", d.waiters(word(b[chanSendQ:]))},
	}}
}

// sudogNext is the offset of next in runtime.sudog.
const sudogNext = 8

// waiters counts a list of sudogs, up to 1000.
func (d *Decoder) waiters(p uintptr) (n int) {
	for ; p != 0 && n < 1000; n++ {
		b := make([]byte, 8)
		if d.read(p+sudogNext, b) != nil {
			return n
		}
		p = word(b)
	}
	return n
}
