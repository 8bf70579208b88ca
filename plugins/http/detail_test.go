package http

import (
	"bufio"
	"encoding/json"
	"fmt"
	"github.com/ispyd/ispyd/plugins/plugintest"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/ispyd/ispyd/internal/goroutines"
	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/nodes"
)

// raw sends a request as it stands, and returns the connection and what reads
// the answer.
func raw(t *testing.T, addr, text string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

// TestHostileHeaders: a megabyte, bytes that are no UTF-8, secrets, very many.
func TestHostileHeaders(t *testing.T) {
	dir := opened(t, "")
	ids, next := make(chan uint64), make(chan struct{})
	s := server(t, Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ids <- idOf(r)
		<-next
	})), false)
	for _, tt := range []struct {
		name, header string
		has          []string
		most         int
	}{
		{"secrets", "Authorization: Bearer topsecret\r\nCookie: session=topsecret\r\nX-Api-Key: topsecret\r\nAccept: text/html\r\n",
			[]string{"header Authorization\t[redacted]", "header Cookie\t[redacted]", "header X-Api-Key\t[redacted]", "header Accept\ttext/html"}, 10_000},
		{"large", "X-Large: " + strings.Repeat("a", 1000<<10) + "\r\n", []string{"aaa... (1024000 bytes)"}, 20_000},
		{"not UTF-8", "X-Bytes: a\xff\xfe\tb\r\n", []string{`header X-Bytes` + "\t" + `a\xff\xfe\tb`}, 10_000},
		{"many", strings.Repeat("X-Many: 1\r\n", 10_000), []string{"headers_not_kept\t99"}, 20_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, answer := raw(t, s.Listener.Addr().String(), "GET /%ff?password=topsecret&q=\xfe HTTP/1.1\r\nHost: x\r\n"+tt.header+"\r\n")
			id := <-ids
			text := plugintest.Read(t, dir, fileOf(id))
			for _, want := range tt.has {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%.3000s", want, text)
				}
			}
			if len(text) > tt.most {
				t.Errorf("%d bytes", len(text))
			}
			for _, text := range []string{text, plugintest.Read(t, dir, fileOf(id)+".json"), plugintest.Read(t, dir, "active"), plugintest.Read(t, dir, "active.json")} {
				if strings.Contains(text, "topsecret") {
					t.Errorf("a secret in\n%.3000s", text)
				}
				if strings.Contains(text, "\xff") || strings.Contains(text, "\xfe") {
					t.Error("raw bytes")
				}
			}
			if !json.Valid([]byte(plugintest.Read(t, dir, fileOf(id)+".json"))) {
				t.Error("no JSON")
			}
			next <- struct{}{}
			if resp, err := http.ReadResponse(answer, nil); err != nil || resp.StatusCode != 200 {
				t.Error(resp, err)
			}
			if row := plugintest.Ended(t, dir, id); strings.Contains(fmt.Sprint(row), "topsecret") {
				t.Errorf("recent: %v", row)
			}
		})
	}
}

// TestLongURL: what is kept of it is short.
func TestLongURL(t *testing.T) {
	dir := opened(t, "")
	ids := make(chan uint64, 1)
	s := server(t, Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { ids <- idOf(r) })), false)
	get(t, s.Client(), s.URL+"/"+strings.Repeat("x", 900<<10))
	if row := plugintest.Ended(t, dir, <-ids); len(row["url"].(string)) != maxKept+3 {
		t.Errorf("%d bytes", len(row["url"].(string)))
	}
}

// TestUnderChange reads requests whose handlers change all they were given, for
// the race detector.
func TestUnderChange(t *testing.T) {
	dir := opened(t, "")
	stop := make(chan struct{})
	started := make(chan uint64)
	s := server(t, Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := idOf(r)
		for i := 0; ; i++ {
			r.Header.Set("Accept", fmt.Sprint(i))
			r.Header["User-Agent"][0] = "me"
			r.Header.Del("Accept-Encoding")
			r.Method, r.Host, r.Pattern, r.RemoteAddr, r.RequestURI = "PUT", "h", "p", "1.2.3.4:5", "/changed"
			r.URL.Path, r.URL.RawQuery = "/changed", "q"
			r.Body = http.NoBody
			r.ContentLength = 7
			w.Header().Set("X", "y")
			if i == 0 {
				started <- id
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})), true)
	var wg sync.WaitGroup
	var ids []uint64
	for range 4 {
		wg.Go(func() { get(t, s.Client(), s.URL+"/x") })
		ids = append(ids, <-started)
	}
	for range 20 {
		for _, id := range ids {
			f := plugintest.Facts(plugintest.Read(t, dir, fileOf(id)))
			if f["method"] != "GET" || f["url"] != "/x" || f["header Accept-Encoding"] != "gzip" || f["protocol"] != "HTTP/2.0" || f["tls"] != "TLS 1.3" {
				t.Fatalf("%v", f)
			}
		}
		for _, name := range []string{"active", "stats", "recent"} {
			plugintest.Read(t, dir, name)
		}
	}
	close(stop)
	wg.Wait()
}

// stuckHere is looked for in stacks.
func stuckHere(c <-chan struct{}) { <-c }

