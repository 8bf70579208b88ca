package live

import (
	"fmt"
	"io/fs"
	"math"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/nodes"
)

// Writable returns nil where a value of the type can be written: bools, numbers,
// strings, and the atomic ones of sync/atomic. The error says why it cannot, and
// what can.
func Writable(t *symbols.Type) error {
	if Atomic(t) != nil && t.Name() != "sync/atomic.Value" {
		return nil
	}
	switch k := t.Kind(); k {
	case reflect.Pointer:
		if e := t.Elem(); e != nil && e.Kind() != reflect.Pointer && Writable(e) == nil {
			return nil // what it points to is
		}
		fallthrough
	default:
		return nodes.Errorf(nodes.ErrNotSupported, "is a %s: only bools, numbers and strings can be written, and what pointers to them lead to", t)
	case reflect.Bool, reflect.String,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64:
		return nil
	case reflect.Struct:
		if private(t) {
			return nodes.Errorf(nodes.ErrNotSupported, "is a %s: only bools, numbers and strings can be written", t)
		}
		return nodes.Errorf(nodes.ErrNotSupported, "is a %s: write one of its fields", t)
	case reflect.Array, reflect.Slice:
		return nodes.Errorf(nodes.ErrNotSupported, "is a %s: write one of its elements", t)
	case reflect.Map:
		return nodes.Errorf(nodes.ErrNotSupported, "is a map: the program may be using it, entries cannot be written safely")
	case reflect.Complex64, reflect.Complex128:
		return nodes.Errorf(nodes.ErrNotSupported, "is a %s, two words that the program could see half written", t)
	}
}

// private reports whether the fields of a struct are nobody's but its methods': a
// lock with another state ends the program.
func private(t *symbols.Type) bool {
	n := t.Name()
	return strings.HasPrefix(n, "sync.") || strings.HasPrefix(n, "internal/sync.") || n == "sync/atomic.Value" || atomicElem(t) != nil ||
		n == "time.Time" || n == "time.Timer" || n == "time.Ticker" || n == "time.Location"
}

// Write sets what a path leads to from a variable. It goes there by the program's
// own pointers, through maps too, so that the garbage collector knows what is held, and
// refuses what has no place of its own: what a map or an interface holds by value. Words of
// up to eight bytes are stored atomically. A string is two words: the text is
// stored with room for what its readers may take for its length, so that one who
// reads while it is written reads too much or too little, but nothing that is not
// there. The error wraps fs.ErrInvalid where text is no value of the type.
func (d *Decoder) Write(v symbols.Var, steps []Step, text string) (err error) {
	if err := Check(); err != nil {
		return err
	}
	w := &walker{d: d, typ: v.Type, at: v.Name}
	// A package variable is not in the heap: its address is a pointer for good.
	w.p = *(*unsafe.Pointer)(unsafe.Pointer(&v.Addr))
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = nodes.Errorf(nodes.ErrNotSupported, "%s: its memory cannot be written: %v", w.at, r)
		}
	}()
	for _, s := range steps {
		if err := w.step(s); err != nil {
			return atStep(w.at, s, err)
		}
		w.at += s.String()
	}
	if err := Writable(w.typ); err != nil {
		return nodes.Errorf(nodes.ErrNotSupported, "%s %v", w.at, err)
	}
	if w.typ.Kind() == reflect.Pointer {
		if err := w.deref(); err != nil {
			return nodes.Errorf(fs.ErrInvalid, "%s is nil: there is nothing that could be written", w.at)
		}
	}
	if w.held {
		return nodes.Errorf(nodes.ErrNotSupported, "%s: %s", w.at, byValue)
	}
	if err := store(w.p, w.typ, text); err != nil {
		return nodes.Errorf(fs.ErrInvalid, "%s: %v", w.at, err)
	}
	return nil
}

// walker follows a path by typed pointers.
type walker struct {
	d    *Decoder
	p    unsafe.Pointer
	typ  *symbols.Type
	at   string
	held bool // what is at p is in an entry of a map, by value
}

// pointerAt loads a pointer of the program's as one: the collector sees it.
//
//go:norace
func pointerAt(p unsafe.Pointer, off uintptr) unsafe.Pointer {
	return atomic.LoadPointer((*unsafe.Pointer)(unsafe.Add(p, off)))
}

