package debugger

import (
	"strconv"
	"unsafe"

	"github.com/ispyd/ispyd/internal/proflabel"
	"github.com/ispyd/ispyd/internal/request"
)

// The labels of the calling goroutine can be set by package runtime/pprof, but not
// read. The runtime has a function for it, which the standard library keeps for the
// packages that have come to depend on it (see runtime/proflabel.go); what it
// returns is laid out as the value in the contexts of runtime/pprof.

// maxLabels is how many labels of a goroutine are kept.
const maxLabels = 32

// ownLabels returns the labels of the calling goroutine.
func ownLabels() []label { return labelsAt(labelPointer()) }

// labelsAt returns the labels of a set that nobody changes: that of a goroutine.
func labelsAt(p unsafe.Pointer) (list []label) {
	if key, _ := proflabel.Layout(); p == nil || key == nil {
		return nil
	}
	set := (*proflabel.Set)(p)
	for i, l := range set.List {
		if i == maxLabels {
			break
		}
		list = append(list, label{cut(l.Key, maxLabel), cut(l.Value, maxLabel)})
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