// childOfRequest is looked for in stacks.
func childOfRequest(ready chan<- struct{}, c <-chan struct{}) {
	ready <- struct{}{}
	<-c
}

// part returns what a text has of one goroutine: the lines about it, and those
// before that say what it is.
func part(text, function string) string {
	for p := range strings.SplitSeq(strings.ReplaceAll(text, "the request\n\n", "the request\n"), "\n\n") {
		if strings.Contains(p, "."+function+"(...)") {
			return p
		}
	}
	return ""
}

func TestStacks(t *testing.T) {
	dir := opened(t, "")
	stop, stopChild, ready := make(chan struct{}), make(chan struct{}), make(chan struct{})
	defer close(stopChild)
	id, release := hold(t, func(_ http.ResponseWriter, r *http.Request) {
		go childOfRequest(ready, stopChild)
		<-ready
		request.FromContext(r.Context()).Log([]byte("about to be stuck\n"))
		go func() { <-stop }()
	})
	defer close(stop)
	text := plugintest.Read(t, dir, fileOf(id))
	if f := plugintest.Facts(text); f["log"] != "about to be stuck" {
		t.Errorf("%v", f)
	}
	if p := part(text, "childOfRequest"); !strings.HasPrefix(p, "# started by the request\ngoroutine ") || !strings.Contains(p, "[chan receive") {
		t.Errorf("the child: %q in\n%s", p, text)
	}
	if p := part(text, "(*handler).ServeHTTP"); !strings.HasPrefix(p, "goroutine ") || !strings.Contains(p, "[chan receive") {
		t.Errorf("the request's goroutine: %q in\n%s", p, text)
	}
	var twin struct {
		Goroutines []struct {
			Is        string
			Goroutine struct {
				Stack []struct{ Func string }
				Wait  string
			}
		}
		Log []string
	}
	if err := json.Unmarshal([]byte(plugintest.Read(t, dir, fileOf(id)+".json")), &twin); err != nil || len(twin.Goroutines) < 3 || len(twin.Log) != 1 {
		t.Errorf("JSON: %+v, %v", twin, err)
	}

	release()
	plugintest.Ended(t, dir, id)
	text = plugintest.Read(t, dir, fileOf(id))
	if p := part(text, "childOfRequest"); !strings.HasPrefix(p, "# outlives the request\n") {
		t.Errorf("the child after the end: %q in\n%s", p, text)
	}
	if strings.Contains(text, "ServeHTTP(...)") {
		t.Errorf("the request's goroutine is still there:\n%s", text)
	}
	if err := plugintest.Write(t, dir, "ctl", "clear"); err != nil {
		t.Fatal(err)
	}
	if p := part(plugintest.Read(t, dir, "outliving"), "childOfRequest"); !strings.Contains(p, fmt.Sprintf(`"ispyd.request": "%d"`, id)) {
		t.Errorf("outliving: %q", p)
	}
	l, err := dir.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range l {
		if n.Name() == "outliving" {
			t.Error("outliving is listed")
		}
	}
}

// TestStacksFromProfile: where the runtime's structures cannot be read, the
// labels of many goroutines with the same stack are in the profile alone.
func TestStacksFromProfile(t *testing.T) {
	goroutines.Introspection(false)
	defer goroutines.Introspection(true)
	dir := opened(t, "")
	ids, stop := make(chan uint64), make(chan struct{})
	s := server(t, Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ids <- idOf(r)
		stuckHere(stop)
	})), false)
	var wg sync.WaitGroup
	var last uint64
	for range 3 {
		wg.Go(func() { get(t, s.Client(), s.URL) })
		last = <-ids
	}
	if text := plugintest.Read(t, dir, fileOf(last)); strings.Count(text, "stuckHere(...)") != 1 || !strings.Contains(text, "1 goroutine [chan receive]") || !strings.Contains(text, "by goroutine profile") {
		t.Errorf("%s", text)
	}
	if text := plugintest.Read(t, dir, fileOf(last)+".json"); !json.Valid([]byte(text)) || !strings.Contains(text, "stuckHere") {
		t.Errorf("%s", text)
	}
	close(stop)
	wg.Wait()
}

// TestSharedDump: reading one request after the other does not take a dump each.
func TestSharedDump(t *testing.T) {
	opened(t, "")
	id, _ := hold(t, nil)
	v := &view{dumps: new(inflight.Dumps)}
	d := &detail{view: v, family: incoming, id: id}
	a, _ := d.account()
	first, err := v.dumps.Get(t.Context(), a.since)
	if err != nil {
		t.Fatal(err)
	}
	first.Cost.Whole = 1 << 40 // however slow the test is
	if again, _ := v.dumps.Get(t.Context(), a.since); again != first {
		t.Error("another dump")
	}
	if newer, _ := v.dumps.Get(t.Context(), first.Taken); newer == first {
		t.Error("a dump that is older than the request")
	}
	v.dumps.Drop()
}

func TestLookup(t *testing.T) {
	dir := opened(t, "")
	for _, name := range []string{"0", "x", "01", "-1", "99999999999999999999", "999999999"} {
		if _, err := nodes.Walk(t.Context(), dir, "requests/"+name); err == nil {
			t.Errorf("%s is there", name)
		}
	}
}