func (w *walker) step(s Step) error {
	w.inAtomic()
	if want := s.asserts(); want != "" {
		if w.typ.Kind() != reflect.Interface {
			return missing("a %s is no interface", w.typ)
		}
		if q, err := w.d.held(Place{Type: w.typ, Addr: uintptr(w.p)}); err != nil {
			return err
		} else if !is(q.Type, want) {
			return wrongType(q.Type, want)
		}
		return w.deref()
	}
	for n := 0; w.typ.Kind() == reflect.Pointer || w.typ.Kind() == reflect.Interface; n++ {
		if n == maxSteps {
			return missing("more than %d pointers in a row", maxSteps)
		}
		if err := w.deref(); err != nil {
			return err
		}
		w.inAtomic()
	}
	switch k := w.typ.Kind(); {
	case s.Name != "" && k == reflect.Struct:
		return w.field(s.Name)
	case s.Name != "":
		return missing("a %s has no fields", w.typ)
	case k == reflect.Map:
		return w.entry(s.Index)
	case k == reflect.String:
		return nodes.Errorf(nodes.ErrNotSupported, "the bytes of a string cannot be written, write the string")
	case k == reflect.Array || k == reflect.Slice:
		return w.element(s.Index)
	}
	return missing("a %s has no indices", w.typ)
}

// inAtomic goes to the pointer or interface that an atomic one holds.
func (w *walker) inAtomic() {
	if t := atomicElem(w.typ); t != nil {
		w.typ = t
	} else if f := Atomic(w.typ); f != nil && f.Type.Kind() == reflect.Interface {
		w.p, w.typ = unsafe.Add(w.p, f.Offset), f.Type
	}
}

func (w *walker) deref() error {
	if w.typ.Kind() == reflect.Interface {
		q, err := w.d.held(Place{Type: w.typ, Addr: uintptr(w.p)})
		if err != nil {
			return err
		}
		if q.Type.Kind() != reflect.Pointer {
			return nodes.Errorf(nodes.ErrNotSupported, "what an interface holds cannot be written, unless it is a pointer")
		}
		p := pointerAt(w.p, 8)
		// The type must be that of the pointer which was loaded.
		again, err := w.d.held(Place{Type: w.typ, Addr: uintptr(w.p)})
		if err != nil || again.Type != q.Type || word(again.Bytes) != uintptr(p) {
			return nodes.Errorf(nodes.ErrBusy, "the program is writing it, try again")
		}
		w.typ, w.p = q.Type.Elem(), p
	} else {
		w.p, w.typ = pointerAt(w.p, 0), w.typ.Elem()
	}
	w.held = false
	if w.p == nil {
		return missing("the pointer before it is nil")
	}
	if w.typ == nil {
		return missing("what the pointer points to is not known")
	}
	return nil
}

func (w *walker) field(name string) error {
	if private(w.typ) {
		return nodes.Errorf(nodes.ErrNotSupported, "the fields of a %s are for its methods to change", w.typ)
	}
	for _, f := range w.typ.Fields() {
		if f.Name == name {
			w.p, w.typ = unsafe.Add(w.p, f.Offset), f.Type
			return nil
		}
	}
	for _, f := range w.typ.Fields() {
		in := *w
		in.p, in.typ = unsafe.Add(w.p, f.Offset), f.Type
		if !f.Embedded {
			continue
		}
		if f.Type.Kind() == reflect.Pointer && in.deref() != nil || in.typ.Kind() != reflect.Struct {
			continue
		}
		if in.field(name) == nil {
			*w = in
			return nil
		}
	}
	return missing("%s has no such field", w.typ)
}

// slice is the header of a slice.
type slice struct {
	p        unsafe.Pointer
	len, cap int
}

//go:norace
func loadSlice(p unsafe.Pointer) slice {
	h := (*slice)(p)
	return slice{atomic.LoadPointer(&h.p), int(atomic.LoadInt64((*int64)(unsafe.Pointer(&h.len)))), int(atomic.LoadInt64((*int64)(unsafe.Pointer(&h.cap))))}
}

func (w *walker) element(index string) error {
	i, err := strconv.ParseInt(index, 0, 64)
	if err != nil {
		return nodes.Errorf(fs.ErrInvalid, "%q is no whole number", index)
	}
	elem, n, base := w.typ.Elem(), w.typ.Len(), w.p
	if elem == nil {
		return missing("the elements are not known")
	}
	if w.typ.Kind() == reflect.Slice {
		a, b := loadSlice(w.p), loadSlice(w.p)
		if a != b || a.len < 0 || a.len > a.cap {
			return nodes.Errorf(nodes.ErrBusy, "the program is writing it, try again")
		}
		n, base, w.held = a.len, a.p, false
	}
	if i < 0 || i >= int64(n) {
		return missing("the index is out of range: the length is %d", n)
	}
	w.p, w.typ = unsafe.Add(base, uintptr(i)*elem.Size()), elem
	return nil
}

