package http

import (
	"net/http"

	"github.com/ispyd/ispyd/internal/tracebacks"
)

// Wrap returns a handler that calls h and lets the plugin see each request while
// it runs. It may be called before, after and without the start of the server;
// what it costs is less than a microsecond and one allocation for a request, and
// nothing while there is none.
//
// The handler sees the same ResponseWriter as without: what of Flusher, Hijacker,
// Pusher, io.ReaderFrom, io.StringWriter, CloseNotifier and the methods of
// [http.ResponseController] the writer has, its wrapper has too. The request is a
// copy whose context can be cancelled by the operator, with the cause
// [ErrCanceledByOperator]; the route pattern and the multipart form that the
// handler sets in it are set in the original too. While the handler runs, its
// goroutine has the profiler label ispyd.request with the request's id beside those
// of the request's context, and the goroutines that it starts inherit it; labels
// that the goroutine has and the context has not are replaced, as by pprof.Do.
// Panics pass through untouched; only where the plugin debugger is on and cannot see
// them otherwise, they are recovered, shown to it, and begun anew with the same value.
//
// Best wrap what decides about routes: where h is a [http.ServeMux] the route
// is known from the beginning; a handler that is registered with a mux knows its
// own; where there is another handler between, the route is known at the end.
// Of several Wraps about each other the outermost counts.
//
// Two things differ, as with every wrapper of a ResponseWriter: net/http's log of
// a superfluous WriteHeader names the wrapper as its caller, and
// [http.MaxBytesReader], which asks the writer by an unexported method to close
// the connection after a request that was too large, does not find it, so that
// this is left to the server's own limit of 256 KiB.
func Wrap(h http.Handler) http.Handler {
	if h == nil {
		h = http.DefaultServeMux // as http.Server does
	}
	mux, _ := h.(*http.ServeMux)
	return &handler{next: h, mux: mux}
}

type handler struct {
	next http.Handler
	mux  *http.ServeMux // next, where it is one
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s := enclosing(r); s != nil {
		s.learn(r.Pattern)
		h.next.ServeHTTP(w, r)
		return
	}
	s, w, inner := h.begin(w, r)
	defer s.end(inner)
	if tracebacks.Wanted() {
		defer handOver()
	}
	h.next.ServeHTTP(w, inner)
	s.returned = true
}

// handOver shows a panic to the debugger and lets it go on.
func handOver() {
	v := recover()
	if v == nil {
		return // there is none, or the goroutine ends by runtime.Goexit
	}
	if v != http.ErrAbortHandler {
		tracebacks.Recovered(v, "http.Wrap", 0)
	}
	panic(v)
}
