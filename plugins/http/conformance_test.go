package http

import (
	"bufio"
	"bytes"
	"fmt"
	"github.com/ispyd/ispyd/plugins/plugintest"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/ispyd/ispyd/nodes"
)

// thirdParty is an application on a router that nobody here wrote, with its
// middleware that replaces writers and contexts.
func thirdParty(t *testing.T) http.Handler {
	dir := t.TempDir()
	for name, size := range map[string]int{"small.txt": 10, "large.html": 300_000} {
		if err := os.WriteFile(filepath.Join(dir, name), bytes.Repeat([]byte("0123456789"), size/10), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(dir, name), time.Unix(1e9, 0), time.Unix(1e9, 0)); err != nil {
			t.Fatal(err)
		}
	}
	r := chi.NewRouter()
	r.Use(middleware.StripSlashes, middleware.GetHead, middleware.Timeout(time.Hour), middleware.Compress(5))
	r.Get("/items/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "item %s, %s", chi.URLParam(r, "id"), r.Pattern)
	})
	r.With(middleware.Throttle(100), middleware.NoCache).Get("/html", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		for i := range 1000 {
			fmt.Fprintf(w, "<p>%d</p>", i)
		}
	})
	r.Post("/echo", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	r.Post("/unread", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusForbidden) })
	r.Get("/stream", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Sum")
		for i := range 5 {
			fmt.Fprintf(w, "chunk %d\n", i)
			w.(http.Flusher).Flush()
		}
		w.Header().Set("Sum", "15")
	})
	r.Get("/early", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "after the hints")
	})
	r.Get("/empty", func(http.ResponseWriter, *http.Request) {})
	r.Get("/nocontent", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	r.Get("/redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/items/1", http.StatusFound) })
	r.Get("/abort", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "some")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	r.Get("/hijack", func(w http.ResponseWriter, r *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 299 Mine\r\n\r\nmine")
	})
	r.Handle("/files/*", http.StripPrefix("/files/", http.FileServer(http.Dir(dir))))
	r.Mount("/limited", http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "in time") }), time.Hour, "late"))
	return r
}

// wire is what is asked for, as it goes over the wire, | before the body.
var wire = []string{
	"GET /items/17 HTTP/1.1\r\nHost: x\r\n", "GET /items/17/ HTTP/1.1\r\nHost: x\r\n", "HEAD /items/17 HTTP/1.1\r\nHost: x\r\n",
	"GET /nothing HTTP/1.1\r\nHost: x\r\n", "DELETE /items/17 HTTP/1.1\r\nHost: x\r\n", "OPTIONS * HTTP/1.1\r\nHost: x\r\n",
	"GET /html HTTP/1.1\r\nHost: x\r\n", "GET /html HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n", "GET /html HTTP/1.0\r\n",
	"GET /stream HTTP/1.1\r\nHost: x\r\n", "GET /stream HTTP/1.0\r\n", "GET /early HTTP/1.1\r\nHost: x\r\n", "GET /empty HTTP/1.1\r\nHost: x\r\n",
	"GET /nocontent HTTP/1.1\r\nHost: x\r\n", "GET /redirect HTTP/1.1\r\nHost: x\r\n", "GET /abort HTTP/1.1\r\nHost: x\r\n", "GET /hijack HTTP/1.1\r\nHost: x\r\n",
	"GET /files/small.txt HTTP/1.1\r\nHost: x\r\n", "GET /files/large.html HTTP/1.1\r\nHost: x\r\n", "GET /files/large.html HTTP/1.1\r\nHost: x\r\nRange: bytes=5-10,20-30000\r\n",
	"GET /files/large.html HTTP/1.1\r\nHost: x\r\nIf-Modified-Since: Sun, 09 Sep 2035 01:46:40 GMT\r\n", "GET /files/ HTTP/1.1\r\nHost: x\r\n", "GET /files/../x HTTP/1.1\r\nHost: x\r\n",
	"GET /limited HTTP/1.1\r\nHost: x\r\n", "GET / HTTP/1.1\r\n", "GET /\x01 HTTP/1.1\r\nHost: x\r\n", "BAD\r\n",
	"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n|hello", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n|5\r\nhello\r\n0\r\n\r\n",
	"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n|" + strings.Repeat("y", 200_000), "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n|xyz\r\n",
}