// store parses text as a value of type t and stores it at p.
func store(p unsafe.Pointer, t *symbols.Type, text string) error {
	if f := Atomic(t); f != nil {
		p = unsafe.Add(p, f.Offset)
		if t.Name() == "sync/atomic.Bool" {
			on, err := parseBool(text)
			if err == nil {
				storeWord(p, 4, uint64(on))
			}
			return err
		}
		t = f.Type
	}
	bits := int(t.Size()) * 8
	switch k := t.Kind(); k {
	case reflect.Bool:
		on, err := parseBool(text)
		if err != nil {
			return err
		}
		storeWord(p, 1, uint64(on))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := parseInt(t, text, bits)
		if err != nil {
			return err
		}
		storeWord(p, t.Size(), uint64(n))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		n, err := strconv.ParseUint(text, 0, bits)
		if r, ok := parseRune(text); ok && (bits >= 32 || r>>bits == 0) {
			n, err = uint64(r), nil
		}
		if err != nil {
			return notA(text, t, "a whole number from 0 to "+strconv.FormatUint(1<<bits-1, 10))
		}
		storeWord(p, t.Size(), n)
	case reflect.Float32:
		f, err := strconv.ParseFloat(text, 32)
		if err != nil {
			return notA(text, t, "a number such as 2.5, not beyond 3.4e+38")
		}
		storeWord(p, 4, uint64(math.Float32bits(float32(f))))
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return notA(text, t, "a number such as 2.5")
		}
		storeWord(p, 8, math.Float64bits(f))
	case reflect.String:
		s := text
		if len(text) > 1 && (text[0] == '"' || text[0] == '`') {
			u, err := strconv.Unquote(text)
			if err != nil {
				return notA(text, t, `a text, or a Go string such as "text"`)
			}
			s = u
		}
		return storeString(p, s)
	}
	return nil
}

func notA(text string, t *symbols.Type, want string) error {
	return fmt.Errorf("%.60q is no %s: it takes %s", text, t, want)
}

func parseBool(text string) (int, error) {
	switch text {
	case "true":
		return 1, nil
	case "false":
		return 0, nil
	}
	return 0, fmt.Errorf("%.60q is no bool: it takes true or false", text)
}

// parseRune parses a character in quotes.
func parseRune(text string) (rune, bool) {
	if !strings.HasPrefix(text, "'") {
		return 0, false
	}
	s, err := strconv.Unquote(text)
	if err != nil {
		return 0, false
	}
	return []rune(s)[0], true
}

func parseInt(t *symbols.Type, text string, bits int) (int64, error) {
	if t.Name() == "time.Duration" {
		if d, err := time.ParseDuration(text); err == nil {
			return int64(d), nil
		}
	}
	if r, ok := parseRune(text); ok && (bits >= 32 || r>>(bits-1) == 0) {
		return int64(r), nil
	}
	n, err := strconv.ParseInt(text, 0, bits)
	if err == nil {
		return n, nil
	}
	want := fmt.Sprintf("a whole number from %d to %d", int64(-1)<<(bits-1), int64(1)<<(bits-1)-1)
	if t.Name() == "time.Duration" {
		want = "a duration such as 1m30s"
	}
	return 0, notA(text, t, want)
}

// storeWord stores 1, 2, 4 or 8 bytes at once: the processor does, and what the
// compiler lays out is aligned.
//
//go:norace
//go:noinline
func storeWord(p unsafe.Pointer, size uintptr, v uint64) {
	switch size {
	case 1:
		*(*uint8)(p) = uint8(v)
	case 2:
		*(*uint16)(p) = uint16(v)
	case 4:
		atomic.StoreUint32((*uint32)(p), uint32(v))
	case 8:
		atomic.StoreUint64((*uint64)(p), v)
	}
}

// maxRoom bounds what is allocated for readers of the old length.
const maxRoom = 1 << 20

// stringWrites keeps the pointer of one writer from the length of another.
var stringWrites sync.Mutex

// storeString stores the pointer first and the length behind it. Whoever reads the
// new pointer with the old length finds that much memory behind it.
//
//go:norace
func storeString(p unsafe.Pointer, s string) error {
	stringWrites.Lock()
	defer stringWrites.Unlock()
	h := (*struct {
		p   unsafe.Pointer
		len int64
	})(p)
	old := atomic.LoadInt64(&h.len)
	if old < 0 || old > maxRoom && int64(len(s)) < old {
		return fmt.Errorf("the string has %d bytes: more than %d are not replaced by a shorter one", old, maxRoom)
	}
	b := make([]byte, max(int64(len(s)), old, 1))
	copy(b, s)
	if int64(len(s)) < old {
		atomic.StoreInt64(&h.len, int64(len(s)))
		atomic.StorePointer(&h.p, unsafe.Pointer(&b[0]))
		return nil
	}
	atomic.StorePointer(&h.p, unsafe.Pointer(&b[0]))
	atomic.StoreInt64(&h.len, int64(len(s)))
	return nil
}
