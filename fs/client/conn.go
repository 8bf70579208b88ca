package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hugelgupf/p9/linux"

	"github.com/ispyd/ispyd/internal/procstate"
	"github.com/ispyd/ispyd/internal/rendezvous"
)

// Conn is a server's tree. Its methods are called by any number of goroutines
// at once.
//
// Beneath it is one shared connection, made anew when the server has been
// frozen for a while, and one more for each slow file that is open.
type Conn struct {
	addr string
	unix bool
	opts Options
	peer Peer

	silent atomic.Bool // the server has no list of errors

	ctx  context.Context // ends with the Conn
	stop context.CancelFunc
	work sync.WaitGroup // goroutines of the Conn

	mu     sync.Mutex
	shared *session
	ready  chan struct{}         // while shared is nil: closed when that changes
	own    map[*session]struct{} // the connections of slow files
	cause  error                 // why the Conn ended
	done   chan struct{}
}

// Dial connects to the server at addr: the absolute path of a unix socket, or
// host:port. The error says what is the matter with it: errors.Is knows
// syscall.ECONNREFUSED (nobody listens), fs.ErrNotExist, fs.ErrPermission
// (refused, or somebody else's) and [ErrTimeout].
func Dial(ctx context.Context, addr string, opts Options) (*Conn, error) {
	opts = opts.withDefaults()
	ctx, cancel := context.WithTimeoutCause(ctx, opts.Timeout, ErrTimeout)
	defer cancel()
	nc, peer, err := connect(ctx, addr, opts)
	if err != nil {
		return nil, wrap("dial", addr, err)
	}
	s, err := startSession(ctx, nc, peer, opts)
	if err != nil {
		return nil, explainSilence(wrap("dial", addr, err), peer, opts)
	}
	c := &Conn{addr: addr, opts: opts, peer: peer, shared: s, own: make(map[*session]struct{}), done: make(chan struct{})}
	network, _ := rendezvous.Network(addr)
	c.unix = network == "unix"
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.work.Go(func() { c.attend(s) })
	return c, nil
}

// Addr is the address that was dialled.
func (c *Conn) Addr() string { return c.addr }

// Peer tells who the server is.
func (c *Conn) Peer() Peer { return c.peer }

// Done is closed when the server has gone, or the Conn is closed: every
// operation fails from then on. A server that is merely frozen has not gone.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err is why Done is closed, nil while it is not.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == nil {
		return nil
	}
	return wrap("dial", c.addr, c.cause)
}

// Close hangs up. Operations that are under way fail.
func (c *Conn) Close() error {
	c.finish(newError(syscall.EBADF, "the connection is closed"))
	c.work.Wait()
	c.mu.Lock()
	own := slices.Collect(maps.Keys(c.own))
	c.mu.Unlock()
	for _, s := range own {
		s.wire.wait()
	}
	return nil
}

// finish ends the Conn. Only the first cause counts.
func (c *Conn) finish(cause error) {
	c.mu.Lock()
	if c.cause != nil {
		c.mu.Unlock()
		return
	}
	c.cause = cause
	shared, ready := c.shared, c.ready
	c.shared, c.ready = nil, nil
	own := slices.Collect(maps.Keys(c.own))
	close(c.done)
	c.mu.Unlock()
	c.stop()
	if ready != nil {
		close(ready)
	}
	if shared != nil {
		shared.wire.Close()
	}
	for _, s := range own {
		s.wire.Close()
	}
}

// attend stays with the shared connection until it ends, and then sees to
// another one, or to the end of the Conn.
func (c *Conn) attend(s *session) {
	for s != nil {
		<-s.wire.ended
		cause := s.wire.err()
		s.close()
		alive := c.detach(s)
		close(s.detached)
		if !alive {
			return
		}
		if c.over(cause) {
			c.finish(lost(cause))
			return
		}
		s = c.reconnect()
	}
}

// detach takes the ended connection off, false where the Conn has ended.
func (c *Conn) detach(s *session) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return false
	}
	c.shared, c.ready = nil, make(chan struct{})
	return true
}

// over says whether a connection's end is that of the server. A frozen server
// may thaw. One that hangs up on a unix socket may have done so to make room
// for others; whether it lives shows when it is called again.
func (c *Conn) over(cause error) bool {
	var e *Error
	if errors.Is(cause, errSilent) {
		return false
	}
	return errors.As(cause, &e) || !c.unix || c.peer.PID <= 0
}

// Between attempts to reach a server that does not answer.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
)

