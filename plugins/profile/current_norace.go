//go:build !race

package profile

import (
	"reflect"
	"runtime/trace"
)

// current is how many bytes the recorder has of the current second. Nothing
// exported tells, so it is read from the recorder's own field, 0 where a later Go
// has none of that name. The field is a word that the trace's reader writes
// meanwhile: what is read is old or new, which is all the same here, but not to
// the race detector.
func current(fr *trace.FlightRecorder) int64 {
	f := reflect.ValueOf(fr).Elem().FieldByName("active")
	if f.Kind() != reflect.Struct {
		return 0
	}
	if f = f.FieldByName("size"); !f.CanInt() {
		return 0
	}
	return f.Int()
}
