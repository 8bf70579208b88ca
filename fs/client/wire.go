package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// wire stands between a p9.Client and its connection. It makes up for what
// p9.Client lacks, and keeps from it what it cannot bear:
//
//   - A Write that fails makes p9.Client put a response that is still pending
//     into a pool of the whole process; other, healthy connections then hang.
//     So Write never fails: it ends the connection, and p9.Client learns of
//     that from its reader.
//   - p9.Client has no way to call a request off. [wire.begin] and
//     [wire.cancel] do, by Tflush.
//   - It ignores the message size that the server grants.
//   - It panics, and fails its other requests, on replies that do not fit.
//     Only such replies get through as were asked for.
//
// p9.Client reads from the connection only while a request is pending. When
// there has been none for a moment a goroutine takes over, so that it is known at
// once when the server hangs up.
type wire struct {
	nc      net.Conn
	br      *bufio.Reader
	msize   uint32        // the size of the largest message, as asked for
	timeout time.Duration // the most that one message may take, either way
	ended   chan struct{} // closed with the connection

	slots chan struct{} // one for each request in flight
	turn  chan struct{} // held by who sends the next request

	// Only for who sends: turn, and p9.Client's own lock, are held.
	cur   *request // what the next message is
	out   []byte   // the message so far; p9.Client writes it in pieces
	plain bool     // propose 9P2000.L without p9's extensions

	wmu      sync.Mutex // guards writing to nc
	deadline time.Time  // the write deadline that is set

	rmu      sync.Mutex // held by who reads from br: p9.Client or watchIdle
	injected []byte     // what p9.Client gets to read first
	rest     int        // of the message that it is reading
	partial  bool       // a read deadline is set

	mu       sync.Mutex
	reqs     map[uint16]*request // unanswered, by wtag
	flushes  map[uint16]*request // by the Tflush's tag
	stale    map[uint16]*request // dropped ones, by wtag
	tainted  map[uint32]bool     // fids of dropped requests
	lastTag  uint16
	received uint64 // messages so far
	granted  uint32 // the message size that the server granted
	unknown  bool   // the server does not know the version proposed
	cause    error  // why the connection ended

	timer   *time.Timer // calls off what is late
	watched time.Time   // when the timer will, zero while it is not set

	idleAfter time.Duration
	watchers  sync.WaitGroup
	idleTimer *time.Timer
	alert     bool   // idleTimer runs, or watchIdle
	requests  uint64 // so far
	seen      uint64 // of requests, by lull
}

// request is one request in flight.
type request struct {
	tag   uint16 // p9.Client's
	wtag  uint16 // the server's: see nextTag
	typ   byte
	count uint32 // the most that the reply may carry: bytes, or names walked
	fid   uint32 // what it is about; of a walk, the new one
	sent  bool
	done  bool

	deadline time.Time // when it is to be called off, zero for never
	called   error     // why it was called off: a Tflush has been sent, or will be
	held     []byte    // the reply, while the Rflush is awaited
	dropped  bool      // it ended with the Rflush alone
	tainted  bool      // a Tclunk of a fid of such a one
}

const (
	// maxInflight is the number of requests that one connection has
	// unanswered, well below what servers bound: a Tflush must get through.
	maxInflight = 32
	// readBuffer holds whole messages up to that size.
	readBuffer = 4 << 10
	// maxStale is the number of late replies that a server may owe us.
	maxStale = 1 << 10
)

func newWire(nc net.Conn, opts Options) *wire {
	w := &wire{
		nc: nc, br: bufio.NewReaderSize(nc, readBuffer), msize: opts.Msize, timeout: opts.Timeout, idleAfter: opts.idleAfter,
		ended: make(chan struct{}), slots: make(chan struct{}, maxInflight), turn: make(chan struct{}, 1),
		reqs: make(map[uint16]*request), flushes: make(map[uint16]*request), stale: make(map[uint16]*request), tainted: make(map[uint32]bool),
	}
	return w
}

