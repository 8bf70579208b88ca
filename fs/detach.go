package fs

import (
	"context"
	"errors"
	"math"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ispyd/ispyd/nodes"
)

var ownPackage = reflect.TypeFor[nodes.Snapshot]().PkgPath()

// isOwn reports whether x is of a type of package nodes. Those keep what they
// promise: they return when their context ends, and protect from panics.
// Others are not trusted to.
func isOwn(x any) bool {
	t := reflect.TypeOf(x)
	if t == nil {
		return false
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath() == ownPackage
}

// protect is nodes.Protect for what has a result.
func protect[T any](f func() (T, error)) (v T, err error) {
	err = nodes.Protect(func() (err error) {
		v, err = f()
		return err
	})
	return v, err
}

// detach runs f, the code of some node, in a goroutine of its own and waits for
// it as long as ctx lasts. A result that comes later goes to late. A panic is an
// error.
func detach[T any](ctx context.Context, s *Server, what string, f func(context.Context) (T, error), late func(T)) (T, error) {
	type result struct {
		v   T
		err error
	}
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	if !s.foreign.start(s.lim.Detached) {
		return none, nodes.Errorf(nodes.ErrBusy, "%s: %d operations hang in the code behind their files", what, s.lim.Detached)
	}
	since := time.Now()
	done := make(chan result, 1)
	var abandoned atomic.Bool
	go func() {
		defer s.foreign.end()
		var r result
		r.v, r.err = protect(func() (T, error) { return f(ctx) })
		if !abandoned.CompareAndSwap(false, true) {
			if late != nil && r.err == nil {
				nodes.Protect(func() error { late(r.v); return nil })
			}
			return
		}
		done <- r
	}()
	select {
	case r := <-done:
		return r.v, r.err
	case <-ctx.Done():
	}
	if !abandoned.CompareAndSwap(false, true) {
		r := <-done
		return r.v, r.err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return none, nodes.Errorf(nodes.ErrTimeout, "%s: no answer yet after %s", what, time.Since(since).Round(time.Millisecond))
	}
	return none, ctx.Err()
}

// tasks counts goroutines that somebody waits for, as long as he likes.
type tasks struct {
	mu   sync.Mutex
	n    int
	none chan struct{} // closed when n becomes 0, if somebody waits
}

const noLimit = math.MaxInt

// start counts one more, unless there are limit already.
func (t *tasks) start(limit int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n >= limit {
		return false
	}
	t.n++
	return true
}

func (t *tasks) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n--; t.n == 0 && t.none != nil {
		close(t.none)
		t.none = nil
	}
}

// wait returns when none is left, or how many are when ctx ends.
func (t *tasks) wait(ctx context.Context) int {
	t.mu.Lock()
	if t.n == 0 {
		t.mu.Unlock()
		return 0
	}
	if t.none == nil {
		t.none = make(chan struct{})
	}
	none := t.none
	t.mu.Unlock()
	select {
	case <-none:
		return 0
	case <-ctx.Done():
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.n
	}
}