// answerTo sends a request and returns all bytes that come back, but for the date
// and what separates the parts of a range, which is random.
func answerTo(addr, text string) (string, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return "", err
	}
	defer c.Close()
	head, body, _ := strings.Cut(text, "|")
	go io.WriteString(c, head+"Connection: close\r\n\r\n"+body) // may be refused in the middle
	var b strings.Builder
	in := bufio.NewReader(c)
	boundary := ""
	for {
		line, err := in.ReadString('\n')
		if _, v, ok := strings.Cut(line, "boundary="); ok {
			boundary = strings.TrimSpace(v)
		}
		if boundary != "" {
			line = strings.ReplaceAll(line, boundary, "BOUNDARY")
		}
		if !strings.HasPrefix(line, "Date: ") {
			b.WriteString(line)
		}
		if err == io.EOF || err != nil && strings.Contains(err.Error(), "reset") {
			return b.String(), nil
		}
		if err != nil {
			return b.String(), err
		}
	}
}

// TestConformance: the application answers the same, byte for byte, wrapped and
// bare, while many ask at once and somebody looks on.
func TestConformance(t *testing.T) {
	tree := opened(t, "")
	app := thirdParty(t)
	bare, wrapped := server(t, app, false), server(t, Wrap(app), false)
	want := make([]string, len(wire))
	for i, text := range wire {
		var err error
		if want[i], err = answerTo(bare.Listener.Addr().String(), text); err != nil {
			t.Fatalf("bare: %.60q: %v", text, err)
		}
		if strings.Contains(text, "HTTP/1.1\r\nHost") && want[i] == "" {
			t.Fatalf("bare: %.60q: no answer", text)
		}
	}
	stop, looked := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(looked)
		for {
			select {
			case <-stop:
				return
			default:
				lookAround(t, tree)
			}
		}
	}()
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 3 * len(wire) {
				i = (i + 5*worker) % len(wire)
				got, err := answerTo(wrapped.Listener.Addr().String(), wire[i])
				if err != nil || got != want[i] {
					t.Errorf("%.60q: wrapped\n%.2000q, %v\nbare\n%.2000q", wire[i], got, err, want[i])
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	<-looked
}

// lookAround reads the tables and all requests in flight.
func lookAround(t *testing.T, tree nodes.Dir) {
	for _, name := range []string{"active", "recent", "slow", "stats"} {
		plugintest.Read(t, tree, name)
	}
	d, err := nodes.Walk(t.Context(), tree, "requests")
	if err != nil {
		t.Error(err)
		return
	}
	list, err := d.(nodes.Dir).List(t.Context())
	if err != nil {
		t.Error(err)
	}
	for _, n := range list {
		if h, err := n.(nodes.File).Open(t.Context(), nodes.Read); err == nil { // it may have ended
			h.Close()
		}
	}
}

// TestConformance2 is the same over HTTP/2, where what can be compared is what a
// client makes of it.
func TestConformance2(t *testing.T) {
	app := thirdParty(t)
	bare, wrapped := server(t, app, true), server(t, Wrap(app), true)
	ask := func(s interface{ Client() *http.Client }, url string) string {
		req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
		if err != nil {
			t.Error(err)
		}
		resp, err := s.Client().Transport.RoundTrip(req)
		if err != nil {
			return "error"
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		resp.Header.Del("Date")
		return fmt.Sprint(resp.Status, resp.Proto, resp.Header, resp.Trailer, len(b), string(b[:min(len(b), 1000)]), err != nil)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, path := range []string{"/items/17", "/nothing", "/html", "/stream", "/early", "/empty", "/nocontent", "/redirect", "/abort", "/files/large.html", "/files/", "/limited"} {
				b, w := ask(bare, bare.URL+path), ask(wrapped, wrapped.URL+path)
				if b != w {
					t.Errorf("%s: bare\n%s\nwrapped\n%s", path, b, w)
				}
			}
		})
	}
	wg.Wait()
}
