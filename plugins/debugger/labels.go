package debugger

import (
	"context"
	"reflect"
	"runtime/pprof"
	"strconv"
	"sync"
	"unsafe"

	"github.com/ispyd/ispyd/internal/request"
)

// The labels of the calling goroutine can be set by package runtime/pprof, but not
// read. The runtime has a function for it, which the standard library keeps for the
// packages that have come to depend on it (see runtime/proflabel.go); what it
// returns is laid out as the value in the contexts of runtime/pprof.

// labelSet is that layout, and is used only where reflection confirms it.
type labelSet struct{ list []struct{ key, value string } }

// readable reports whether the layout is the known one.
var readable = sync.OnceValue(func() bool {
	a := &asked{Context: context.Background()}
	pprof.ForLabels(a, func(string, string) bool { return true })
	if a.key == nil {
		return false
	}
	t := reflect.TypeOf(pprof.WithLabels(context.Background(), pprof.Labels("key", "value")).Value(a.key))
	return t != nil && t.Kind() == reflect.Pointer && sameLayout(t.Elem(), reflect.TypeFor[labelSet]())
})

// asked is a context that keeps what it is asked for.
type asked struct {
	context.Context
	key any
}

func (a *asked) Value(key any) any {
	a.key = key
	return nil
}

// sameLayout reports whether two types are the same but for names, and for structs
// around a single field.
func sameLayout(a, b reflect.Type) bool {
	for a.Kind() == reflect.Struct && a.NumField() == 1 {
		a = a.Field(0).Type
	}
	for b.Kind() == reflect.Struct && b.NumField() == 1 {
		b = b.Field(0).Type
	}
	if a.Kind() != b.Kind() || a.Size() != b.Size() {
		return false
	}
	switch a.Kind() {
	case reflect.String:
		return true
	case reflect.Slice:
		return sameLayout(a.Elem(), b.Elem())
	case reflect.Struct:
		if a.NumField() != b.NumField() {
			return false
		}
		for i := range a.NumField() {
			if !sameLayout(a.Field(i).Type, b.Field(i).Type) {
				return false
			}
		}
		return true
	}
	return false
}

// maxLabels is how many labels of a goroutine are kept.
const maxLabels = 32

// ownLabels returns the labels of the calling goroutine.
func ownLabels() []label { return labelsAt(labelPointer()) }

// labelsAt returns the labels of a set that nobody changes: that of a goroutine.
func labelsAt(p unsafe.Pointer) (list []label) {
	if p == nil || !readable() {
		return nil
	}
	set := (*labelSet)(p)
	for i := range set.list {
		if i == maxLabels {
			break
		}
		list = append(list, label{cut(set.list[i].key, maxLabel), cut(set.list[i].value, maxLabel)})
	}
	return list
}

// requestOf returns the id of the request that is among the labels, 0 for none.
func requestOf(labels []label) uint64 {
	for _, l := range labels {
		if l.Key == request.Label {
			id, _ := strconv.ParseUint(l.Value, 10, 64)
			return id
		}
	}
	return 0
}
