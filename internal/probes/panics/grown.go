//go:build linux && amd64

package panics

import "sync/atomic"

// bounds are where the stack of a goroutine was.
type bounds struct{ g, lo, hi, _ uintptr }

const (
	grownSlots     = 64
	grownSizeShift = 5 // of a bounds
	grownShift     = 9 // goroutines are that far apart
)

// grown are the bounds of stacks that gopanic itself is about to let grow: enter
// notes them, for the hook to take when it is called after that. A goroutine whose
// place is taken by another's goes without.
var grown [grownSlots]bounds

// grownFrom returns the bounds noted for the goroutine, else those given.
func grownFrom(g, lo, hi uintptr) bounds {
	b := &grown[g>>grownShift%grownSlots]
	if atomic.LoadUintptr(&b.g) == g {
		lo, hi = b.lo, b.hi
		atomic.StoreUintptr(&b.g, 0)
	}
	return bounds{g: g, lo: lo, hi: hi}
}

// forgetGrown frees the places of goroutines that did not come to the hook, since
// it was taken out in between.
func forgetGrown() {
	for i := range grown {
		atomic.StoreUintptr(&grown[i].g, 0)
	}
}
