package http

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"github.com/ispyd/ispyd/plugins/plugintest"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/nodes"
)

// out returns the directory of outgoing requests.
func out(t *testing.T, dir nodes.Dir) nodes.Dir {
	t.Helper()
	n, err := nodes.Walk(t.Context(), dir, "outgoing")
	if err != nil {
		t.Fatal(err)
	}
	return n.(nodes.Dir)
}

// only returns the one outgoing request in flight to a server.
func only(t *testing.T, dir nodes.Dir, host string) map[string]any {
	t.Helper()
	var rows, of []map[string]any
	if err := json.Unmarshal([]byte(plugintest.Read(t, out(t, dir), "active.json")), &rows); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if "http://"+r["host"].(string) == host || "https://"+r["host"].(string) == host {
			of = append(of, r)
		}
	}
	if len(of) != 1 {
		t.Fatalf("outgoing to %s: %v", host, of)
	}
	return of[0]
}

func TestOutgoing(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		dir := opened(t, "")
		arrived, answer, more := make(chan struct{}), make(chan struct{}), make(chan struct{})
		backend := server(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			arrived <- struct{}{}
			<-answer
			io.WriteString(w, "first")
			w.(http.Flusher).Flush()
			<-more
			io.WriteString(w, "second")
		}), http2)
		c := &http.Client{Transport: Transport(backend.Client().Transport)}
		incomingIDs, opened := make(chan uint64, 1), make(chan *http.Response)
		front := server(t, Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			incomingIDs <- idOf(r)
			req, err := http.NewRequestWithContext(r.Context(), "POST", backend.URL+"/b?api_key=topsecret", strings.NewReader("question"))
			if err != nil {
				t.Error(err)
			}
			resp, err := c.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			opened <- resp
			b, err := io.ReadAll(resp.Body)
			if err != nil || string(b) != "firstsecond" {
				t.Errorf("%q, %v", b, err)
			}
		})), false)
		done := make(chan struct{})
		go func() {
			defer close(done)
			get(t, front.Client(), front.URL)
		}()
		<-arrived
		cause := <-incomingIDs
		// The server may have all before the client knows that it has sent it.
		row := only(t, dir, backend.URL)
		if s := row["state"].(string); s != "waiting for first byte" && s != "sending" || row["request"] != float64(cause) || row["method"] != "POST" {
			t.Errorf("waiting: %v", row)
		}
		id := uint64(row["id"].(float64))
		text := plugintest.Read(t, out(t, dir), fileOf(id))
		if !strings.Contains(text, "at connect_done\t") || !strings.Contains(text, "TestOutgoing") || strings.Contains(text, "topsecret") || http2 != strings.Contains(text, "at tls_done") {
			t.Errorf("%s", text)
		}
		if !json.Valid([]byte(plugintest.Read(t, out(t, dir), fileOf(id)+".json"))) {
			t.Error("no JSON")
		}
		// The request that waits for it says so.
		js := plugintest.Read(t, dir, fileOf(cause)+".json")
		text = plugintest.Read(t, dir, fileOf(cause))
		if call := plugintest.Facts(text)[fmt.Sprintf("call http/outgoing/requests/%d", id)]; !strings.HasSuffix(call, ": POST "+backend.URL+"/b?api_key=[redacted]") {
			t.Errorf("the call of %d: %q in\n%s", cause, call, text)
		}
		var twin struct{ Calls []struct{ File, What string } }
		if err := json.Unmarshal([]byte(js), &twin); err != nil || len(twin.Calls) != 1 || twin.Calls[0].File != fmt.Sprintf("http/outgoing/requests/%d", id) || strings.Contains(text+js, "topsecret") {
			t.Errorf("%v, %v in\n%s", err, twin, js)
		}
		close(answer)
		if resp := <-opened; resp.Request.URL.Path != "/b" {
			t.Errorf("request of the response: %v", resp.Request)
		}
		if row := only(t, dir, backend.URL); row["state"] != "reading body" || row["status"] != 200.0 {
			t.Errorf("reading: %v", row)
		}
		close(more)
		<-done
		row = plugintest.Ended(t, out(t, dir), id)
		if row["status"] != 200.0 || row["received"] != 11.0 || row["sent"] != 8.0 || row["error"] != "" || row["remote"] != backend.Listener.Addr().String() {
			t.Errorf("recent: %v", row)
		}
		if stats := plugintest.Read(t, out(t, dir), "stats"); !strings.Contains(stats, fmt.Sprintf("POST %s\t2xx\t1\t0\t0\t", backend.Listener.Addr())) {
			t.Errorf("stats: %s", stats)
		}
		front.Close()
		backend.Close()
	}
}

