package fs

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/ispyd/ispyd/nodes"
)

// request is one request in flight: one that is not answered from memory.
type request struct {
	c     *conn
	tag   uint16
	name  string        // of the file, for the text of errors
	own   bool          // the file is of package nodes
	limit time.Duration // how long it may take; 0 is without limit
	held  int64         // bytes taken from the server's budget
	using *opened       // kept open for it
	buf   *[]byte       // in which the reply is made

	since   time.Time
	cancel  context.CancelFunc // set when it is in flight
	taken   atomic.Bool        // somebody answers it
	flushes []uint16           // tags of the Tflushes that wait for the reply; guarded by conn.mu
}

// request makes a request for the file at a place.
func (c *conn) request(tag uint16, at *place) *request {
	r := &request{c: c, tag: tag, name: at.name, own: at.own}
	if !at.attr.Slow {
		r.limit = c.srv.lim.Operation
	}
	return r
}

// release lets go of what the request holds, when its work has ended.
func (r *request) release() {
	if r.cancel != nil {
		r.cancel()
	}
	r.c.srv.held.give(nil, r.held)
	if r.using != nil {
		r.using.done()
	}
	if r.buf != nil {
		putBuffer(r.buf)
	}
}

// begin has r worked on and answered. The context of work ends with the
// connection, with a Tflush, and when the request's time is over. reply makes a
// whole message of what work returned; what they need of the reader's state has
// been copied.
//
// Work is begun in the reader's goroutine. If it keeps that for long another
// becomes the reader (see watch), and for a while requests on this connection
// have goroutines from the beginning, as those on slow files always do. If work
// goes on when its context has ended it is left behind: the request is answered,
// and what work returns in the end goes to late.
//
// begin waits while there are too many requests in flight. Nothing is read from
// the client meanwhile, so it watches by itself whether the client is still there.
func begin[T any](r *request, work func(context.Context) (T, error), reply func(T, error) []byte, late func(T)) error {
	c := r.c
	ctx, err := c.launch(r)
	if err != nil {
		r.release()
		return err
	}
	var none T
	abandon := func() { r.abandon(func() []byte { return reply(none, r.ended(ctx)) }) }
	finish := func(v T, err error) {
		if r.taken.CompareAndSwap(false, true) {
			r.answer(func() []byte { return reply(v, err) })
			r.release()
			c.done()
			return
		}
		if late != nil && err == nil {
			nodes.Protect(func() error { late(v); return nil })
		}
		r.release()
		c.srv.foreign.end()
	}
	worked := ctx
	if r.limit > 0 {
		worked = nodes.Detached(ctx) // slow files can be left by themselves
	}
	switch {
	case c.srv.foreign.count() >= r.mayHang():
		finish(none, nodes.Errorf(nodes.ErrBusy, "%s: %d operations hang in the code behind their files", r.name, r.mayHang()))
	case r.limit == 0 || c.srv.now() < c.slow.Load():
		stop := context.AfterFunc(ctx, abandon)
		go func() {
			v, err := protect(func() (T, error) { return work(worked) })
			stop()
			finish(v, err)
		}()
	default:
		h := &keeping{handed: func() {
			c.slow.Store(c.srv.now() + int64(slowTime))
			context.AfterFunc(ctx, abandon)
		}}
		c.srv.watch.begin(c, h)
		v, err := protect(func() (T, error) { return work(worked) })
		lost := c.srv.watch.end(c, h)
		finish(v, err)
		if lost {
			return errHandedOn
		}
	}
	return nil
}

// slowTime is how long a connection on which a request has lasted gives each a
// goroutine of its own.
const slowTime = 100 * time.Millisecond

// mayHang is how many operations may have been left behind for r to be worked
// on. Files of package nodes are not refused because those of others hang.
func (r *request) mayHang() int {
	if r.own {
		return 2 * r.c.srv.lim.Detached
	}
	return r.c.srv.lim.Detached
}

