package eval

import (
	"errors"
	"fmt"
	"go/token"
	"reflect"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

// frame is one call of a function.
type frame struct {
	slots   []reflect.Value
	th      *thread
	results []reflect.Value
	fn      *function // nil outside of functions
	up      *frame    // of who called it
	pos     token.Pos // of what it does, and last did where nothing is said of that
	defers  []func(*thread, *panicState)
	panics  *panicState // what recover finds, in a deferred call
}

// panicState is a panic on its way through functions that defer.
type panicState struct {
	value     any
	goexit    bool
	recovered bool
}

// evaluation is what is stopped together: one request with all that it calls, or
// what goes on in a session between requests.
type evaluation struct {
	done   <-chan struct{} // closed when it is to stop
	stop   atomic.Pointer[stopError]
	host   atomic.Pointer[string] // the function of the program that runs
	grace  atomic.Int64           // unix nanoseconds until which deferred calls may run
	over   atomic.Bool            // they have had their time
	used   atomic.Int64           // bytes allocated since they were last looked at
	base   int64                  // of the memory when it began
	limit  int64
	cause  func() error // why it stops, once it is to
	parent *evaluation  // which stops this one too, nil for none
	// running is set when the request has been compiled: it shares nothing more with
	// the session than a goroutine of it does.
	running atomic.Bool
	// live is the heap that the collector found in use before, and collected when the
	// watch last made it look.
	live      int64
	collected time.Time
	// lasting is what goes on between requests, which no limit ends.
	lasting bool
	inner   atomic.Pointer[[]spot] // of a panic in a function that the program called
}

// stopError is what a stopped evaluation unwinds with. No recover of the session
// stops it.
type stopError struct{ err error }

// thread is a goroutine that runs code of the session.
type thread struct {
	s     *Session
	ev    *evaluation
	depth int
	top   *frame
	trace []spot // of the panic that goes on
	tick  uint32
	yield uint32 // counts checks
	// spawned is set on a goroutine of the session's own making.
	spawned bool
	// pending is the panic that the next function called may recover: it is
	// deferred.
	pending []*panicState
	// unwinding is set while deferred calls run after a stop.
	unwinding bool
}

// check ends the evaluation where it has been stopped. It is called by every loop
// and every call.
func (th *thread) check() {
	// Goroutines of the session that compute leave room for those of the program, which
	// else wait a time slice for each.
	if th.spawned {
		if th.yield++; th.yield%1024 == 0 {
			runtime.Gosched()
		}
	}
	if e := th.ev.stop.Load(); e != nil {
		th.stopped(e)
	} else if p := th.ev.parent; p != nil {
		if e := p.stop.Load(); e != nil {
			th.stopped(e)
		}
	}
}

const (
	graceTime = 500 * time.Millisecond
	// maxDepth is how deep calls of the session's functions may be nested.
	maxDepth = 2000
)

func (th *thread) stopped(e *stopError) {
	if th.unwinding && !th.ev.over.Load() {
		// Deferred calls may unlock what the program waits for: they get
		// a little time.
		th.ev.grace.CompareAndSwap(0, time.Now().Add(graceTime).UnixNano())
		if th.tick++; th.tick%64 != 0 || time.Now().UnixNano() < th.ev.grace.Load() {
			return
		}
		th.ev.over.Store(true) // or deferred calls that call go on and on
	}
	panic(e)
}

func (th *thread) enter() {
	th.check()
	if th.depth++; th.depth > maxDepth {
		th.depth = 0
		th.ev.exceed(fmt.Errorf("%w: calls are nested more than %d deep: infinite recursion?", ErrLimit, maxDepth))
	}
	th.ev.checkStack(false)
}

// charge counts memory that the session takes. Now and then it looks at how much the
// heap has grown since the evaluation began.
func (th *thread) charge(n int64) {
	const step = 32 << 20
	if th.ev.used.Add(n) < step {
		return
	}
	th.ev.used.Store(0)
	th.ev.checkMemory("")
}

// checkMemory ends the evaluation where too much has been taken; why is what may be
// the reason.
func (ev *evaluation) checkMemory(why string) {
	if grown := inUse() - ev.base; grown > ev.limit {
		runtime.GC()
		if grown = inUse() - ev.base; grown > ev.limit {
			ev.exceed(ev.tooMuch(grown, why))
		}
	}
}

// chargeLarge counts a variable, unless it is small.
func (th *thread) chargeLarge(rt reflect.Type) {
	if n := rt.Size(); n > 1<<12 {
		th.charge(int64(n))
	}
}

//go:noinline
func (ev *evaluation) tooMuch(grown int64, why string) error {
	return fmt.Errorf("%w: the heap and the stacks have grown by %d MiB during this evaluation, the limit is %d MiB%s", ErrLimit, grown>>20, ev.limit>>20, why)
}

// inUse is the memory of objects, also those that the collector has not looked for yet,
// and of stacks.
func inUse() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64() + s[1].Value.Uint64())
}

