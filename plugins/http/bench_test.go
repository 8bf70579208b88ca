package http

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime/metrics"
	"runtime/pprof"
	"testing"
	"time"

	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

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

// browserRequest is a request with the header that a browser sends.
func browserRequest() *http.Request {
	r := httptest.NewRequest("GET", "http://example.com/items/17?page=3", nil)
	for _, h := range []string{"Accept", "Accept-Encoding", "Accept-Language", "User-Agent", "Referer", "Cookie", "Connection", "Cache-Control"} {
		r.Header.Set(h, "value of "+h)
	}
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), http.ServerContextKey, &http.Server{}))
	_ = cancel // as with a connection that stays
	return r.WithContext(ctx)
}

// BenchmarkWrap compares a bare handler with a wrapped one; peers are compared
// in testdata/peers.
func BenchmarkWrap(b *testing.B) {
	answer := []byte("hello")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /items/{id}", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(answer) })
	for _, bb := range []struct {
		name string
		h    http.Handler
	}{{"bare", mux}, {"wrapped", Wrap(mux)}} {
		b.Run(bb.name, func(b *testing.B) {
			r, w := browserRequest(), &sink{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				bb.h.ServeHTTP(w, r)
			}
		})
	}
}

// BenchmarkInFlight looks at 10,000 requests in flight.
func BenchmarkInFlight(b *testing.B) {
	const n = 10_000
	release := make(chan struct{})
	h := Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	started, ended := make(chan struct{}, n), make(chan struct{}, n)
	for range n {
		go func() {
			r := browserRequest()
			started <- struct{}{}
			h.ServeHTTP(&sink{http.Header{}}, r)
			ended <- struct{}{}
		}()
	}
	for range n {
		<-started
	}
	defer func() {
		close(release)
		for range n {
			<-ended
		}
	}()
	dir, closer, err := Plugin.Open(plugintest.Config(b, "http", ""))
	if err != nil {
		b.Fatal(err)
	}
	defer closer.Close()
	for len(incoming.active()) < n {
	}
	ctx := b.Context()
	cat := func(name string) func() {
		return func() {
			f, err := nodes.Walk(ctx, dir, name)
			if err != nil {
				b.Fatal(err)
			}
			h, err := f.(nodes.File).Open(ctx, nodes.Read)
			if err != nil {
				b.Fatal(err)
			}
			h.Close()
		}
	}
	id := incoming.active()[n/2].id
	one := cat(fmt.Sprintf("requests/%d", id))
	v := &view{dumps: new(inflight.Dumps)} // whose last dump can be forgotten
	anew := (&detail{view: v, family: incoming, id: id}).text
	for _, bb := range []struct {
		name string
		f    func()
	}{
		{"ls requests", func() {
			d, _ := nodes.Walk(ctx, dir, "requests")
			if l, err := d.(nodes.Dir).List(ctx); err != nil || len(l) != n {
				b.Fatal(len(l), err)
			}
		}},
		{"cat active", cat("active")},
		{"cat active.json", cat("active.json")},
		{"cat stats", cat("stats")},
		{"cat one", func() {
			v.dumps.Drop()
			if err := anew(ctx, io.Discard); err != nil {
				b.Fatal(err)
			}
		}},
		{"cat one again", one},
		{"goroutine profile debug=0", func() { _ = pprof.Lookup("goroutine").WriteTo(io.Discard, 0) }},
		{"goroutine profile debug=1", func() { _ = pprof.Lookup("goroutine").WriteTo(io.Discard, 1) }},
		{"goroutine profile debug=2", func() { _ = pprof.Lookup("goroutine").WriteTo(io.Discard, 2) }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			before := stops()
			for b.Loop() {
				bb.f()
			}
			b.ReportMetric(longestStop(before)*1e3, "max-stop-ms")
		})
	}
}

// stops returns how often the runtime has stopped the program for how long, for
// other reasons than garbage collection.
func stops() *metrics.Float64Histogram {
	samples := []metrics.Sample{{Name: "/sched/pauses/total/other:seconds"}}
	metrics.Read(samples)
	return samples[0].Value.Float64Histogram()
}

// longestStop returns an upper bound in seconds of the longest stop since.
func longestStop(before *metrics.Float64Histogram) (longest float64) {
	for i, n := range stops().Counts {
		if n > before.Counts[i] {
			longest = before.Buckets[i+1]
		}
	}
	return longest
}
