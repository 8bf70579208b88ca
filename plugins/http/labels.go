package http

import (
	"context"
	"reflect"
	"runtime/pprof"
	"strconv"
	"unsafe"

	"github.com/ispyd/ispyd/internal/request"
)

// labels is the profiler's label of a request, as part of the request: what
// pprof.WithLabels makes anew each time, in four allocations. It is laid out as
// runtime/pprof's own type, which labelType proves; the runtime keeps a pointer to
// it in each goroutine of the request.
type labels struct {
	set labelSet
	one [1]labelPair
	id  [20]byte
}

type labelSet struct{ list []labelPair }

type labelPair struct{ key, value string }

// labelKey is what runtime/pprof asks a context for its labels with, and labelType
// the type of the answer, less the pointer. Both are nil where that is made in
// another way than is known here; then pprof.WithLabels is called.
var labelKey, labelType = learnLabels()

// asked is a context that keeps what it is asked for.
type asked struct {
	context.Context
	key any
}

func (a *asked) Value(key any) any {
	a.key = key
	return nil
}

func learnLabels() (key any, of reflect.Type) {
	a := &asked{Context: context.Background()}
	pprof.ForLabels(a, func(string, string) bool { return true })
	if a.key == nil {
		return nil, nil
	}
	sample := pprof.WithLabels(context.Background(), pprof.Labels("key", "value")).Value(a.key)
	t := reflect.TypeOf(sample)
	if t == nil || t.Kind() != reflect.Pointer || !sameLayout(t.Elem(), reflect.TypeFor[labelSet]()) {
		return nil, nil
	}
	return a.key, t.Elem()
}

// sameLayout reports whether two types are the same but for names, and for
// structs around a single field.
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
			if !sameLayout(a.Field(i).Type, b.Field(i).Type) || a.Field(i).Offset != b.Field(i).Offset {
				return false
			}
		}
		return true
	}
	return false
}

// label sets the label of the calling goroutine beside those of the context. It
// leaves in s what the context of the request answers with.
func (s *serving) label(outer context.Context) {
	s.ctx = outer
	if labelKey != nil && outer.Value(labelKey) == nil {
		l := &s.labels
		id := strconv.AppendUint(l.id[:0], s.req.ID(), 10)
		l.one[0] = labelPair{request.Label, unsafe.String(&id[0], len(id))}
		l.set.list = l.one[:]
	} else {
		s.ctx = pprof.WithLabels(outer, pprof.Labels(request.Label, strconv.FormatUint(s.req.ID(), 10)))
	}
	pprof.SetGoroutineLabels((*scope)(s))
}

// own returns the labels as runtime/pprof wants them, nil where the context has
// them.
func (l *labels) own() any {
	if l.set.list == nil {
		return nil
	}
	return reflect.NewAt(labelType, unsafe.Pointer(&l.set)).Interface()
}
