//go:build linux && amd64

package panics

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
)

// handler is nil when nobody wants panics, though the jump may still be there.
var handler atomic.Pointer[func(*Panic)]

// hook is called by enter. It hands v through, so that the garbage collector
// sees the value all the while. sp points at the return address of gopanic's caller.
// lo and hi are the bounds of the stack; it may have grown since, and moved.
func hook(v any, sp unsafe.Pointer, bp, g, lo, hi uintptr) any {
	was := grownFrom(g, lo, hi)
	if f := handler.Load(); f != nil {
		call(*f, v, sp, bp, was)
	}
	return v
}

//go:noinline
func call(f func(*Panic), v any, sp unsafe.Pointer, bp uintptr, was bounds) {
	g := was.g
	// A panic of the hook's own, or of what it calls, is nobody's business.
	if !active.add(g) {
		return
	}
	defer leave(g)
	pcs := buffers.Get().(*[maxPCs + ownFrames]uintptr)
	defer buffers.Put(pcs)
	all := pcs[:runtime.Callers(0, pcs[:])]
	p := &Panic{Value: v, PC: *(*uintptr)(sp), g: g, lo: was.lo, top: was.hi, Truncated: len(all) == len(pcs)}
	p.PCs = all[len(all):]
	for i, pc := range all[:min(len(all), ownFrames)] {
		if pc-1 >= enterStart && pc-1 < enterEnd {
			p.PCs = all[i+1 : min(len(all), i+1+maxPCs)]
			p.Truncated = p.Truncated || len(p.PCs) < len(all)-i-1
		}
	}
	p.place(sp, bp)
	f(p)
}

// place notes where the frame is, below the upper end of the stack. The
// goroutine may be stopped in between and its stack moved, sp with it.
func (p *Panic) place(sp unsafe.Pointer, bp uintptr) {
	for hi := uintptr(0); hi != p.hi(); {
		hi = p.hi()
		p.depth = hi - uintptr(sp) - wordBytes
	}
	if bp >= wordBytes && bp-wordBytes < p.depth { // within the stack, above the frame
		p.bp, p.framed = bp-wordBytes, true
	}
}

const (
	wordBytes = 8
	// ownFrames is more than the frames from runtime.Callers to enter.
	ownFrames = 16
)

func leave(g uintptr) {
	active.remove(g)
	if recover() != nil {
		swallowed.Add(1)
	}
}

var swallowed atomic.Int64

// Swallowed is how many panics of the hook itself were swallowed.
func Swallowed() int64 { return swallowed.Load() }

var buffers = sync.Pool{New: func() any { return new([maxPCs + ownFrames]uintptr) }}

// goroutines is a set of goroutines. It is split, since many may panic at a time.
type goroutines [16]struct {
	mu sync.Mutex
	g  []uintptr
}

// active are the goroutines that are in the hook.
var active goroutines

// add reports false if g is in it already.
func (s *goroutines) add(g uintptr) bool {
	e := &s[g>>9%uintptr(len(s))]
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, x := range e.g {
		if x == g {
			return false
		}
	}
	e.g = append(e.g, g)
	return true
}

func (s *goroutines) remove(g uintptr) {
	e := &s[g>>9%uintptr(len(s))]
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, x := range e.g {
		if x == g {
			e.g[i] = e.g[len(e.g)-1]
			e.g = e.g[:len(e.g)-1]
			return
		}
	}
}
