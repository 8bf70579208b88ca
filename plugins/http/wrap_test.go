package http

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"github.com/ispyd/ispyd/plugins/plugintest"
	"io"
	"log"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"reflect"
	"runtime/pprof"
	"strings"
	"testing"
	"time"
)

// TestMethods compares the methods of net/http's own writers with those of what
// the handler is given.
func TestMethods(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		var bare, wrapped reflect.Type
		s := server(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			bare = reflect.TypeOf(w)
			Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				wrapped = reflect.TypeOf(w)
			})).ServeHTTP(w, r)
		}), http2)
		get(t, s.Client(), s.URL)
		s.Close()
		if wrapped.Elem().PkgPath() != reflect.TypeFor[serving]().PkgPath() {
			t.Errorf("HTTP/2 %v: the writer is %v", http2, wrapped)
		}
		for m := range bare.Methods() {
			if _, ok := wrapped.MethodByName(m.Name); !ok {
				t.Errorf("HTTP/2 %v: %s is missing", http2, m.Name)
			}
		}
		for m := range wrapped.Methods() {
			if _, ok := bare.MethodByName(m.Name); !ok && m.Name != "Unwrap" {
				t.Errorf("HTTP/2 %v: %s is too much", http2, m.Name)
			}
		}
	}
}

// TestOtherWriters: those of TimeoutHandler and of httptest have other methods.
func TestOtherWriters(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, hijacker := w.(http.Hijacker)
		_, flusher := w.(http.Flusher)
		_, pusher := w.(http.Pusher)
		_, stringer := w.(io.StringWriter)
		w.Header().Set("Has", fmt.Sprint(hijacker, flusher, pusher, stringer))
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "tea")
		if flusher {
			w.(http.Flusher).Flush()
		}
	})
	for name, outer := range map[string]func(http.Handler) http.Handler{
		"recorder": func(h http.Handler) http.Handler { return h },
		"timeout":  func(h http.Handler) http.Handler { return http.TimeoutHandler(h, time.Hour, "") },
	} {
		bare, wrapped := httptest.NewRecorder(), httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		outer(h).ServeHTTP(bare, r)
		outer(Wrap(h)).ServeHTTP(wrapped, r)
		if bare.Header().Get("Has") != wrapped.Header().Get("Has") || bare.Code != wrapped.Code || bare.Body.String() != wrapped.Body.String() || bare.Flushed != wrapped.Flushed {
			t.Errorf("%s: bare %v, wrapped %v", name, bare, wrapped)
		}
	}
}

func TestCancel(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		dir := opened(t, "")
		ids, causes := make(chan uint64), make(chan error, 3)
		s := server(t, Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, stop := context.WithTimeout(r.Context(), time.Hour)
			defer stop()
			if ctx.Err() != nil || r.Context().Err() != nil {
				t.Error("cancelled before its time")
			}
			ids <- idOf(r)
			<-ctx.Done()
			causes <- context.Cause(ctx)
			causes <- context.Cause(r.Context())
			causes <- r.Context().Err()
		})), http2)
		done := make(chan *http.Response)
		go func() {
			resp, _ := get(t, s.Client(), s.URL)
			done <- resp
		}()
		id := <-ids
		if err := plugintest.Write(t, dir, "ctl", fmt.Sprintf("cancel %d", id)); err != nil {
			t.Fatal(err)
		}
		for i, want := range []error{ErrCanceledByOperator, ErrCanceledByOperator, context.Canceled} {
			if err := <-causes; !errors.Is(err, want) {
				t.Errorf("%d: %v", i, err)
			}
		}
		if resp := <-done; resp.StatusCode != 200 {
			t.Errorf("status %d", resp.StatusCode)
		}
		if row := plugintest.Ended(t, dir, id); row["state"] != "cancelled by operator" {
			t.Errorf("recent: %v", row)
		}
		s.Close()
	}
}

// TestContext: what is made late must look as if it had been there.
func TestContext(t *testing.T) {
	type key struct{}
	var kept context.Context
	parent, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, "value"))
	r := httptest.NewRequest("GET", "/", nil).WithContext(parent)
	h := Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		kept = r.Context()
		if kept.Value(key{}) != "value" {
			t.Error("the value is lost")
		}
		child, stop := context.WithCancel(kept)
		defer stop()
		cancel(io.ErrUnexpectedEOF)
		<-child.Done()
		if context.Cause(child) != io.ErrUnexpectedEOF || context.Cause(kept) != io.ErrUnexpectedEOF || kept.Err() == nil {
			t.Errorf("cause %v, %v, %v", context.Cause(child), context.Cause(kept), kept.Err())
		}
	}))
	h.ServeHTTP(httptest.NewRecorder(), r)
	if fmt.Sprint(kept) == "" || kept.Value(key{}) != "value" {
		t.Error("the context is of no use after the end")
	}

	r = r.WithContext(t.Context())
	Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { kept = r.Context() })).ServeHTTP(httptest.NewRecorder(), r)
	if kept.Done() != t.Context().Done() || kept.Err() != nil {
		t.Error("a context that nobody asked in time is not its parent")
	}
}

