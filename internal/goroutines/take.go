package goroutines

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/ispyd/ispyd/internal/tracing"
)

// traceAbove is the number of goroutines above which the slot of trace.Start is
// tried first: the flight recorder's takes twice as long, 35 ms for so many, and
// keeps all that happens in this time.
const traceAbove = 20_000

// profileUpTo is the number of goroutines up to which the goroutine profile is
// taken where something is missing: it costs up to two microseconds each.
const profileUpTo = 20_000

// Take returns a dump of all goroutines that begins after the call: who comes
// while one is taken shares the next with all others who wait. It returns when
// the dump is complete or ctx ends.
func Take(ctx context.Context) (*Dump, error) { return shared.take(ctx) }

var shared group

// group lets simultaneous callers share: one dump is running at most, and one
// is waited for.
type group struct {
	mu            sync.Mutex
	running, next *call
	capture       func(context.Context) (*Dump, error) // nil: takeDump
}

type call struct {
	done    chan struct{}
	dump    *Dump
	err     error
	ctx     context.Context
	cancel  context.CancelFunc
	waiters int
}

func newCall() *call {
	c := &call{done: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

func (g *group) take(ctx context.Context) (*Dump, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	g.mu.Lock()
	var c *call
	switch {
	case g.running == nil:
		c = newCall()
		g.running = c
		go g.run(c)
	case g.next == nil:
		c = newCall()
		g.next = c
	default:
		c = g.next
	}
	c.waiters++
	g.mu.Unlock()

	select {
	case <-c.done:
		return c.dump, c.err
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.waiters--; c.waiters == 0 {
		c.cancel()
		if g.next == c {
			g.next = nil
		}
	}
	return nil, context.Cause(ctx)
}

// run takes dumps until nobody waits for one.
func (g *group) run(c *call) {
	for c != nil {
		c.dump, c.err = g.protected(c.ctx)
		c.cancel()
		g.mu.Lock()
		close(c.done)
		c = g.next
		g.running, g.next = c, nil
		g.mu.Unlock()
	}
}

// PanicError is a panic inside of this package, which is a fault of its own.
type PanicError struct {
	Value any
	Stack []byte
}

// Error returns the panic value; the stack is for the log.
func (e *PanicError) Error() string {
	return fmt.Sprintf("taking a goroutine dump: panic: %v", e.Value)
}

func (g *group) protected(ctx context.Context) (d *Dump, err error) {
	defer func() {
		if v := recover(); v != nil {
			d, err = nil, &PanicError{v, debug.Stack()}
		}
	}()
	if g.capture != nil {
		return g.capture(ctx)
	}
	return takeDump(ctx)
}

// How long a goroutine that wants to go on waits for its turn, when a program is
// short of CPU. A dump takes a few turns. Above the first, only what is
// bounded in memory is tried, and nothing that is not needed; above the second,
// the program is not traced for so long.
const (
	shortOfCPU = 10 * time.Millisecond
	outOfCPU   = time.Second
)

// turn measures how long a goroutine waits for its turn now.
func turn() (longest time.Duration) {
	for i := 0; i < 3 && longest <= shortOfCPU; i++ {
		start := time.Now()
		runtime.Gosched()
		longest = max(longest, time.Since(start))
	}
	return longest
}

type way struct {
	name Way
	open func() (slot, error)
}

// waysFor returns the ways by trace that are worth trying, for a number of
// goroutines and a time that one waits for its turn. The goroutine profile is
// what remains.
func waysFor(n int, wait time.Duration) []way {
	flight, tracer := way{FlightRecorder, openFlight}, way{Tracer, openTrace}
	switch {
	case tracing.Fatal() || wait > outOfCPU:
		return nil
	case wait > shortOfCPU:
		return []way{tracer}
	case n > traceAbove:
		return []way{tracer, flight}
	}
	return []way{flight, tracer}
}

// takeDump takes a dump in the first way that works.
func takeDump(ctx context.Context) (*Dump, error) {
	before := pauses()
	start := time.Now()
	me := whoami()
	wait := turn()
	var d *Dump
	var why error
	for _, w := range waysFor(runtime.NumGoroutine(), wait) {
		s, err := w.open()
		if err != nil {
			why = err
			continue
		}
		d = newDump(w.name)
		began := time.Now()
		err = d.fromTrace(ctx, s, me)
		s.close()
		d.Cost.Capture = time.Since(began)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil {
			break
		}
		d, why = nil, err
		if errors.Is(err, errFormat) {
			break
		}
	}
	if d == nil {
		d = newDump(Profile)
		d.noIDs = noIDs(why, wait)
		if err := d.fromProfile(); err != nil {
			return nil, err
		}
		d.Cost.Capture, d.Cost.Turn = time.Since(start), wait
	} else {
		d.Cost.Turn = wait
		d.finish()
	}
	d.Taken = time.Now()
	d.Cost.Whole = d.Taken.Sub(start)
	d.Cost.Stop = longestSince(before)
	return d, nil
}

// noIDs says why there was no trace.
func noIDs(err error, wait time.Duration) string {
	switch {
	case tracing.Fatal():
		return "GODEBUG=profstackdepth=0 forbids to trace"
	case wait > outOfCPU:
		return "the program is too short of CPU for a trace"
	case err == nil:
		return "no way to trace was found"
	}
	return err.Error()
}

// finish adds what the trace does not tell.
func (d *Dump) finish() {
	d.Creators = d.introspect()
	if d.Creators != nil {
		d.Labels = d.Creators
	}
	if d.Len() > profileUpTo || d.Cost.Turn > shortOfCPU || d.Labels == nil && !d.wanting() {
		return
	}
	groups, err := readProfile()
	if err != nil {
		return // what was missing stays so
	}
	d.Cost.Profiled = true
	d.mend(groups, d.Labels != nil)
	d.Labels = nil // known now, as far as the profile tells
}
