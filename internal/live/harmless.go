package live

import (
	"reflect"
	"strings"

	"github.com/ispyd/ispyd/internal/symbols"
)

// harmless reports whether a value of the type is shown even under the name of a
// secret, because one number tells none.
func harmless(t *symbols.Type, levels int) bool {
	if t == nil || levels == 0 {
		return false
	}
	switch name := t.Name(); {
	case name == "time.Time" || name == "sync.Mutex" || name == "sync.RWMutex":
		return true
	case strings.HasPrefix(name, "sync/atomic.") && name != "sync/atomic.Value" && Atomic(t) != nil:
		return true
	}
	switch k := t.Kind(); k {
	case reflect.Pointer:
		return harmless(t.Elem(), levels-1)
	case reflect.Interface:
		return true // what it holds has the same name
	case reflect.Chan, reflect.Func:
		return true // nothing of what they hold is shown
	default:
		return k >= reflect.Bool && k <= reflect.Complex128
	}
}