func TestClientGone(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		dir := opened(t, "")
		ids, gone, stop := make(chan uint64), make(chan struct{}), make(chan struct{})
		s := server(t, Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ids <- idOf(r)
			<-r.Context().Done()
			close(gone)
			<-stop
		})), http2)
		ctx, cancel := context.WithCancel(t.Context())
		req, _ := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
		done := make(chan struct{})
		go func() {
			defer close(done)
			if _, err := s.Client().Do(req); err == nil {
				t.Error("no error")
			}
		}()
		id := <-ids
		cancel()
		<-gone
		if row := plugintest.Row(t, dir, "active", id); row["state"] != "client gone" {
			t.Errorf("active: %v", row)
		}
		close(stop)
		<-done
		if row := plugintest.Ended(t, dir, id); row["state"] != "client gone" {
			t.Errorf("recent: %v", row)
		}
		s.Close()
	}
}

// TestPanic: net/http sees the very panic, and its log says where it was.
func TestPanic(t *testing.T) {
	dir := opened(t, "")
	for _, v := range []any{"boom", http.ErrAbortHandler} {
		var logged bytes.Buffer
		ids := make(chan uint64, 1)
		s := httptest.NewUnstartedServer(Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ids <- idOf(r)
			panic(v)
		})))
		s.Config.ErrorLog = log.New(&logged, "", 0)
		s.Start()
		if resp, err := s.Client().Get(s.URL); err == nil {
			resp.Body.Close()
			t.Error("an answer")
		}
		s.Close()
		if row := plugintest.Ended(t, dir, <-ids); row["state"] != "panic" || row["status"] != 0.0 {
			t.Errorf("recent: %v", row)
		}
		if text := logged.String(); v == "boom" && (!strings.Contains(text, ": boom\n") || !strings.Contains(text, "TestPanic") || strings.Contains(text, "repanicked")) {
			t.Errorf("log: %s", text)
		} else if v != "boom" && text != "" {
			t.Errorf("log of ErrAbortHandler: %s", text)
		}
	}
	if stats := plugintest.Read(t, dir, "stats"); !strings.Contains(stats, "-\tnone\t2\t0\t2\t") {
		t.Errorf("stats:\n%s", stats)
	}
}

func TestHijack(t *testing.T) {
	dir := opened(t, "[http]\nslow = \"1ns\"")
	ids, release := make(chan uint64), make(chan struct{})
	s := server(t, Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		rw.Flush()
		ids <- idOf(r)
		io.Copy(c, rw)
		<-release
	})), false)
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatal(resp, err)
	}
	id := <-ids
	if row := plugintest.Row(t, dir, "active", id); row["state"] != "hijacked" {
		t.Errorf("active: %v", row)
	}
	if oldest() != 0 {
		t.Error("a hijacked connection counts as a request that is stuck")
	}
	fmt.Fprint(c, "ping")
	echo := make([]byte, 4)
	if _, err := io.ReadFull(in, echo); err != nil || string(echo) != "ping" {
		t.Errorf("%q, %v", echo, err)
	}
	c.(*net.TCPConn).CloseWrite()
	close(release)
	if row := plugintest.Ended(t, dir, id); row["state"] != "hijacked" || plugintest.Row(t, dir, "slow", id) != nil {
		t.Errorf("recent: %v", row)
	}
}

func TestEventStream(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		dir := opened(t, "[http]\nslow = \"1ns\"")
		ids, next := make(chan uint64), make(chan struct{})
		s := server(t, Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for range 3 {
				io.WriteString(w, "data: x\n\n")
				w.(http.Flusher).Flush()
				<-next
			}
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			ids <- idOf(r)
		})), http2)
		resp, err := s.Client().Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		event := make([]byte, 9)
		for range 3 {
			if _, err := io.ReadFull(resp.Body, event); err != nil || string(event) != "data: x\n\n" {
				t.Fatalf("%q, %v", event, err)
			}
			next <- struct{}{}
		}
		id := <-ids
		resp.Body.Close()
		if row := plugintest.Ended(t, dir, id); row["state"] != "event stream" || row["sent"] != 27.0 || plugintest.Row(t, dir, "slow", id) != nil {
			t.Errorf("recent: %v", row)
		}
		s.Close()
	}
}

