package bundle

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// maxLeft bounds the goroutines that are left behind in what hangs, of all
// bundles of the program together.
const maxLeft = 1024

var underWay atomic.Int64

// TimeoutError is the error of what did not answer in its time.
type TimeoutError struct{ After time.Duration }

func (e *TimeoutError) Error() string { return fmt.Sprintf("not read within %s", e.After) }

// Unwrap makes it a context.DeadlineExceeded.
func (e *TimeoutError) Unwrap() error { return context.DeadlineExceeded }

// within runs f for at most that time; one that goes on is left behind. A panic
// is an error.
func within[T any](ctx context.Context, d time.Duration, f func(context.Context) (T, error)) (T, error) {
	var none T
	tooSlow := &TimeoutError{d}
	ctx, cancel := context.WithTimeoutCause(ctx, d, tooSlow)
	defer cancel()
	if underWay.Add(1) > maxLeft {
		underWay.Add(-1)
		return none, fmt.Errorf("%d operations of captures hang in the code behind their files", maxLeft)
	}
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1)
	go func() {
		defer underWay.Add(-1)
		r := result{err: errors.New("ended its goroutine")}
		defer func() {
			if v := recover(); v != nil {
				r.err = fmt.Errorf("panic: %v", v)
			}
			done <- r
		}()
		r.v, r.err = f(ctx)
	}()
	select {
	case r := <-done:
		if r.err == nil || ctx.Err() == nil {
			return r.v, r.err
		}
	case <-ctx.Done():
	}
	return none, context.Cause(ctx)
}
