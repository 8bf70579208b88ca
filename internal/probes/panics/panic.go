package panics

import "unsafe"

// maxPCs is how deep a stack is reported.
const maxPCs = 256

// Panic is one panic, as the hook sees it. It is valid until the hook returns.
type Panic struct {
	// Value is what panic was called with. For panic(nil) it is nil; the program
	// will see a *runtime.PanicNilError.
	Value any
	// PCs is the stack of the panicking goroutine as from runtime.Callers, from
	// the caller of gopanic outwards: runtime.CallersFrames tells the functions,
	// inlined ones too. At most 256. Copy what is to be kept.
	PCs []uintptr
	// Truncated says that the stack is deeper than PCs.
	Truncated bool
	// PC is the return address of the call of gopanic, in the frame that panics.
	// Of a fault it is one of the runtime's functions (panicIndex, sigpanic's).
	PC uintptr

	g     uintptr
	depth uintptr // of SP below the upper end of the stack: it moves, this stays
	bp    uintptr // above SP
	// lo and top are where the stack was when the program panicked.
	lo, top uintptr
	// framed says that there is a bp: assembly may use the register for other things.
	framed bool
}

// G is the address of the goroutine's runtime.g.
func (p *Panic) G() uintptr { return p.g }

// Stack returns the bounds of the goroutine's stack as they were when the program
// called gopanic. Since then it may have grown: it is elsewhere then, and the runtime
// has corrected only those pointers into it that the program may still use. gopanic
// does not return, so that few of the variables of the function that panics are
// among them: in a copy of the stack, words that lie between lo and hi are to be moved
// by as much as its upper end was.
func (p *Panic) Stack() (lo, hi uintptr) { return p.lo, p.top }

// Frame returns the stack pointer of the frame that panics, as it is right
// behind the call of gopanic, and its frame pointer, 0 if it has none. They are
// true until the goroutine's stack moves, which any call may cause: use them at
// once, or CopyStack. Only the hook, on its own goroutine, may ask.
//
//go:nosplit
func (p *Panic) Frame() (sp, bp uintptr) {
	sp = p.hi() - p.depth
	if p.framed {
		bp = sp + p.bp
	}
	return sp, bp
}

// CopyStack copies the stack from the frame that panics outwards, as much as
// fits, and returns the frame's sp and bp as they are in the copy: dst[0] is of
// address sp. Only the hook, on its own goroutine, may ask.
func (p *Panic) CopyStack(dst []byte) (n int, sp, bp uintptr) {
	for {
		hi := p.hi()
		n = int(min(uintptr(len(dst)), p.depth))
		sp, bp = p.Frame()
		copyFrom(dst[:n], sp)
		// The goroutine may have been stopped meanwhile, and its stack moved.
		if p.hi() == hi {
			return n, sp, bp
		}
	}
}

// copyFrom is not checked by the race detector: of a stack that was just moved
// away it may copy what others write.
//
//go:norace
//go:nosplit
func copyFrom(dst []byte, at uintptr) {
	copy(dst, unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), len(dst)))
}

// hi is the upper end of the stack at this moment.
//
//go:nosplit
func (p *Panic) hi() uintptr {
	at := p.g + uintptr(version.GStackHi)
	return **(**uintptr)(unsafe.Pointer(&at))
}