func TestConnect(t *testing.T) {
	dir := opened(t, "")
	ids := make(chan uint64, 1)
	s := server(t, Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ids <- idOf(r)
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\ntunnel")
	})), false)
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
	b, err := io.ReadAll(c)
	if err != nil || !strings.HasSuffix(string(b), "tunnel") {
		t.Errorf("%q, %v", b, err)
	}
	if row := plugintest.Ended(t, dir, <-ids); row["method"] != "CONNECT" || row["url"] != "example.com:443" {
		t.Errorf("recent: %v", row)
	}
}

func TestBytes(t *testing.T) {
	dir := opened(t, "")
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, bytes.Repeat([]byte("x"), 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	ids := make(chan uint64, 1)
	s := server(t, Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ids <- idOf(r)
		io.Copy(io.Discard, r.Body)
		http.ServeFile(w, r, file)
	})), false)
	resp, err := s.Client().Post(s.URL, "", strings.NewReader(strings.Repeat("y", 12345)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || len(b) != 100_000 {
		t.Fatal(len(b), err)
	}
	if row := plugintest.Ended(t, dir, <-ids); row["received"] != 12345.0 || row["sent"] != 100_000.0 {
		t.Errorf("recent: %v", row)
	}
}

// TestInside: handlers of net/http that replace writer, body or request.
func TestInside(t *testing.T) {
	dir := opened(t, "")
	ids := make(chan uint64, 1)
	backend := server(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body)
	}), false)
	to, _ := url.Parse(backend.URL)
	release := make(chan struct{})
	for _, tt := range []struct {
		name   string
		h      http.Handler
		body   string
		status int
		answer string
	}{
		{"TimeoutHandler", http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			<-release
		}), time.Millisecond, "too late"), "", 503, "too late"},
		{"MaxBytesHandler", http.MaxBytesHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			}
		}), 10), "more than ten bytes", 413, "http: request body too large\n"},
		{"ReverseProxy", httputil.NewSingleHostReverseProxy(to), "through", 200, "through"},
		{"StripPrefix", http.StripPrefix("/a", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, r.URL.Path)
		})), "", 200, "/b"},
	} {
		for _, http2 := range []bool{false, true} {
			s := server(t, Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ids <- idOf(r)
				tt.h.ServeHTTP(w, r)
			})), http2)
			resp, err := s.Client().Post(s.URL+"/a/b", "", strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(tt.name, err)
			}
			b, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != tt.status || string(b) != tt.answer {
				t.Errorf("%s: %d %q, %v", tt.name, resp.StatusCode, b, err)
			}
			if row := plugintest.Ended(t, dir, <-ids); row["status"] != float64(tt.status) || row["sent"] != float64(len(tt.answer)) {
				t.Errorf("%s: recent: %v", tt.name, row)
			}
			s.Close()
		}
	}
	close(release)
}

// TestMultipart: the server removes the files of a form that the handler parsed.
func TestMultipart(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	var had int
	s := server(t, Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1); err != nil {
			t.Error(err)
		}
		files, _ := os.ReadDir(tmp)
		had = len(files)
	})), false)
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	f, _ := m.CreateFormFile("file", "name")
	f.Write(bytes.Repeat([]byte("x"), 11<<20))
	m.Close()
	resp, err := s.Client().Post(s.URL, m.FormDataContentType(), &b)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	s.Close()
	if files, _ := os.ReadDir(tmp); had == 0 || len(files) != 0 {
		t.Errorf("%d files, %d after the request", had, len(files))
	}
}

// TestLabels: the program's own labels stay, and are all that is left.
func TestLabels(t *testing.T) {
	labels := func(ctx context.Context) map[string]string {
		m := map[string]string{}
		pprof.ForLabels(ctx, func(k, v string) bool { m[k] = v; return true })
		return m
	}
	ctx := pprof.WithLabels(t.Context(), pprof.Labels("team", "blue"))
	r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	var id string
	done := make(chan struct{})
	go func() {
		defer close(done)
		pprof.SetGoroutineLabels(ctx)
		Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			id = fmt.Sprint(idOf(r))
			if got := labels(r.Context()); got["team"] != "blue" || got["ispyd.request"] != id || len(got) != 2 {
				t.Errorf("labels of the context: %v", got)
			}
			if p := profile(t); !strings.Contains(p, fmt.Sprintf(`{"ispyd.request":"%s", "team":"blue"}`, id)) {
				t.Errorf("labels of the goroutine: %s", p)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
		if p := profile(t); strings.Contains(p, fmt.Sprintf(`"ispyd.request":"%s"`, id)) || !strings.Contains(p, `{"team":"blue"}`) {
			t.Errorf("labels after the request: %s", p)
		}
	}()
	<-done
}

func profile(t *testing.T) string {
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
		t.Error(err)
	}
	return b.String()
}
