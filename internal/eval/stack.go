package eval

import (
	"fmt"
	"sync/atomic"
)

// A goroutine that takes more than debug.SetMaxStack ends the process, and nothing
// recovers from that. A thread counts its own calls, but a function of the program that
// calls back begins a new one: fmt calls a String method, which calls fmt. So what is
// limited is the stack of the goroutine itself, whoever has filled it.

// maxStack is how much stack a goroutine may have when the session calls something on
// it: far below the 1 GB, 250 MB on 32 bits, at which the runtime gives up.
const maxStack = 32 << 20 >> (^uintptr(0)>>63 ^ 1)

// exceed ends the evaluation because a limit is reached. It is stopped for good: the
// program's functions further out, as those of fmt, may catch the panic.
func (ev *evaluation) exceed(err error) {
	e := &stopError{err}
	if !ev.lasting {
		ev.stop.CompareAndSwap(nil, e)
	}
	panic(e)
}

// checkStack ends the evaluation where its goroutine's stack has grown too large. back
// says that code of the program has called the session, on whatever stack.
func (ev *evaluation) checkStack(back bool) {
	if stackFull(back) {
		ev.exceed(fmt.Errorf("%w: calls are nested so deep that they take %d MiB of stack: infinite recursion?", ErrLimit, maxStack>>20))
	}
	if stackLarge() && deepCalls.Add(1)%16 == 0 {
		ev.checkMemory(": infinite recursion?")
	}
}

// deepCalls counts those that are worth a look at all stacks together.
var deepCalls atomic.Uint32
