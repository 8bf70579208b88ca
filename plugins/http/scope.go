package http

import (
	"context"
	"errors"
	"time"

	"github.com/ispyd/ispyd/internal/request"
)

// ErrCanceledByOperator is the cause (see [context.Cause]) of a request's context
// that was cancelled by writing "cancel ID" to http/ctl.
var ErrCanceledByOperator = errors.New("cancelled by the operator")

// scope is the context of a request: its own, with the label, and it can be
// cancelled from outside. Most handlers never ask whether it is, so what that
// takes is made when it is asked for the first time.
type scope serving

// derived is the context that can be cancelled. It never changes once it is
// there, so that all who ask for Done get the same channel.
type derived struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// derive returns the context that can be cancelled, or nil where the request ended
// before anybody wanted one.
func (c *scope) derive() *derived {
	if d := c.derived.Load(); d != nil {
		return d
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.derived.Load()
	if d == nil && !c.ended {
		d = new(derived)
		d.ctx, d.cancel = context.WithCancelCause(c.ctx)
		c.derived.Store(d)
	}
	return d
}

// current returns the context that answers now.
func (c *scope) current() context.Context {
	if d := c.derived.Load(); d != nil {
		return d.ctx
	}
	return c.ctx
}

func (c *scope) Deadline() (time.Time, bool) { return c.ctx.Deadline() }

func (c *scope) Done() <-chan struct{} {
	if d := c.derive(); d != nil {
		return d.ctx.Done()
	}
	return c.ctx.Done()
}

func (c *scope) Err() error { return c.current().Err() }

func (c *scope) Value(key any) any {
	if request.IsKey(key) {
		return &c.req
	}
	if key == labelKey && key != nil {
		if l := c.labels.own(); l != nil {
			return l
		}
	}
	return c.current().Value(key)
}

// String keeps fmt from looking inside.
func (c *scope) String() string { return "http.Wrap" }
