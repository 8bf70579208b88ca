package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// mainEnv makes the test binary the sample itself.
const mainEnv = "ISPYD_SAMPLE_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(mainEnv) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// patience only bounds the failure of a test.
const patience = time.Minute

// buffer is what a process writes.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// program is a running sample.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	log    *buffer
	url    string
	socket string
	client *http.Client
	ended  func() error // waits for its end
}

func command(args ...string) (*exec.Cmd, *buffer, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), mainEnv+"=1", "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	log := new(buffer)
	cmd.Stderr = log
	return cmd, log, nil
}

// start starts a sample and waits until it listens.
func start(t *testing.T, config string) *program {
	t.Helper()
	cmd, log, err := command("-config", config, "-http", ":0", "-log", "json")
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, cmd: cmd, log: log, client: &http.Client{Transport: &http.Transport{}, Timeout: patience}}
	lines := bufio.NewScanner(out)
	for p.url == "" && lines.Scan() {
		if s, ok := strings.CutPrefix(lines.Text(), "ispyd on "); ok {
			p.socket = s
		}
		if s, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			p.url = s
		}
	}
	p.ended = sync.OnceValue(func() error {
		p.client.CloseIdleConnections()
		io.Copy(io.Discard, out)
		return cmd.Wait()
	})
	t.Cleanup(func() {
		cmd.Process.Kill()
		p.ended()
		if t.Failed() {
			t.Logf("the sample said:\n%s", log)
		}
	})
	if p.url == "" {
		t.Fatal("the sample does not say where it listens")
	}
	return p
}

// get returns the status and the body of an answer.
func (p *program) get(path string) (int, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path, nil)
	if err != nil {
		return 0, "", err
	}
	res, err := p.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

// want checks an answer.
func (p *program) want(path string, status int, text string) {
	p.t.Helper()
	got, body, err := p.get(path)
	if err != nil || got != status || !strings.Contains(body, text) {
		p.t.Errorf("GET %s: %d %q, %v, want %d and %q", path, got, body, err, status, text)
	}
}

// socketConfig writes a configuration and returns its path.
func socketConfig(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "x") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	file := filepath.Join(dir, "ispyd.toml")
	if err := os.WriteFile(file, fmt.Appendf(nil, "[ispyd]\nlisten = %q\n", filepath.Join(dir, "%(pid)s.sock")), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestHandlers drives everything that the sample can do.
func TestHandlers(t *testing.T) {
	p := start(t, socketConfig(t))
	if !strings.HasPrefix(p.url, "http://127.0.0.1:") {
		t.Errorf("it listens on %s, want the loopback", p.url)
	}
	if _, err := os.Stat(p.socket); err != nil {
		t.Errorf("ispyd's socket: %v", err)
	}
	for _, e := range NewServer("").endpoints() {
		p.want("/", 200, strings.TrimSuffix(e.path, "{$}")+" ")
	}
	p.want("/nothing", 404, "not found")
	p.want("/hello", 200, "hello")
	p.want("/sleep?for=1ms", 200, "slept 1ms")
	p.want("/sleep?for=soon", 400, "for=soon: must be a time")
	p.want("/sleep?for=1h", 400, "from 0s to 5m")
	p.want("/order", 200, `{"order":1,"customer":"Ada","item":"cheese","cents":450}`)
	p.want("/order?id=5", 200, `"item":"eggs"`)
	p.want("/order?id=77", 400, "there is no item 77")
	p.want("/fetch", 200, "/hello answered 200 OK:\nhello")
	p.want("/fetch?path=/error", 200, "the bank does not answer")
	p.want("/fetch?path=x", 400, "must begin with a slash")
	p.want("/error", 500, "cannot charge: 4200 cents: the bank does not answer")
	p.want("/leak?n=3", 200, "leaked 3")
	p.want("/leak?n=0", 400, "must be a number from 1")
	p.want("/burn?for=1ms", 200, "burned 1ms")
	p.want("/alloc?mb=2", 200, "holding 2 MB")
	p.want("/alloc?mb=1", 200, "holding 3 MB")
	if _, body, err := p.get("/panic"); err == nil {
		t.Errorf("GET /panic answers %q", body)
	}
	p.want("/unstick", 200, "nobody is stuck")

	_, body, err := p.get("/debug/vars")
	if err != nil {
		t.Fatal(err)
	}
	var vars struct {
		Requests          map[string]int
		Failures          int
		Leaked_Goroutines int
		Allocated_Bytes   int
	}
	if err := json.Unmarshal([]byte(body), &vars); err != nil {
		t.Fatal(err)
	}
	if vars.Requests["/order"] != 3 || vars.Failures != 7 || vars.Leaked_Goroutines != 3 || vars.Allocated_Bytes != 3<<20 {
		t.Errorf("expvars: %+v", vars)
	}
	p.want("/free", 200, "let go of 3 MB")
	p.end(syscall.SIGTERM)
	for _, want := range []string{"index out of range", "sample.price", `"msg":"ordered"`, `"msg":"ending"`} {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("the log does not tell of %q", want)
		}
	}
	if _, err := os.Stat(p.socket); !os.IsNotExist(err) {
		t.Errorf("the socket after the end: %v", err)
	}
}

