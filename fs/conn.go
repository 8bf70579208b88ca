package fs

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ispyd/ispyd/nodes"
)

// conn is one connection.
//
// One goroutine, the reader, takes one request after the other. What can be
// answered from memory it answers on the spot. All else it begins on the spot,
// too, but if that takes long another goroutine becomes the reader: no request
// holds up another, and the many that are quick cost no change of goroutines.
// An idle connection is one goroutine and a small buffer. A client that does
// not read its replies stops its own requests from being read.
type conn struct {
	srv  *Server
	nc   net.Conn
	peer nodes.Peer
	// local says that it is the kernel that tells who the peer is.
	local bool

	ctx    context.Context // ends with the connection; tells the peer
	cancel context.CancelFunc
	ended  atomic.Bool

	msize uint32 // as agreed on; 0 before
	in    input
	out   output

	// active is when the last reply was sent, in nanoseconds of the server's
	// clock.
	active atomic.Int64

	mu       sync.Mutex
	tags     map[uint16]*request // of requests and Tflushes that are not answered yet
	inflight int                 // requests, other than those answered on the spot
	fids     map[uint32]*fid
	nopen    int // fids that are open, or being opened

	// freed gets a value when a request has been answered; the reader waits
	// for it when there are too many.
	freed   chan struct{}
	workers sync.WaitGroup // the readers and the requests in flight
}

func newConn(s *Server, nc net.Conn, peer nodes.Peer, local bool) *conn {
	c := &conn{
		srv:   s,
		nc:    nc,
		peer:  peer,
		local: local,
		tags:  make(map[uint16]*request),
		fids:  make(map[uint32]*fid),
		freed: make(chan struct{}, 1),
	}
	c.ctx, c.cancel = context.WithCancel(nodes.WithPeer(s.ctx, peer))
	c.active.Store(s.now())
	return c
}

// serve returns when the connection has ended and nothing of it runs any more.
func (c *conn) serve() {
	c.workers.Add(1)
	c.reader((*conn).handshake)
	c.workers.Wait()
	for _, f := range c.fids {
		f.close()
	}
}

// errHandedOn ends a reader in whose place another reads.
var errHandedOn = errors.New("another goroutine reads on")

// reader handles requests until the connection ends. A panic, which would be a
// fault of ours, ends the connection and not the program.
func (c *conn) reader(first func(*conn) error) {
	defer c.workers.Done()
	defer func() {
		if v := recover(); v != nil {
			c.srv.log.panicked("connection", v)
			c.end(nil)
		}
	}()
	err := first(c)
	for err == nil {
		var f frame
		if f, err = c.readFrame(); err == nil {
			err = c.dispatch(f)
		}
	}
	if err != errHandedOn {
		c.end(err)
	}
}

// readOn is for a reader that takes over from another.
func (c *conn) readOn() error { return nil }

// violation is what a client does that no client may do. It ends the
// connection.
type violation string

func (v violation) Error() string { return string(v) }

// end ends the connection: all that is in flight is cancelled. The first cause
// is logged if it is the client's fault.
func (c *conn) end(cause error) {
	if !c.ended.CompareAndSwap(false, true) {
		return
	}
	c.nc.Close() // first, so that nothing is answered that this cancels
	c.cancel()
	var v violation
	switch {
	case errors.As(cause, &v):
		c.srv.log.connection(c, "closed: "+cause.Error(), "violation")
	case errors.Is(cause, os.ErrDeadlineExceeded):
		c.srv.log.connection(c, "closed: "+c.lateness(), "late")
	}
}

// lateness says which deadline the client missed.
func (c *conn) lateness() string {
	switch {
	case c.out.late.Load():
		return "replies were not read within " + c.srv.lim.Write.String()
	case c.msize == 0:
		return "no version was agreed on within " + c.srv.lim.Handshake.String()
	}
	return "half a message came, and not the rest within " + c.srv.lim.Frame.String()
}

// idle tells for how long the connection has had nothing to do, and whether it
// could give way to another.
func (c *conn) idle() (time.Duration, bool) {
	c.mu.Lock()
	busy := c.nopen > 0 || c.inflight > 0
	c.mu.Unlock()
	return time.Duration(c.srv.now() - c.active.Load()), !busy
}

// request is one request that is answered by a goroutine of its own.
type request struct {
	c     *conn
	tag   uint16
	limit time.Duration // how long it may take; 0 is without limit
	held  int64         // bytes taken from the server's budget
	using *opened       // kept open for it
	buf   *[]byte       // in which the reply is made

	cancel  context.CancelFunc // set when it is in flight
	flushes []uint16           // tags of the Tflushes that wait for the reply; guarded by conn.mu
}

func (c *conn) request(tag uint16, limit time.Duration) *request {
	return &request{c: c, tag: tag, limit: limit}
}

// release lets go of what the request holds.
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

// maxFlushes is the number of Tflushes that may wait for one request.
const maxFlushes = 64

// handTime is how long a request may keep the reader to itself.
const handTime = 100 * time.Microsecond

// begin runs f. Its context ends with the connection, with a Tflush, and when
// the request's time is over. f returns the reply, a whole message. What f needs
// of the reader's state it must have copied.
//
// begin waits while there are too many requests in flight. Nothing is read from
// the client meanwhile, so it watches by itself whether the client is still there.
func (c *conn) begin(r *request, f func(context.Context) []byte) error {
	ctx, err := c.launch(r)
	if err != nil {
		r.release()
		return err
	}
	if r.limit == 0 { // a slow file
		go func() {
			defer c.workers.Done()
			defer func() {
				if v := recover(); v != nil {
					c.srv.log.panicked("request", v)
					c.end(nil)
				}
			}()
			defer r.release()
			r.answer(f(ctx))
		}()
		return nil
	}
	defer c.workers.Done()
	defer r.release()
	var decided atomic.Bool
	c.workers.Add(1) // for the reader that may take over
	t := time.AfterFunc(handTime, func() {
		if decided.CompareAndSwap(false, true) {
			c.reader((*conn).readOn)
		}
	})
	reply := f(ctx)
	if !decided.CompareAndSwap(false, true) {
		r.answer(reply)
		return errHandedOn
	}
	t.Stop()
	c.workers.Done()
	r.answer(reply)
	return nil
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
	if r.limit > 0 {
		ctx, r.cancel = context.WithTimeout(c.ctx, r.limit)
	} else {
		ctx, r.cancel = context.WithCancel(c.ctx)
	}
	c.tags[r.tag] = r
	c.inflight++
	c.workers.Add(1)
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
func (r *request) answer(reply []byte) {
	c := r.c
	c.out.mu.Lock()
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
	err := c.write(reply)
	c.out.mu.Unlock()
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