func TestOutgoingCancel(t *testing.T) {
	dir := opened(t, "")
	arrived := make(chan struct{})
	backend := server(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	}), false)
	c := &http.Client{Transport: Transport(backend.Client().Transport)}
	errs := make(chan error)
	go func() {
		_, err := c.Get(backend.URL)
		errs <- err
	}()
	<-arrived
	id := uint64(only(t, dir, backend.URL)["id"].(float64))
	if err := plugintest.Write(t, dir, "ctl", fmt.Sprintf("cancel %d", id)); err == nil || !strings.Contains(err.Error(), "http.outgoing") {
		t.Errorf("cancel of an outgoing request as an incoming one: %v", err)
	}
	if err := plugintest.Write(t, out(t, dir), "ctl", fmt.Sprintf("cancel %d", id)); err != nil {
		t.Fatal(err)
	}
	if err := <-errs; !errors.Is(err, ErrCanceledByOperator) {
		t.Errorf("%v", err)
	}
	if row := plugintest.Ended(t, out(t, dir), id); row["state"] != "cancelled by operator" || row["error"] == "" {
		t.Errorf("recent: %v", row)
	}
}

// roundTripper is a RoundTripper of the program's own.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func live() int { return len(request.Live(kindOut)) }

// TestOutgoingEnds: in whatever way a request ends, nothing is left of it.
func TestOutgoingEnds(t *testing.T) {
	dir := opened(t, "")
	ok := func(body io.ReadCloser) roundTripper {
		return func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: body, Request: r}, nil
		}
	}
	boom := errors.New("boom: password=topsecret")
	for _, tt := range []struct {
		name  string
		next  roundTripper
		use   func(*http.Response, error)
		state string
		err   string
	}{
		{"error", func(*http.Request) (*http.Response, error) { return nil, boom }, nil, "", "boom: password=[redacted]"},
		{"no body", ok(http.NoBody), nil, "", ""},
		{"closed", ok(io.NopCloser(strings.NewReader("x"))), func(r *http.Response, _ error) { r.Body.Close() }, "", ""},
		{"read", ok(io.NopCloser(strings.NewReader("x"))), func(r *http.Response, _ error) { io.ReadAll(r.Body) }, "", ""},
		{"dropped", ok(io.NopCloser(strings.NewReader("x"))), func(*http.Response, error) {
			for live() > 0 {
				runtime.GC()
			}
		}, "body dropped", ""},
		{"panic", func(*http.Request) (*http.Response, error) { panic("boom") }, nil, "panic", ""},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://fake.example/", nil)
		if err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() { recover() }()
			resp, err := Transport(tt.next).RoundTrip(req)
			if tt.use != nil {
				tt.use(resp, err)
			}
		}()
		if n := live(); n != 0 {
			t.Fatalf("%s: %d are left", tt.name, n)
		}
		row := plugintest.Ended(t, out(t, dir), request.Last())
		if row["state"] != tt.state || row["error"] != tt.err {
			t.Errorf("%s: %v", tt.name, row)
		}
	}
}

// TestOutgoingTrace: the program's own hooks are called as without.
func TestOutgoingTrace(t *testing.T) {
	backend := server(t, http.NotFoundHandler(), false)
	var got, closed int
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { got++ }})
	req, _ := http.NewRequestWithContext(ctx, "GET", backend.URL, nil)
	c := &http.Client{Transport: Transport(backend.Client().Transport)}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got != 1 {
		t.Errorf("GotConn was called %d times", got)
	}
	idle := Transport(idleCloser{roundTripper(nil), &closed})
	(&http.Client{Transport: idle}).CloseIdleConnections()
	if closed != 1 {
		t.Error("CloseIdleConnections does not get through")
	}
}

type idleCloser struct {
	http.RoundTripper
	closed *int
}

func (c idleCloser) CloseIdleConnections() { *c.closed++ }

// TestUpgrade: a proxy needs to write to the body of a 101.
func TestUpgrade(t *testing.T) {
	backend := server(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		io.Copy(c, io.LimitReader(rw, 4))
	}), false)
	to, _ := url.Parse(backend.URL)
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.Transport = Transport(nil)
	front := server(t, Wrap(proxy), false)
	c, in := raw(t, front.Listener.Addr().String(), "GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatal(resp, err)
	}
	io.WriteString(c, "ping")
	b, err := io.ReadAll(in)
	if err != nil || string(b) != "ping" {
		t.Errorf("%q, %v", b, err)
	}
	c.Close()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	for live() > 0 {
		runtime.Gosched()
	}
}

// TestOutgoingDeadline: the program's own deadline is what it was.
func TestOutgoingDeadline(t *testing.T) {
	backend := server(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), false)
	for _, tr := range []http.RoundTripper{backend.Client().Transport, Transport(backend.Client().Transport)} {
		ctx, cancel := context.WithTimeout(t.Context(), 1)
		req, _ := http.NewRequestWithContext(ctx, "GET", backend.URL, nil)
		_, err := (&http.Client{Transport: tr}).Do(req)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	}
}
