package nodes

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// maxDetached bounds the goroutines that run code behind nodes, all nodes of
// the program together: code that ignores its context can only be left behind.
const maxDetached = 1024

var detached atomic.Int64

// PanicError is a panic of the code behind a node, made into an error.
type PanicError struct {
	Value any
	Stack []byte
}

// Error returns the panic value as text; the stack is for the log.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns [ErrPanic].
func (e *PanicError) Unwrap() error { return ErrPanic }

// Protect runs f and makes a panic of it a *[PanicError].
func Protect(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}

// spawn runs f in a goroutine of its own, if not too many are left behind.
func spawn(f func()) error {
	if detached.Add(1) > maxDetached {
		detached.Add(-1)
		return Errorf(ErrBusy, "%d operations hang in the code behind their files", maxDetached)
	}
	go func() {
		defer detached.Add(-1)
		f()
	}()
	return nil
}

// waitError says why somebody stopped waiting, and for what since when.
func waitError(ctx context.Context, what string, since time.Time) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return Errorf(ErrTimeout, "%s: no answer yet after %s", what, time.Since(since).Round(time.Millisecond))
	}
	return fmt.Errorf("%s: %w", what, context.Cause(ctx))
}

type detachedKey struct{}

// Detached returns a context that lets nodes run the code behind them in the
// caller's goroutine, instead of one that they begin for it. A call may then
// last beyond the end of the context: it is for callers who leave it behind if
// it does, as package fs. What is quick costs a fifth that way.
func Detached(ctx context.Context) context.Context {
	return context.WithValue(ctx, detachedKey{}, true)
}

func isDetached(ctx context.Context) bool { return ctx.Value(detachedKey{}) != nil }

// detach runs f in a goroutine of its own and waits for it as long as ctx
// lasts, so that code which ignores its context holds up nobody.
func detach(ctx context.Context, what string, f func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if isDetached(ctx) {
		return Protect(func() error { return f(ctx) })
	}
	since := time.Now()
	done := make(chan error, 1)
	if err := spawn(func() {
		done <- Protect(func() error { return f(ctx) })
	}); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return waitError(ctx, what, since)
	}
}

// flight makes one rendering serve all who ask for it at the same time. Who
// asks while one is running shares the next, not the running one, which may
// have begun before what he has just written.
type flight struct {
	mu      sync.Mutex
	running *rendering
	next    *rendering
}

type rendering struct {
	done    chan struct{}
	snap    *Snapshot
	err     error
	ctx     context.Context
	cancel  context.CancelFunc
	since   time.Time
	left    time.Time // by the last who waited for it; zero while somebody does
	waiters int
}

// hangTime is how long a rendering that everybody has left may take to return:
// then its code hangs, and nobody is made to wait for it any more.
const hangTime = time.Second

// do returns a rendering that began after the call. With join it may be one
// that is already running. Where the running one hangs it is ErrBusy: however
// often a file is read, the code behind it runs in one goroutine.
func (f *flight) do(ctx context.Context, what string, join bool, render func(context.Context) (*Snapshot, error)) (*Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	r := f.running
	switch {
	case r == nil && isDetached(ctx):
		return f.here(ctx, render)
	case r == nil:
		r = newRendering(ctx)
		f.running = r
		if err := spawn(func() { f.run(r, render) }); err != nil {
			f.running = nil
			f.mu.Unlock()
			return nil, err
		}
	case !r.left.IsZero() && time.Since(r.left) > hangTime:
		since := r.since
		f.mu.Unlock()
		return nil, Errorf(ErrBusy, "%s: the code behind it has not returned since %s, %s ago",
			what, since.Format(time.TimeOnly), time.Since(since).Round(time.Millisecond))
	case join && r.waiters > 0:
	case f.next == nil:
		r = newRendering(ctx)
		f.next = r
	default:
		r = f.next
	}
	r.waiters++
	since := f.running.since
	f.mu.Unlock()

	select {
	case <-r.done:
		return r.snap, r.err
	case <-ctx.Done():
	}
	f.leave(r)
	return nil, waitError(ctx, what, since)
}

// leave ends one's waiting for r, and r itself if nobody else waits.
func (f *flight) leave(r *rendering) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.waiters--; r.waiters == 0 {
		r.left = time.Now()
		r.cancel()
		if f.next == r {
			f.next = nil
		}
	}
}

// here renders in the caller's goroutine; f.mu is held. Who has come meanwhile
// is served by another.
func (f *flight) here(ctx context.Context, render func(context.Context) (*Snapshot, error)) (*Snapshot, error) {
	r := newRendering(ctx)
	r.waiters = 1
	f.running = r
	f.mu.Unlock()
	defer context.AfterFunc(ctx, func() { f.leave(r) })()
	if next := f.step(r, render); next != nil {
		if err := spawn(func() { f.run(next, render) }); err != nil {
			f.run(next, func(context.Context) (*Snapshot, error) { return nil, err })
		}
	}
	return r.snap, r.err
}

// newRendering keeps what ctx says of who asks, not its end: others may join.
func newRendering(ctx context.Context) *rendering {
	r := &rendering{done: make(chan struct{}), since: time.Now()}
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return r
}

// run renders r and whatever has been asked for meanwhile.
func (f *flight) run(r *rendering, render func(context.Context) (*Snapshot, error)) {
	for r != nil {
		r = f.step(r, render)
	}
}

// step renders r and returns what is to be rendered next.
func (f *flight) step(r *rendering, render func(context.Context) (*Snapshot, error)) *rendering {
	r.err = Protect(func() (err error) {
		r.snap, err = render(r.ctx)
		return err
	})
	r.cancel()
	f.mu.Lock()
	defer f.mu.Unlock()
	close(r.done)
	next := f.next
	f.running, f.next = next, nil
	if next != nil {
		next.since = time.Now()
	}
	return next
}
