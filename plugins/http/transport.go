package http

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/internal/request"
)

// kindOut is what internal/request knows outgoing requests by.
const kindOut = "http.outgoing"

// Transport returns a RoundTripper that calls t, [http.DefaultTransport] where t is
// nil, and lets the plugin see each request while it runs: until the body of its
// response has been read to its end or closed, or nobody has it any more. A request
// whose context is that of an incoming one is shown with its id. The operator can
// cancel it: the error is [ErrCanceledByOperator] then, as [http.Client] wraps it.
//
// An [httptrace.ClientTrace] in the request's context works as without.
func Transport(t http.RoundTripper) http.RoundTripper {
	if t == nil {
		t = http.DefaultTransport
	}
	return &transport{t}
}

type transport struct{ next http.RoundTripper }

// CloseIdleConnections is what http.Client.CloseIdleConnections looks for.
func (t *transport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	c := newCalling(r)
	runtime.Callers(2, c.callers[:])
	inner := r.WithContext(httptrace.WithClientTrace(c.ctx, c.trace()))
	returned := false
	defer func() {
		if !returned { // a panic passes
			c.end("panic", nil)
		}
	}()
	resp, err := t.next.RoundTrip(inner)
	returned = true
	if err != nil {
		c.end("", err)
		return resp, err
	}
	c.status.Store(int32(resp.StatusCode))
	c.mark(answered)
	if resp.Request == inner {
		// Who follows redirects asks the response for its request.
		resp.Request = r
	}
	c.follow(resp)
	return resp, nil
}

// calling is an outgoing request. It is not reachable from the response's body but
// through a watcher, so that a body that nobody has any more ends it.
type calling struct {
	req     request.Request
	start   time.Time
	method  string
	url     string
	host    string
	remote  atomic.Pointer[string]
	length  int64 // of the request's body, -1 where it is not known
	hasBody bool
	cause   uint64 // the incoming request, 0 for none
	callers [32]uintptr

	ctx    context.Context
	stop   context.CancelCauseFunc
	phases [phaseCount]atomic.Int64 // ns since start, plus 1; 0 for not yet
	reused atomic.Bool
	status atomic.Int32
	in     atomic.Int64
	killed atomic.Bool // by the operator

	mu   sync.Mutex
	over bool
}

func newCalling(r *http.Request) *calling {
	c := &calling{
		start: time.Now(), method: r.Method, host: r.Host, length: r.ContentLength,
		hasBody: r.Body != nil && r.Body != http.NoBody,
	}
	if c.method == "" {
		c.method = http.MethodGet
	}
	if r.URL != nil {
		c.url = r.URL.String()
		if c.host == "" {
			c.host = r.URL.Host
		}
	}
	ctx := r.Context()
	c.cause = request.FromContext(ctx).ID()
	c.ctx, c.stop = context.WithCancelCause(ctx)
	c.req.Start(kindOut, c)
	return c
}

// follow lets the body of the response say when it is over.
func (c *calling) follow(resp *http.Response) {
	if resp.Body == nil || resp.Body == http.NoBody {
		c.end("", nil)
		return
	}
	b := &answer{body: resp.Body, c: c}
	// Some bodies need no Close and get none.
	b.cleanup = runtime.AddCleanup(b, func(c *calling) { c.end("body dropped", nil) }, c)
	resp.Body = b
	switch w := b.body.(type) { // 101 Switching Protocols
	case halfCloser:
		resp.Body = &halfConversation{conversation{b, w}, w}
	case io.ReadWriteCloser:
		resp.Body = &conversation{b, w}
	}
}

// answer is the body of a response.
type answer struct {
	body    io.ReadCloser
	c       *calling
	cleanup runtime.Cleanup
	once    sync.Once
}

func (a *answer) Read(p []byte) (int, error) {
	n, err := a.body.Read(p)
	a.c.in.Add(int64(n))
	if err == io.EOF {
		a.over(nil)
	} else if err != nil {
		a.over(err)
	}
	return n, err
}

func (a *answer) Close() error {
	err := a.body.Close()
	a.over(nil)
	a.c.stop(nil)
	return err
}

func (a *answer) over(err error) {
	a.once.Do(func() {
		a.cleanup.Stop()
		a.c.end("", err)
	})
}

// conversation is the body of a response that can be written too.
type conversation struct {
	*answer
	w io.Writer
}

func (c *conversation) Write(p []byte) (int, error) { return c.w.Write(p) }

// halfCloser is what proxies look for beside.
type halfCloser interface {
	io.ReadWriteCloser
	CloseWrite() error
}

type halfConversation struct {
	conversation
	half halfCloser
}

func (c *halfConversation) CloseWrite() error { return c.half.CloseWrite() }

// end files the request, once.
func (c *calling) end(state string, err error) {
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return
	}
	e := c.entry()
	c.over = true
	c.mu.Unlock()
	c.req.Done()
	e.state = state
	if c.killed.Load() {
		e.state = "cancelled by operator"
	}
	if err != nil {
		e.err = err.Error()
		c.stop(nil)
	}
	c.mark(finished)
	c.release()
	e.pattern = c.pattern()
	outgoing.ended(&e, e.status != http.StatusSwitchingProtocols)
}

// release takes the context out of its parent, which may live for long. Where the
// answer is complete but the request's body is still being sent, as HTTP/2
// allows, that is done when it has been.
func (c *calling) release() {
	if c.at(finished) != 0 && (!c.hasBody || c.at(sent) != 0 || c.at(getConn) == 0) {
		c.stop(nil)
	}
}

// entry is the request as it is now. c.mu is held.
func (c *calling) entry() entry {
	e := entry{
		id: c.req.ID(), start: c.start, took: time.Since(c.start), method: c.method, url: c.url, host: c.host,
		status: int(c.status.Load()), in: c.in.Load(), cause: c.cause,
	}
	if p := c.remote.Load(); p != nil {
		e.remote = *p
	}
	if c.at(sent) != 0 && c.length > 0 {
		e.out = c.length
	}
	return e
}

func (c *calling) now() (entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return entry{}, false
	}
	e := c.entry()
	e.state = c.phase()
	if c.killed.Load() {
		e.state += ", cancelled by operator"
	}
	return e, true
}

// Cause implements inflight.Caller.
func (c *calling) Cause() uint64 { return c.cause }

// Call implements inflight.Caller.
func (c *calling) Call(r *redact.Redactor) (inflight.Call, bool) {
	e, ok := c.now()
	e.bound()
	return inflight.Call{
		File: "http/outgoing/requests/" + strconv.FormatUint(e.id, 10),
		Age:  e.took, State: e.state, What: e.method + " " + r.URL(e.url),
	}, ok
}

// pattern groups outgoing requests: there are no routes but other hosts.
func (c *calling) pattern() string { return c.method + " " + c.host }

func (c *calling) cancel() bool {
	if c.killed.Swap(true) {
		return false
	}
	c.stop(ErrCanceledByOperator)
	return true
}
