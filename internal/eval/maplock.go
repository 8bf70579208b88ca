package eval

import (
	"reflect"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// The runtime ends the process where it finds that a map is used by two goroutines at
// once, one of which writes. Among the goroutines of sessions this lock makes that
// impossible: it is held for one operation, while no code but that of hashing and
// comparing runs. The program does not take it; but while it writes, the map says so,
// and the session waits a moment and then refuses. The moment between the look and the
// operation remains.
var mapLock sync.Mutex

// withMap does one operation of the runtime on a map, which is not nil.
func (ev *evaluation) withMap(m reflect.Value, do func()) {
	writing := (*runtimeMap)(m.UnsafePointer()).beingWritten
	for try := 0; ; try++ {
		mapLock.Lock()
		if !layoutKnown() || !writing() {
			defer mapLock.Unlock()
			do()
			return
		}
		mapLock.Unlock()
		switch {
		case try < 100:
			runtime.Gosched()
		case try < 200:
			time.Sleep(10 * time.Microsecond)
		default:
			ev.exceed(refused("the program is writing this map at this moment; try again"))
		}
	}
}

// beingWritten reads what the program writes: nothing orders it.
//
//go:norace
func (m *runtimeMap) beingWritten() bool { return *(*uint8)(unsafe.Pointer(&m.writing)) != 0 }

// maxWithin is how deep interfaces may hold values that hold interfaces, where they
// are hashed or compared: the runtime does that by recursion.
const maxWithin = 1000

// checkNesting refuses to hash or compare a value that is too deep for the stack.
func (ev *evaluation) checkNesting(v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface, reflect.Struct, reflect.Array:
		if nested(v, maxWithin) {
			ev.exceed(refused("interfaces hold each other more than %d deep: the value is neither hashed nor compared, the stack would not do", maxWithin))
		}
	}
}

// nested says that there are more than n interfaces within each other.
func nested(v reflect.Value, n int) bool {
	switch v.Kind() {
	case reflect.Interface:
		return n == 0 || !v.IsNil() && nested(v.Elem(), n-1)
	case reflect.Struct:
		for i := range v.NumField() {
			if nested(v.Field(i), n) {
				return true
			}
		}
	case reflect.Array:
		if !holdsInterfaces(v.Type().Elem()) {
			return false
		}
		for i := range v.Len() {
			if nested(v.Index(i), n) {
				return true
			}
		}
	}
	return false
}

func holdsInterfaces(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Array:
		return holdsInterfaces(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if holdsInterfaces(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}
