package client

import (
	"context"
	"time"
)

// within is a context and a time-out. It is what context.WithTimeoutCause(ctx,
// timeout, ErrTimeout) would be, without its cost: operations are as short as
// that, and the wire keeps one timer for all.
type within struct {
	context.Context
	deadline time.Time // zero for none
}

func newWithin(ctx context.Context, timeout time.Duration) within {
	return within{ctx, time.Now().Add(timeout)}
}

// over is why the operation must end, nil while it need not.
func (w within) over() error {
	if w.Context.Err() != nil {
		return context.Cause(w.Context)
	}
	if !w.deadline.IsZero() && !time.Now().Before(w.deadline) {
		return ErrTimeout
	}
	return nil
}

// context is the same as a real context, for those who need one.
func (w within) context() (context.Context, context.CancelFunc) {
	if w.deadline.IsZero() {
		return context.WithCancel(w.Context)
	}
	return context.WithDeadlineCause(w.Context, w.deadline, ErrTimeout)
}