// begin announces the one request that the caller will have p9.Client send
// now. end must follow, whatever happens. The request is called off by itself
// when its time is over.
func (w *wire) begin(op within) (*request, error) {
	if err := w.acquire(op, w.slots); err != nil {
		return nil, err
	}
	if err := w.acquire(op, w.turn); err != nil {
		<-w.slots
		return nil, err
	}
	w.cur = &request{deadline: op.deadline}
	return w.cur, nil
}

// acquire puts itself into the semaphore. The error is op's, or why the
// connection ended.
func (w *wire) acquire(op within, semaphore chan struct{}) error {
	select {
	case semaphore <- struct{}{}:
		return nil
	default:
	}
	ctx, cancel := op.context()
	defer cancel()
	select {
	case semaphore <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-w.ended:
		return lost(w.err())
	}
}

// end follows begin when p9.Client has returned.
func (w *wire) end(r *request) {
	w.mu.Lock()
	r.done = true
	sent := r.sent
	w.idle()
	w.mu.Unlock()
	if !sent { // p9.Client refused it
		w.cur = nil
		<-w.turn
	}
	<-w.slots
}

// Write takes the pieces of a message from p9.Client and sends it when it is
// whole. It never fails: see [wire].
func (w *wire) Write(p []byte) (int, error) {
	w.out = append(w.out, p...)
	if len(w.out) < headerSize || uint32(len(w.out)) < le.Uint32(w.out) {
		return len(p), nil
	}
	r := w.cur
	w.cur = nil
	if r != nil {
		// Let the next one begin when this message is on its way.
		defer func() { <-w.turn }()
	} else {
		r = &request{} // the handshake's
	}
	if w.plain && w.out[4] == msgTversion {
		const version = "9P2000.L"
		w.out = append(w.out[:headerSize+4], byte(len(version)), 0)
		w.out = append(w.out, version...)
		le.PutUint32(w.out, uint32(len(w.out)))
	}
	flush := w.register(r, w.out) // gives it another tag
	w.send(w.out)
	if flush != nil {
		w.send(flush)
	}
	w.out = w.out[:0]
	if cap(w.out) > 64<<10 {
		w.out = nil
	}
	return len(p), nil
}

// register notes what reply the message f asks for. It returns the Tflush that
// must follow where the request has been called off already.
func (w *wire) register(r *request, f []byte) (flush []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r.sent = true
	r.typ, r.tag = f[4], le.Uint16(f[5:])
	if len(f) >= headerSize+4 {
		r.fid = le.Uint32(f[headerSize:])
	}
	switch {
	case r.typ == msgTclunk && w.tainted[r.fid]:
		delete(w.tainted, r.fid)
		r.tainted = true
	case (r.typ == msgTread || r.typ == msgTreaddir || r.typ == msgTwrite) && len(f) >= 23:
		r.count = le.Uint32(f[19:]) // fid[4] offset[8] count[4]
	case (r.typ == msgTwalk || r.typ == msgTwalkgetattr) && len(f) >= 17:
		r.fid, r.count = le.Uint32(f[11:]), uint32(le.Uint16(f[15:])) // fid[4] newfid[4] nwname[2]
	}
	r.wtag = w.nextTag(r.typ)
	le.PutUint16(f[5:], r.wtag)
	w.reqs[r.wtag] = r
	w.watch(r.deadline)
	if r.called != nil {
		return w.flush(r)
	}
	return nil
}

// nextTag is the tag for a message to the server. p9.Client uses its tags again
// at once; these come again only after all others have: see drop. w.mu is held.
func (w *wire) nextTag(typ byte) uint16 {
	const noTag = 0xffff
	if typ == msgTversion {
		return noTag
	}
	for {
		w.lastTag = (w.lastTag + 1) % noTag
		if w.reqs[w.lastTag] == nil && w.flushes[w.lastTag] == nil && w.stale[w.lastTag] == nil {
			return w.lastTag
		}
	}
}

// flush makes the Tflush of r. w.mu is held.
func (w *wire) flush(r *request) []byte {
	tag := w.nextTag(msgTflush)
	w.flushes[tag] = r
	return flushFrame(tag, r.wtag)
}

