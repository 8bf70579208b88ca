package peers

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"golang.org/x/net/trace"

	ispyd "github.com/ispyd/ispyd/plugins/http"
)

// traced does what users of x/net/trace do in each handler.
func traced(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := trace.New("http", r.URL.Path)
		defer t.Finish()
		h.ServeHTTP(w, r.WithContext(trace.NewContext(r.Context(), t)))
	})
}

func handlers() []struct {
	name string
	h    http.Handler
} {
	answer := []byte("hello")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /items/{id}", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(answer) })
	return []struct {
		name string
		h    http.Handler
	}{
		{"bare", mux},
		{"ispyd", ispyd.Wrap(mux)},
		{"xnettrace", traced(mux)},
		{"otelhttp", otelhttp.NewHandler(mux, "items")}, // without a provider: its least
	}
}

// BenchmarkServer asks a server over one connection that is kept: what a request
// takes as a whole, server and client.
func BenchmarkServer(b *testing.B) {
	for _, bb := range handlers() {
		b.Run(bb.name, func(b *testing.B) {
			s := httptest.NewServer(bb.h)
			defer s.Close()
			b.ReportAllocs()
			for b.Loop() {
				resp, err := s.Client().Get(s.URL + "/items/17?page=3")
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
}

// sink has the methods of net/http's writer for HTTP/1 and throws all away.
type sink struct{ h http.Header }

func (s *sink) Header() http.Header                          { return s.h }
func (s *sink) Write(p []byte) (int, error)                  { return len(p), nil }
func (s *sink) WriteString(p string) (int, error)            { return len(p), nil }
func (s *sink) WriteHeader(int)                              {}
func (s *sink) Flush()                                       {}
func (s *sink) FlushError() error                            { return nil }
func (s *sink) CloseNotify() <-chan bool                     { return nil }
func (s *sink) SetReadDeadline(time.Time) error              { return nil }
func (s *sink) SetWriteDeadline(time.Time) error             { return nil }
func (s *sink) EnableFullDuplex() error                      { return nil }
func (s *sink) ReadFrom(r io.Reader) (int64, error)          { return io.Copy(io.Discard, r) }
func (s *sink) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, net.ErrClosed }

// BenchmarkHandler calls the handler alone: what the wrapper itself costs.
func BenchmarkHandler(b *testing.B) {
	r := httptest.NewRequest("GET", "/items/17?page=3", nil)
	for _, h := range []string{"Accept", "Accept-Encoding", "Accept-Language", "User-Agent", "Referer", "Cookie", "Connection", "Cache-Control"} {
		r.Header.Set(h, "value of "+h)
	}
	for _, bb := range handlers() {
		b.Run(bb.name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(context.WithValue(b.Context(), http.ServerContextKey, &http.Server{}))
			defer cancel()
			r, w := r.WithContext(ctx), &sink{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				bb.h.ServeHTTP(w, r)
			}
		})
	}
}
