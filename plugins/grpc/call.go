package grpc

import (
	"cmp"
	"context"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/internal/request"
)

// call is a call, and its context: gRPC asks for the context before it says that
// the call begins, and does not always say that.
type call struct {
	context.Context // once it has begun one that can be cancelled, with the label

	req     request.Request
	family  *family
	outer   context.Context
	method  string
	start   time.Time
	kind    string // unary, client stream, server stream or both
	cause   uint64 // the request that caused it, 0 for none
	callers [32]uintptr
	cancel  context.CancelCauseFunc

	header           atomic.Pointer[header]
	in, out          traffic
	killed, panicked atomic.Bool
	handled          atomic.Pointer[error] // what outer.Err was when the handler was done: the answer ends outer
	transport        atomic.Pointer[finisher]
}

// finisher is what gRPC's own stream of a server can do.
type finisher interface {
	WriteStatus(*status.Status) error
}

// header is what the header of a call tells: of an incoming one as it came, of an
// outgoing one as it went.
type header struct {
	peer, local string
	authority   string
	compression string
	metadata    metadata.MD
}

// traffic counts messages.
type traffic struct{ messages, bytes, last atomic.Int64 }

func (t *traffic) add(bytes int, at time.Time) {
	t.messages.Add(1)
	t.bytes.Add(int64(bytes))
	t.last.Store(at.UnixNano())
}

// at returns the time of the last message, zero for none.
func (t *traffic) at() any {
	if n := t.last.Load(); n != 0 {
		return time.Unix(0, n)
	}
	return ""
}

func (c *call) Value(key any) any {
	if key == c.family {
		return c
	}
	return c.Context.Value(key)
}

// String keeps fmt from looking inside.
func (c *call) String() string { return "grpc." + c.method }

// begin is called on the goroutine that serves an incoming call, or that makes an
// outgoing one, before anything else uses the context.
func (c *call) begin(b *stats.Begin) {
	c.start = b.BeginTime
	c.kind = kinds[b.IsClientStream][b.IsServerStream]
	c.Context, c.cancel = context.WithCancelCause(c.outer)
	c.req.Start(c.family.Kind, c)
	if !b.Client {
		c.Context = pprof.WithLabels(c.req.Context(c.Context), pprof.Labels(request.Label, strconv.FormatUint(c.req.ID(), 10)))
		pprof.SetGoroutineLabels(c.Context)
	}
}

var kinds = map[bool]map[bool]string{
	false: {false: "unary", true: "server stream"},
	true:  {false: "client stream", true: "bidirectional stream"},
}

// end is called on the goroutine of begin, where the call is an incoming one, also
// while a panic passes.
func (c *call) end(s *stats.End) {
	if c.cancel == nil {
		return
	}
	if !s.Client {
		pprof.SetGoroutineLabels(c.outer)
	}
	e := c.entry()
	c.req.Done()
	c.cancel(context.Canceled)
	e.took = s.EndTime.Sub(c.start)
	code := status.Code(s.Error)
	if s.Error == nil && c.panicked.Load() {
		code = codes.Unknown // no client will be told
	}
	e.code = code.String()
	if s.Error != nil {
		e.err = status.Convert(s.Error).Message()
	}
	c.family.ended(&e, code)
}

// entry is the call as it is now.
func (c *call) entry() entry {
	e := entry{
		id: c.req.ID(), start: c.start, took: time.Since(c.start), method: c.method, kind: c.kind, cause: c.cause,
		messagesIn: c.in.messages.Load(), messagesOut: c.out.messages.Load(),
		bytesIn: c.in.bytes.Load(), bytesOut: c.out.bytes.Load(),
	}
	if h := c.header.Load(); h != nil {
		e.peer = h.peer
	}
	err := c.outer.Err()
	if h := c.handled.Load(); h != nil {
		err = *h
	}
	switch {
	case c.panicked.Load():
		e.state = "panic"
	case c.killed.Load():
		e.state = "cancelled by operator"
	case err == context.DeadlineExceeded:
		e.state = "deadline exceeded"
	case err != nil && c.family == incoming:
		e.state = "client gone"
	case err != nil:
		e.state = "cancelled"
	}
	return e
}

// Cause implements inflight.Caller.
func (c *call) Cause() uint64 { return c.cause }

// Call implements inflight.Caller.
func (c *call) Call(*redact.Redactor) (inflight.Call, bool) {
	e := c.entry()
	e.bound()
	dir := "grpc/calls/"
	if c.family == outgoing {
		dir = "grpc/outgoing/calls/"
	}
	return inflight.Call{
		File: dir + strconv.FormatUint(e.id, 10),
		Age:  e.took, State: cmp.Or(e.state, e.kind), What: e.method,
	}, true
}

// left returns the time until the deadline, negative after it.
func (c *call) left() (time.Duration, bool) {
	d, ok := c.outer.Deadline()
	return time.Until(d), ok
}

// security says how the connection is secured.
func (c *call) security() string {
	p, ok := peer.FromContext(c.outer)
	if !ok || p.AuthInfo == nil {
		return ""
	}
	return p.AuthInfo.AuthType()
}

// kill cancels the call for the operator; false where that has been done before.
func (c *call) kill() bool {
	if c.killed.Swap(true) {
		return false
	}
	c.cancel(ErrCanceledByOperator)
	if t := c.transport.Load(); t != nil {
		// It does nothing where the handler has answered. Behind net/http it
		// may wait for a client that does not read.
		go func() { _ = (*t).WriteStatus(operatorError{}.GRPCStatus()) }()
	}
	return true
}

// entry is what the tables show of one call, running or ended.
type entry struct {
	id                      uint64
	start                   time.Time
	took                    time.Duration // so far, where it runs
	left                    string        // until the deadline, where it runs
	method, kind, peer      string
	messagesIn, messagesOut int64
	bytesIn, bytesOut       int64
	code                    string // "" where it runs
	state, err              string
	cause                   uint64
}

// maxKept is how many bytes are kept of a string that a peer chose, once its call
// has ended.
const maxKept = 1024

// bound makes the entry small enough to be kept.
func (e *entry) bound() {
	for _, s := range []*string{&e.method, &e.peer, &e.err} {
		if len(*s) > maxKept {
			*s = strings.Clone((*s)[:maxKept]) + "..."
		}
	}
}
