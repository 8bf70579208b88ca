package debugger

import (
	"fmt"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// describe returns the type and the text of a panic's value or of an error, as the
// runtime prints it for a panic that ends the program.
func describe(v any) (typ, text string) {
	if v == nil {
		v = new(runtime.PanicNilError) // gopanic makes it so
	}
	typ = reflect.TypeOf(v).String()
	switch x := v.(type) {
	case string:
		text = x
	case error:
		text = said(v, x.Error)
	case fmt.Stringer:
		text = said(v, x.String)
	default:
		text = plain(reflect.ValueOf(v), typ)
	}
	return cut(typ, maxLabel), cut(text, maxValue)
}

// plain prints what has no method for it.
func plain(v reflect.Value, typ string) string {
	var s string
	switch v.Kind() {
	case reflect.Bool:
		s = strconv.FormatBool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		s = strconv.FormatInt(v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		s = strconv.FormatUint(v.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		s = strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case reflect.Complex64, reflect.Complex128:
		s = strconv.FormatComplex(v.Complex(), 'g', -1, 128)
	case reflect.String:
		s = strconv.Quote(cut(v.String(), maxValue))
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return "(" + typ + ") 0x" + strconv.FormatUint(uint64(v.Pointer()), 16)
	default:
		return "(" + typ + ")"
	}
	if v.Type().PkgPath() == "" {
		return s
	}
	return typ + "(" + s + ")"
}

// harmless are the types whose methods only return what is in them.
var harmless = map[string]bool{"*errors.errorString": true, "*fmt.wrapError": true, "*fmt.wrapErrors": true}

// said calls a method of the value's. Whose method it is, it may want a lock that
// the panicking function holds: it is called on a goroutine of its own, and not
// waited for any longer than patience.
func said(v any, method func() string) string {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer && reflect.ValueOf(v).IsNil() {
		return "(" + t.String() + ") nil"
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.PkgPath() == "runtime" || harmless[reflect.TypeOf(v).String()] {
		return method()
	}
	if text, ok := aside(method); ok {
		return text
	}
	return plain(reflect.ValueOf(v), reflect.TypeOf(v).String()) + " (its method did not say more in time)"
}

// patience is how long a method may take, and callers bounds how many may hang.
const patience = 20 * time.Millisecond

var callers = make(chan struct{}, 4)

// aside calls f on another goroutine. It gives up on one that does not return.
func aside(f func() string) (text string, ok bool) {
	select {
	case callers <- struct{}{}:
	default:
		return "", false
	}
	answer := make(chan string, 1)
	go func() {
		defer func() { <-callers }()
		defer func() {
			if v := recover(); v != nil {
				answer <- "(its method panics)"
			}
		}()
		answer <- f()
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case text := <-answer:
		return text, true
	case <-timer.C:
		return "", false
	}
}

// panicLine is what the runtime begins the text of a panic with.
func panicLine(value string) string {
	return "panic: " + strings.ReplaceAll(value, "\n", "\n\t") + "\n\n"
}