// send writes one message. The deadline is set anew when half of it has
// passed, not for each message: that costs.
func (w *wire) send(f []byte) {
	w.wmu.Lock()
	defer w.wmu.Unlock()
	if now := time.Now(); w.deadline.Sub(now) < w.timeout/2 {
		w.deadline = now.Add(w.timeout)
		w.nc.SetWriteDeadline(w.deadline)
	}
	if _, err := w.nc.Write(f); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = errSilent
		}
		w.kill(err)
	}
}

// errSilent is why a connection ended whose server does not answer.
var errSilent = errors.New("no answer")

// grace is how long a server may take to answer a Tflush: a fifth of the
// time-out, 1 s at most unless that is very long.
func (w *wire) grace() time.Duration {
	return min(max(w.timeout/5, 50*time.Millisecond), max(w.timeout/20, time.Second))
}

// maxGraces bounds how often a server that goes on answering others is given
// the grace once more.
const maxGraces = 5

// cancel calls the request off. p9.Client gets an error for it when the server
// has answered the Tflush; if that takes too long the connection ends.
func (w *wire) cancel(r *request, why error) {
	w.mu.Lock()
	if r.done || r.called != nil || w.cause != nil {
		w.mu.Unlock()
		return
	}
	var flush []byte
	switch {
	case !r.sent: // register sees to it
		r.called = why
	case w.reqs[r.wtag] == r:
		r.called = why
		flush = w.flush(r)
	default:
		// The reply is being read. Its tag may soon be another request's, so
		// it is too late for a Tflush, but not for patience to end.
	}
	received := w.received
	w.mu.Unlock()

	var last func(int)
	last = func(graces int) {
		time.AfterFunc(w.grace(), func() {
			w.mu.Lock()
			settled, heard := r.done || w.cause != nil, w.received != received
			received = w.received
			w.mu.Unlock()
			switch {
			case settled:
			case heard && graces < maxGraces:
				last(graces + 1)
			default:
				w.kill(errSilent)
			}
		})
	}
	last(1)
	if flush != nil {
		w.send(flush) // may wait for a frozen server, but not for longer than the grace
	}
}

// outcome is what p9.Client's result err of the request means: why it was called
// off, if it was and has no result, else err.
func (w *wire) outcome(r *request, err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.called != nil && (r.dropped || err != nil && err != io.EOF) {
		return r.called
	}
	return err
}

// watch sees to it that requests are called off at the deadline. w.mu is held.
// Mostly the timer is set already, for an earlier request.
func (w *wire) watch(deadline time.Time) {
	switch {
	case deadline.IsZero() || !w.watched.IsZero() && !deadline.Before(w.watched):
		return
	case w.timer == nil:
		w.timer = time.AfterFunc(time.Until(deadline), w.expire)
	default:
		w.timer.Reset(time.Until(deadline))
	}
	w.watched = deadline
}

// expire calls off the requests whose time is over.
func (w *wire) expire() {
	w.mu.Lock()
	if w.cause != nil {
		w.mu.Unlock()
		return
	}
	w.watched = time.Time{}
	now := time.Now()
	var late []*request
	var next time.Time
	for _, r := range w.reqs {
		switch {
		case r.deadline.IsZero() || r.called != nil:
		case !now.Before(r.deadline):
			late = append(late, r)
		case next.IsZero() || r.deadline.Before(next):
			next = r.deadline
		}
	}
	w.watch(next)
	w.mu.Unlock()
	for _, r := range late {
		go w.cancel(r, ErrTimeout)
	}
}

// kill ends the connection. Only the first cause counts.
func (w *wire) kill(cause error) {
	w.mu.Lock()
	if w.cause != nil {
		w.mu.Unlock()
		return
	}
	w.cause = cause
	for _, t := range []*time.Timer{w.timer, w.idleTimer} {
		if t != nil {
			t.Stop()
		}
	}
	close(w.ended)
	w.mu.Unlock()
	w.nc.Close()
}

// err is why the connection ended, nil while it lives.
func (w *wire) err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cause
}

// Close ends the connection.
func (w *wire) Close() error {
	w.kill(net.ErrClosed)
	return nil
}

// wait waits for what Close has ended.
func (w *wire) wait() { w.watchers.Wait() }

func protocolError(format string, args ...any) error {
	e := *ErrProtocol.(*Error)
	e.Text += ": " + fmt.Sprintf(format, args...)
	return &e
}
