package http

import (
	"context"
	"reflect"
	"runtime/pprof"
	"strconv"
	"unsafe"

	"github.com/ispyd/ispyd/internal/proflabel"
	"github.com/ispyd/ispyd/internal/request"
)

// labels is the profiler's label of a request, as part of the request: what
// pprof.WithLabels makes anew each time, in four allocations. It is laid out as
// runtime/pprof's own type, which labelType proves; the runtime keeps a pointer to
// it in each goroutine of the request.
type labels struct {
	set proflabel.Set
	one [1]proflabel.Pair
	id  [20]byte
}

// labelKey is what runtime/pprof asks a context for its labels with, and labelType
// the type of the answer, less the pointer. Both are nil where that is made in
// another way than is known here; then pprof.WithLabels is called.
var labelKey, labelType = proflabel.Layout()

// label sets the label of the calling goroutine beside those of the context. It
// leaves in s what the context of the request answers with.
func (s *serving) label(outer context.Context) {
	s.ctx = outer
	if labelKey != nil && outer.Value(labelKey) == nil {
		l := &s.labels
		id := strconv.AppendUint(l.id[:0], s.req.ID(), 10)
		l.one[0] = proflabel.Pair{Key: request.Label, Value: unsafe.String(&id[0], len(id))}
		l.set.List = l.one[:]
	} else {
		s.ctx = pprof.WithLabels(outer, pprof.Labels(request.Label, strconv.FormatUint(s.req.ID(), 10)))
	}
	pprof.SetGoroutineLabels((*scope)(s))
}

// own returns the labels as runtime/pprof wants them, nil where the context has
// them.
func (l *labels) own() any {
	if l.set.List == nil {
		return nil
	}
	return reflect.NewAt(labelType, unsafe.Pointer(&l.set)).Interface()
}
