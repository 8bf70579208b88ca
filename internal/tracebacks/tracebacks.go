// Package tracebacks hands panics that somebody has recovered to those who keep
// them: a middleware or the program's own recover on one side, the plugin debugger
// on the other, which need not know each other.
//
// While nobody keeps panics it costs one atomic load.
package tracebacks

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Panic is one that has been recovered. What is in it belongs to who gets it.
type Panic struct {
	// Value is what recover returned.
	Value any
	// By says who recovered it: "http.Wrap", or "the program".
	By string
	// PCs are those of runtime.Callers from the deferred function outwards. The
	// frames of the panic are among them, since recover does not unwind the stack.
	PCs []uintptr
}

// Keeper keeps panics. Its methods are called by many goroutines at once and must
// return soon.
type Keeper interface {
	// Recovered is called on the goroutine that panicked, by the deferred
	// function that has recovered.
	Recovered(Panic)
	// Wanted says whether a middleware shall recover panics, hand them over and
	// panic anew, because no other way to see them is in use.
	Wanted() bool
}

var (
	mu      sync.Mutex
	keepers atomic.Pointer[[]Keeper] // nil while there are none
)

// Keep has k called until the function that it returns is called.
func Keep(k Keeper) (end func()) {
	change(func(list []Keeper) []Keeper { return append(list, k) })
	return sync.OnceFunc(func() {
		change(func(list []Keeper) []Keeper {
			for i := range list {
				if list[i] == k {
					return append(list[:i], list[i+1:]...)
				}
			}
			return list
		})
	})
}

// change replaces the list by what f makes of a copy.
func change(f func([]Keeper) []Keeper) {
	mu.Lock()
	defer mu.Unlock()
	var list []Keeper
	if old := keepers.Load(); old != nil {
		list = append(list, *old...)
	}
	if list = f(list); len(list) == 0 {
		keepers.Store(nil)
		return
	}
	keepers.Store(&list)
}

// Wanted reports whether any keeper wants what a middleware recovers.
func Wanted() bool {
	list := keepers.Load()
	if list == nil {
		return false
	}
	for _, k := range *list {
		if k.Wanted() {
			return true
		}
	}
	return false
}

// maxDepth is how many frames of a stack are kept.
const maxDepth = 256

// Recovered hands over what recover returned, unless that is nil. It is to be called
// by the deferred function that recovers, before it returns: skip is the number of
// frames between that function and Recovered, 0 for a direct call.
func Recovered(value any, by string, skip int) {
	list := keepers.Load()
	if list == nil || value == nil {
		return
	}
	pcs := make([]uintptr, maxDepth)
	pcs = pcs[:runtime.Callers(skip+2, pcs)]
	for _, k := range *list {
		hand(k, Panic{Value: value, By: by, PCs: pcs})
	}
}

// hand calls the keeper. A second panic while the program handles its first would
// be the worst of times.
func hand(k Keeper, p Panic) {
	defer func() { _ = recover() }()
	k.Recovered(p)
}