// abandon answers a request whose context has ended while its work goes on.
func (r *request) abandon(reply func() []byte) {
	r.c.srv.foreign.start(noLimit)
	if !r.taken.CompareAndSwap(false, true) {
		r.c.srv.foreign.end()
		return
	}
	r.answer(reply)
	r.c.done()
}

// ended is the error of a request whose context has ended.
func (r *request) ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nodes.Errorf(nodes.ErrTimeout, "%s: no answer yet after %s", r.name, time.Since(r.since).Round(time.Millisecond))
	}
	return ctx.Err()
}

// launch waits for a place among the requests in flight.
func (c *conn) launch(r *request) (ctx context.Context, err error) {
	c.mu.Lock()
	for c.inflight >= c.srv.lim.Inflight {
		c.mu.Unlock()
		if err := c.awaitFree(); err != nil {
			return nil, err
		}
		c.mu.Lock()
	}
	defer c.mu.Unlock()
	if _, taken := c.tags[r.tag]; taken {
		return nil, errTagTaken
	}
	r.since = time.Now()
	if r.limit > 0 {
		ctx, r.cancel = context.WithDeadline(c.ctx, r.since.Add(r.limit))
	} else {
		ctx, r.cancel = context.WithCancel(c.ctx)
	}
	c.tags[r.tag] = r
	c.inflight++
	c.live.Add(1)
	return ctx, nil
}

const errTagTaken = violation("a tag was used again before its reply")

// patience is how long there must be too many requests in flight before the
// watch for a vanished client begins: it costs a goroutine, and mostly the next
// request is answered at once.
const patience = 20 * time.Millisecond

// awaitFree waits until a request has been answered.
func (c *conn) awaitFree() error {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-c.freed:
		return nil
	case <-c.ctx.Done():
		return c.ctx.Err()
	case <-t.C:
	}
	gone, stop := watchHangup(c.nc)
	defer stop()
	select {
	case <-c.freed:
		return nil
	case <-c.ctx.Done():
		return c.ctx.Err()
	case <-gone:
		return io.EOF
	}
}

// answer sends the reply to r, and the replies to the Tflushes that wait for it.
func (r *request) answer(make func() []byte) {
	c := r.c
	defer func() {
		if v := recover(); v != nil {
			c.srv.log.panicked("request", v)
			c.end(nil)
		}
	}()
	reply := make()
	err := r.send(reply)
	if err != nil {
		c.end(err)
	}
	c.mu.Lock()
	c.inflight--
	c.mu.Unlock()
	select {
	case c.freed <- struct{}{}:
	default:
	}
}

func (r *request) send(reply []byte) error {
	c := r.c
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	// The tag is free before the reply is written: the client may use it as
	// soon as it has read that. A Tflush that comes now finds nothing to
	// flush, and its reply waits for out.mu: it comes after this one.
	c.mu.Lock()
	delete(c.tags, r.tag)
	for _, t := range r.flushes {
		delete(c.tags, t)
		reply = endFrame(appendFrame(reply, msgTflush+1, t), len(reply))
	}
	c.mu.Unlock()
	return c.write(reply)
}

// maxFlushes is the number of Tflushes that may wait for one request.
const maxFlushes = 64

// flush cancels the request that a Tflush names. The Rflush follows the reply
// to that request, which must still come: until then its tag is not free.
func (c *conn) flush(f frame) error {
	old := le.Uint16(f.body())
	c.mu.Lock()
	if _, taken := c.tags[f.tag()]; taken {
		c.mu.Unlock()
		return errTagTaken
	}
	r, ok := c.tags[old]
	if !ok {
		c.mu.Unlock()
		return c.reply(endFrame(appendFrame(c.small(), msgTflush+1, f.tag()), 0))
	}
	defer c.mu.Unlock()
	if len(r.flushes) == maxFlushes {
		return violation("too many Tflushes of one request")
	}
	r.flushes = append(r.flushes, f.tag())
	c.tags[f.tag()] = r
	r.cancel()
	return nil
}
