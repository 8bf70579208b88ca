package fs

import (
	"context"
	"errors"
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

	msize uint32                  // as agreed on; 0 before
	kept  atomic.Pointer[keeping] // by the request that the reader works on
	slow  atomic.Int64            // until when, by the server's clock, requests have goroutines
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
	freed chan struct{}
	live  atomic.Int64 // the reader, and the requests in flight
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

// done is called when the reader has ended, or a request. After the last nothing
// of the connection runs any more, except what has been left behind.
func (c *conn) done() {
	if c.live.Add(-1) > 0 {
		return
	}
	for _, f := range c.fids {
		f.close()
	}
	c.srv.forget(c)
}

// errHandedOn ends a reader in whose place another reads.
var errHandedOn = errors.New("another goroutine reads on")

// reader handles requests until the connection ends, or another goroutine has
// become the reader.
func (c *conn) reader(first func(*conn) error) {
	if err := c.read(first); err != errHandedOn {
		c.end(err)
		c.done()
	}
}

// read makes of a panic, which would be a fault of ours, the end of the
// connection and not of the program.
func (c *conn) read(first func(*conn) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			c.srv.log.panicked("connection", v)
			err = nil
		}
	}()
	err = first(c)
	for err == nil {
		var f frame
		if f, err = c.readFrame(); err == nil {
			err = c.dispatch(f)
		}
	}
	return err
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