// reconnect makes the shared connection anew, however long the server stays
// frozen. It returns nil when the Conn has ended, or the server has gone.
func (c *Conn) reconnect() *session {
	for pause := time.Duration(0); ; pause = min(max(2*pause, firstPause), lastPause) {
		if pause > 0 {
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-c.ctx.Done():
				timer.Stop()
				return nil
			}
		}
		nc, peer, err := connect(c.ctx, c.addr, c.opts)
		switch {
		case errors.Is(err, ErrTimeout):
			continue // its queue is full, or the network's time ran out
		case err != nil:
			c.finish(ErrHungUp)
			return nil
		case peer != c.peer:
			nc.Close()
			c.finish(newError(syscall.ECONNRESET, "the server has gone, another one listens in its place"))
			return nil
		}
		// A frozen server's kernel takes the connection, so this waits for it
		// to thaw or to die.
		s, err := startSession(c.ctx, nc, peer, c.opts)
		if err != nil {
			continue
		}
		c.mu.Lock()
		if c.cause != nil {
			c.mu.Unlock()
			s.close()
			return nil
		}
		c.shared = s
		ready := c.ready
		c.ready = nil
		c.mu.Unlock()
		close(ready)
		return s
	}
}

// session returns the shared connection. While the server is frozen it waits
// for a little only: whoever reads a whole tree would else wait for each file.
func (c *Conn) session(op within) (*session, error) {
	for patience := (<-chan time.Time)(nil); ; {
		c.mu.Lock()
		s, wait, cause := c.shared, c.ready, c.cause
		c.mu.Unlock()
		switch {
		case cause != nil:
			return nil, cause
		case s != nil && s.wire.err() == nil:
			return s, nil
		case s != nil: // just ended
			wait = s.detached
		}
		if patience == nil {
			timer := time.NewTimer(min(c.opts.Timeout/10, time.Until(op.deadline)))
			defer timer.Stop()
			patience = timer.C
		}
		select {
		case <-wait:
		case <-patience:
			return nil, newError(syscall.ETIMEDOUT, "timed out: the server has stopped answering")
		case <-op.Done():
			return nil, context.Cause(op.Context)
		}
	}
}

// ownSession makes a connection for one slow file.
func (c *Conn) ownSession(op within) (*session, error) {
	ctx, cancel := op.context()
	defer cancel()
	nc, peer, err := connect(ctx, c.addr, c.opts)
	if err != nil {
		return nil, err
	}
	if c.unix && peer != c.peer {
		nc.Close()
		return nil, ErrHungUp
	}
	s, err := startSession(ctx, nc, peer, c.opts)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		go s.close()
		return nil, c.cause
	}
	c.own[s] = struct{}{}
	return s, nil
}

// disown hangs up on a slow file.
func (c *Conn) disown(s *session) {
	c.mu.Lock()
	delete(c.own, s)
	c.mu.Unlock()
	s.close()
}

// with runs an operation on the shared connection, within the time-out. One
// that changes nothing is tried once more where the connection broke under it.
func (c *Conn) with(ctx context.Context, op, path string, again bool, f func(within, *session) error) error {
	w := newWithin(ctx, c.opts.Timeout)
	for {
		s, err := c.session(w)
		if err == nil {
			err = f(w, s)
		}
		if again && errors.Is(err, errLost) && w.over() == nil {
			again = false
			continue
		}
		if err != nil {
			return c.fail(op, path, err)
		}
		return nil
	}
}

// fail makes err the failure of op on path.
func (c *Conn) fail(op, path string, err error) error {
	if errors.Is(err, errLost) {
		// Why it broke matters less than why it cannot be made anew.
		c.mu.Lock()
		if c.cause != nil {
			err = c.cause
		}
		c.mu.Unlock()
	}
	e := wrap(op, path, err)
	if _, remote := errors.AsType[linux.Errno](err); remote {
		return e
	}
	return explainSilence(e, c.peer, c.opts)
}

// explainSilence says how long we waited, or better, what the kernel knows of
// a server that does not answer. e is the caller's own.
func explainSilence(e *Error, peer Peer, opts Options) *Error {
	if e.Errno != syscall.ETIMEDOUT {
		return e
	}
	if s, ok := procstate.System.Read(peer.PID); ok && s.String() != "running" {
		e.Text = fmt.Sprintf("timed out: %d is %s", peer.PID, s)
	} else if e.Text == ErrTimeout.Error() {
		e.Text = fmt.Sprintf("timed out: no answer within %v", opts.Timeout)
	}
	return e
}
