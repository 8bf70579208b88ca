package http

import (
	"context"
	"io"
	"net/http"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ispyd/ispyd/internal/request"
)

// kind is what internal/request knows incoming requests by.
const kind = "http"

// serving is an incoming request that a wrapped handler works on. It is also the
// request's context, body and response writer: all that the handler is given is
// this one allocation.
type serving struct {
	req   request.Request
	h     *handler
	start time.Time
	uri   string // as the client sent it; "" for a request that came from no server

	// What the mux is asked for the route with: the handler may change the URL.
	path, rawPath string
	given         string                 // the pattern that the request came with
	learned       atomic.Pointer[string] // by a Wrap further inside

	w        http.ResponseWriter
	body     io.ReadCloser
	status   atomic.Int32
	state    atomic.Uint32
	in, out  atomic.Int64
	returned bool // the handler has, and did not panic

	ctx     context.Context // the request's own, with the label if labels lacks it
	labels  labels
	derived atomic.Pointer[derived]

	mu      sync.Mutex
	r       *http.Request // as the handler's caller gave it; nil after the end
	headers *headers      // nil after the end
	ended   bool

	inner http.Request // the handler's own
}

// Bits of serving.state.
const (
	hijacked  = 1 << iota // the connection is the handler's own
	streaming             // the response is an event stream
	operator              // cancelled by the operator
)

func (s *serving) set(bit uint32) { s.state.Or(bit) }

// enclosing returns what serves the same request already, nil where nothing does.
func enclosing(r *http.Request) *serving {
	s, _ := request.FromContext(r.Context()).Owner().(*serving)
	if s == nil || s.uri == "" || s.uri != r.RequestURI {
		return nil
	}
	return s
}

// begin starts a request and returns what the handler is given.
func (h *handler) begin(w http.ResponseWriter, r *http.Request) (*serving, http.ResponseWriter, *http.Request) {
	s := &serving{h: h, start: time.Now(), uri: r.RequestURI, given: r.Pattern, w: w, body: r.Body, r: r}
	if u := r.URL; u != nil {
		s.path, s.rawPath = u.Path, u.RawPath
	}
	s.headers = headersOf(r.Header)
	s.req.Start(kind, s)
	s.label(r.Context())
	// The compiler keeps what WithContext makes on the stack.
	s.inner = *r.WithContext((*scope)(s))
	if r.Body != nil && r.Body != http.NoBody {
		s.inner.Body = (*body)(s)
	}
	return s, s.writer(), &s.inner
}

// end is deferred: it also runs while a panic passes, which it does not touch.
func (s *serving) end(inner *http.Request) {
	outer := s.r
	pprof.SetGoroutineLabels(outer.Context())
	e := entry{id: s.req.ID(), start: s.start, took: time.Since(s.start), pattern: inner.Pattern}
	if p := s.learned.Load(); e.pattern == "" && p != nil {
		e.pattern = *p
	}
	left := leaving(outer.Context())
	s.req.Done()

	s.mu.Lock()
	s.fill(&e)
	s.r, s.ended = nil, true
	headers := s.headers
	s.headers = nil
	d := s.derived.Load()
	s.mu.Unlock()
	headers.release()
	if d != nil {
		d.cancel(context.Canceled)
	}

	if e.status == 0 && s.returned && left != gone && s.state.Load()&hijacked == 0 {
		e.status = http.StatusOK // net/http adds it
	}
	switch {
	case !s.returned:
		e.state = "panic"
	case e.state == "":
		e.state = left
	}
	// The server removes the files of a multipart form that it knows of, and
	// who is outside may ask for the pattern, as if there were no copy.
	if inner.Pattern != outer.Pattern {
		outer.Pattern = inner.Pattern
	}
	if inner.MultipartForm != outer.MultipartForm {
		outer.MultipartForm = inner.MultipartForm
	}
	incoming.ended(&e, s.state.Load()&(hijacked|streaming) == 0)
}

// fill sets what may be asked at any time before the end. s.mu is held.
func (s *serving) fill(e *entry) {
	r := s.r
	e.method, e.host, e.proto, e.remote = r.Method, r.Host, r.Proto, r.RemoteAddr
	e.url = s.uri
	if e.url == "" {
		e.url = s.path
	}
	e.status, e.in, e.out = int(s.status.Load()), s.in.Load(), s.out.Load()
	switch state := s.state.Load(); {
	case state&operator != 0:
		e.state = "cancelled by operator"
	case state&hijacked != 0:
		e.state = "hijacked"
	case state&streaming != 0:
		e.state = "event stream"
	}
}

// now returns the request as it is now; false where it has ended.
func (s *serving) now() (e entry, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return e, false
	}
	e = entry{id: s.req.ID(), start: s.start, took: time.Since(s.start)}
	s.fill(&e)
	if e.state == "" {
		e.state = leaving(s.r.Context())
	}
	return e, true
}

// gone is the state of a request whose client has gone away: what is written from
// then on is for nobody.
const gone = "client gone"

// leaving says why the context that the request came with has ended, "" where it
// has not. net/http cancels it without a cause when the connection ends; a
// deadline, or a cause, is the program's own.
func leaving(ctx context.Context) string {
	if ctx.Err() == nil {
		return ""
	}
	switch context.Cause(ctx) {
	case context.Canceled:
		return gone
	case context.DeadlineExceeded:
		return "deadline exceeded"
	}
	return "cancelled by the program"
}

// cancel cancels the request's context; false where it has been called before.
func (s *serving) cancel() bool {
	if s.state.Or(operator)&operator != 0 {
		return false
	}
	if d := (*scope)(s).derive(); d != nil {
		d.cancel(ErrCanceledByOperator)
	}
	return true
}