// maxBytes is the most that one value may take.
const maxBytes = 64 << 20

// checkSize refuses one value that is too large.
func (s *Session) checkSize(n int64) { checkBytes(n) }

func checkBytes(n int64) {
	if n > maxBytes || n < 0 {
		panic(&stopError{fmt.Errorf("%w: a value of %d bytes, the console makes none of more than %d MiB", ErrLimit, n, maxBytes>>20)})
	}
}

// receive is <-ch that the end of the evaluation ends.
func (th *thread) receive(ch reflect.Value) (reflect.Value, bool) {
	th.check()
	if v, ok := ch.TryRecv(); v.IsValid() {
		return v, ok
	}
	for {
		i, v, ok := reflect.Select([]reflect.SelectCase{
			{Dir: reflect.SelectRecv, Chan: ch},
			{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(th.ev.done)},
		})
		if i == 0 {
			return v, ok
		}
		th.wait()
	}
}

func (th *thread) send(ch, v reflect.Value) {
	th.check()
	if ch.TrySend(v) {
		return
	}
	i, _, _ := reflect.Select([]reflect.SelectCase{
		{Dir: reflect.SelectSend, Chan: ch, Send: v},
		{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(th.ev.done)},
	})
	if i == 1 {
		th.wait()
	}
}

// wait ends a blocked operation of a stopped evaluation, also in deferred calls.
func (th *thread) wait() {
	e := th.ev.stop.Load()
	if e == nil && th.ev.parent != nil {
		e = th.ev.parent.stop.Load()
	}
	if e == nil { // it is about to be set
		err := fmt.Errorf("%w: cancelled", ErrStopped)
		if th.ev.cause != nil {
			err = th.ev.cause()
		}
		e = &stopError{err}
	}
	panic(e)
}

// runtimeError is a runtime error of the session's code, in Go's words.
type runtimeError struct{ msg string }

func (e runtimeError) Error() string { return "runtime error: " + e.msg }
func (runtimeError) RuntimeError()   {}

var nilDereference = runtimeError{"invalid memory address or nil pointer dereference"}

//go:noinline
func throw(format string, args ...any) { panic(runtimeError{fmt.Sprintf(format, args...)}) }

// throwIndex panics as the runtime does.
func throwIndex(i int64, size int) {
	_ = make([]struct{}, size)[i]
}

// exitError is the program's end, asked for by the session.
type exitError struct{ what string }

func (e *exitError) Error() string {
	return e.what + " is not done: it would end the program"
}

// Errors that an evaluation ends with; errors.Is finds them.
var (
	// ErrLimit says that a limit of depth, size, memory or output was reached.
	ErrLimit = errors.New("limit")
	// ErrStopped says that the time was up, or the evaluation cancelled.
	ErrStopped = errors.New("stopped")
	// ErrAbandoned says that a function of the program did not return in time.
	// It goes on.
	ErrAbandoned = errors.New("abandoned")
)
