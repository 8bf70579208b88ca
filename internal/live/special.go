package live

import (
	"reflect"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/ispyd/ispyd/internal/symbols"
)

// special decodes the types that are known by name, or returns nil. A type of that
// name which is not the expected one is decoded as any other.
func (d *Decoder) special(t *symbols.Type, b []byte, addr uintptr, depth int) *Value {
	if b == nil {
		return nil
	}
	name := t.Name()
	if plainly[name] {
		return nil
	}
	switch {
	case name == "time.Duration" && len(b) == 8:
		return &Value{Form: Special, Text: time.Duration(wide(b)).String()}
	case name == "time.Time" && len(b) == 24:
		return instant(b)
	case (name == "sync.Mutex" || name == "internal/sync.Mutex") && len(b) == 8:
		return mutex(b)
	case name == "sync.WaitGroup" && len(b) == 16:
		// The counter, a flag, and who waits: sync/waitgroup.go.
		return &Value{Form: Lock, Facts: []Fact{{"counter", int(int32(half(b[4:])))}, {"waiters", int(half(b) &^ (1 << 31))}}}
	case name == syncMap:
		return d.syncMapping(t, b, depth)
	case name == "time.Location" && len(b) > 16 && depth > 0:
		return d.text(word(b), number(b[8:])) // its name, not all that ever happened there
	case name == "net.IP" && len(b) == 24:
		return d.ip(word(b), number(b[8:]))
	case name == "net/netip.Addr" && len(b) == 24:
		return d.addr(b)
	case name == "math/big.Int" && len(b) == 32:
		return d.bigInt(b)
	case name == "sync.RWMutex" && len(b) == 24:
		return rwMutex(b)
	case strings.HasPrefix(name, "sync/atomic."):
		if f := Atomic(t); f != nil {
			v := d.value("", f.Type, b[f.Offset:f.Offset+f.Type.Size()], at(addr, f.Offset), depth)
			if name == "sync/atomic.Bool" {
				v.Form, v.Text = Bool, map[bool]string{true: "true", false: "false"}[v.Text != "0"]
			}
			return v
		}
		if strings.HasPrefix(name, "sync/atomic.Pointer[") {
			return d.atomicPointer(t, b, depth)
		}
	}
	return nil
}

// Atomic returns the field that holds the value of an atomic integer, bool or
// atomic.Value of package sync/atomic, nil for every other type.
func Atomic(t *symbols.Type) *symbols.Field {
	switch strings.TrimPrefix(t.Name(), "sync/atomic.") {
	case "Bool", "Int32", "Int64", "Uint32", "Uint64", "Uintptr", "Value":
	default:
		return nil
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	fields := t.Fields()
	for i := range fields {
		if f := &fields[i]; f.Name == "v" && f.Offset+f.Type.Size() <= t.Size() {
			return f
		}
	}
	return nil
}

// atomicPointer decodes an atomic.Pointer, whose field of type [0]*T tells what it
// points to.
func (d *Decoder) atomicPointer(t *symbols.Type, b []byte, depth int) *Value {
	ptr := atomicElem(t)
	if ptr == nil || len(b) != 8 {
		return nil
	}
	return d.pointer("", ptr, word(b), depth)
}

// atomicElem is the type of the pointer that an atomic.Pointer holds, nil for other
// types.
func atomicElem(t *symbols.Type) *symbols.Type {
	if !strings.HasPrefix(t.Name(), "sync/atomic.Pointer[") || t.Size() != 8 {
		return nil
	}
	fields := t.Fields()
	if len(fields) == 0 || fields[0].Type.Kind() != reflect.Array {
		return nil
	}
	if ptr := fields[0].Type.Elem(); ptr != nil && ptr.Kind() == reflect.Pointer {
		return ptr
	}
	return nil
}

// The words of time.Time: time/time.go.
const (
	monotonic    = 1 << 63
	wallEpoch    = (1884*365 + 1884/4 - 1884/100 + 1884/400) * 86400
	unixEpoch    = (1969*365 + 1969/4 - 1969/100 + 1969/400) * 86400
	nanosecBits  = 30
	nanosecWidth = 1<<nanosecBits - 1
)

func instant(b []byte) *Value {
	wall, ext, loc := wide(b), int64(wide(b[8:])), word(b[16:])
	sec := ext
	if wall&monotonic != 0 {
		sec = wallEpoch + int64(wall<<1>>(nanosecBits+1))
	}
	t := time.Unix(sec-unixEpoch, int64(wall&nanosecWidth))
	if loc != uintptr(unsafe.Pointer(time.Local)) {
		t = t.UTC() // other places' offsets are the program's to compute
	}
	return &Value{Form: Special, Text: t.Format(time.RFC3339Nano)}
}

// The bits of internal/sync.Mutex.state.
const (
	mutexLocked      = 1
	mutexWaiterShift = 3
	maxReaders       = 1 << 30
)

func mutex(b []byte) *Value {
	state := half(b)
	return &Value{Form: Lock, Facts: []Fact{{"locked", int(state & mutexLocked)}, {"waiters", int(state >> mutexWaiterShift)}}}
}

// rwMutex decodes w, writerSem, readerSem, readerCount, readerWait.
func rwMutex(b []byte) *Value {
	readers := int(int32(half(b[16:])))
	writer := 0
	if readers < 0 {
		readers += maxReaders
		writer = 1
	}
	// A writer that waits for readers has announced itself already.
	if wait := int(int32(half(b[20:]))); writer == 1 && wait > 0 {
		return &Value{Form: Lock, Facts: []Fact{{"locked", 0}, {"readers", wait}, {"waiters", 1 + readers - wait}}}
	}
	if writer == 1 {
		return &Value{Form: Lock, Facts: []Fact{{"locked", 1}, {"readers", 0}, {"waiters", readers}}}
	}
	return &Value{Form: Lock, Facts: []Fact{{"locked", 0}, {"readers", readers}, {"waiters", 0}}}
}

// lessNumber compares two numbers in decimal.
func lessNumber(a, b string) bool {
	if i, err := strconv.ParseInt(a, 10, 64); err == nil {
		if j, err := strconv.ParseInt(b, 10, 64); err == nil {
			return i < j
		}
	}
	x, _ := strconv.ParseFloat(a, 64)
	y, _ := strconv.ParseFloat(b, 64)
	return x < y
}
