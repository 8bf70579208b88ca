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
	size := field(field(reflect.ValueOf(fr).Elem(), "active"), "size")
	if !size.IsValid() || !size.CanInt() {
		return 0
	}
	return size.Int()
}

// field is the field of a name, the zero Value where there is none.
func field(v reflect.Value, name string) reflect.Value {
	if v.Kind() == reflect.Struct {
		for i := range v.NumField() {
			if v.Type().Field(i).Name == name {
				return v.Field(i)
			}
		}
	}
	return reflect.Value{}
}