// end sends a signal and waits for the good end.
func (p *program) end(sig os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
	if err := p.ended(); err != nil {
		p.t.Errorf("after %v: %v", sig, err)
	}
}

// TestStuck has requests wait for the mutex until it is let go.
func TestStuck(t *testing.T) {
	p := start(t, socketConfig(t))
	for range 2 {
		var waiting sync.WaitGroup
		for range 3 {
			waiting.Go(func() { p.want("/stuck", 200, "got the mutex after") })
		}
		all := make(chan struct{})
		go func() { waiting.Wait(); close(all) }()
		// Those that come after one /unstick need another.
		for done := false; !done; {
			p.want("/unstick", 200, "")
			select {
			case <-all:
				done = true
			default:
			}
		}
	}
	p.end(os.Interrupt)
}

// TestHold has a request hold the mutex until its context ends, or /unstick comes.
func TestHold(t *testing.T) {
	trap := new(Trap)
	for _, end := range []struct {
		name string
		by   func(cancel func())
		want string // the answer, or the error
	}{
		{"context", func(cancel func()) { cancel() }, context.Canceled.Error()},
		{"unstick", func(func()) { trap.unstick(httptest.NewRecorder(), nil) }, "let go\n"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		answer := make(chan string, 1)
		go func() {
			w := httptest.NewRecorder()
			if err := trap.hold(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/hold", nil)); err != nil {
				answer <- err.Error()
				return
			}
			answer <- w.Body.String()
		}()
		for trap.mu.TryLock() {
			trap.mu.Unlock()
			runtime.Gosched()
		}
		w := httptest.NewRecorder()
		if err := trap.hold(w, httptest.NewRequest(http.MethodGet, "/hold", nil)); err != nil || w.Body.String() != "somebody holds it already\n" {
			t.Errorf("%s: the second to hold it: %q, %v", end.name, w.Body, err)
		}
		end.by(cancel)
		if got := <-answer; got != end.want {
			t.Errorf("%s: %q, want %q", end.name, got, end.want)
		}
		if !trap.mu.TryLock() {
			t.Fatalf("%s: the mutex is still held", end.name)
		}
		trap.mu.Unlock()
		if trap.release != nil {
			t.Errorf("%s: nobody can claim the mutex any more", end.name)
		}
	}
}

// TestGoesOnWithoutIspyd starts without a configuration.
func TestGoesOnWithoutIspyd(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.toml")
	p := start(t, missing)
	p.want("/hello", 200, "hello")
	if p.socket != "" {
		t.Errorf("it says that ispyd is on %q", p.socket)
	}
	p.end(syscall.SIGTERM)
	if !strings.Contains(p.log.String(), missing) {
		t.Errorf("the log does not name the missing file:\n%s", p.log)
	}
}

func TestRefusedFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-log", "xml"}, 2, "text and json"},
		{[]string{"argument"}, 2, "takes no arguments"},
		{[]string{"-http", "nonsense"}, 1, "missing port"},
	} {
		cmd, log, err := command(append([]string{"-config", "/missing/ispyd.toml"}, c.args...)...)
		if err != nil {
			t.Fatal(err)
		}
		cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(log.String(), c.want) {
			t.Errorf("%q: exit code %d, %s, want %d and %q", c.args, code, log, c.code, c.want)
		}
	}
}

func TestListen(t *testing.T) {
	for addr, want := range map[string]string{":0": "127.0.0.1", "localhost:0": "127.0.0.1", "0.0.0.0:0": "0.0.0.0"} {
		l, err := listen(addr)
		if err != nil {
			t.Fatal(err)
		}
		if a := l.Addr().(*net.TCPAddr); a.IP.String() != want && !(want == "0.0.0.0" && a.IP.IsUnspecified()) && !a.IP.IsLoopback() {
			t.Errorf("listen(%q) is on %s, want %s", addr, a, want)
		}
		l.Close()
	}
}

// TestStore sells out and fills up again.
func TestStore(t *testing.T) {
	s := newStore()
	for range most {
		if _, err := s.place(&Customer{Name: "Ada"}, 1); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.place(&Customer{Name: "Ada"}, 1); err == nil || !strings.Contains(err.Error(), "apple: sold out") {
		t.Errorf("place: %v, want sold out", err)
	}
	if _, err := s.place(&Customer{Name: "Ada"}, 2); err != nil {
		t.Error(err)
	}
	s.refill()
	if len(s.orders) != most || s.items[1].Stock != most {
		t.Errorf("after a refill: %d orders, %d in stock", len(s.orders), s.items[1].Stock)
	}
	if o, err := s.place(&Customer{Name: "Ada"}, 1); err != nil || o.Number != most+2 {
		t.Errorf("place: %+v, %v", o, err)
	}
}
