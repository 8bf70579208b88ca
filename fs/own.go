package fs

import (
	"reflect"

	"github.com/ispyd/ispyd/nodes"
)

var ownPackage = reflect.TypeFor[nodes.Snapshot]().PkgPath()

// isOwn reports whether x is of a type of package nodes. What those do in memory
// is done on the spot; what others do may last, and panic.
func isOwn(x any) bool {
	t := reflect.TypeOf(x)
	if t == nil {
		return false
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath() == ownPackage
}

// protect is nodes.Protect for what has a result.
func protect[T any](f func() (T, error)) (v T, err error) {
	err = nodes.Protect(func() (err error) {
		v, err = f()
		return err
	})
	return v, err
}
