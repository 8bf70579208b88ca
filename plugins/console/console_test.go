package console

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/ispyd/ispyd/internal/config"
	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/nodes/nodetest"
	"github.com/ispyd/ispyd/plugins"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

// local is a configuration on a socket whose peers the kernel knows.
type local struct {
	t    testing.TB
	text string
	log  io.Writer
}

func (c local) Decode(v any) error {
	f, err := config.Parse("test.toml", []byte(c.text))
	if err != nil {
		return err
	}
	return f.Decode("console", v)
}
func (local) Redact() *redact.Redactor { return nil }
func (local) Local() bool              { return true }
func (c local) Logger() *slog.Logger {
	if c.log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(c.log, nil))
}

func openTest(t testing.TB, c local) nodes.Dir {
	t.Helper()
	c.t = t
	d, closer, err := Plugin.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if closer != nil {
			closer.Close()
		}
	})
	return d
}

func check(t *testing.T, text string) {
	nodetest.Check(t, func(t *testing.T) (nodes.Dir, io.Closer) {
		d, closer, err := Plugin.Open(local{t: t, text: text})
		if err != nil {
			t.Fatal(err)
		}
		return d, closer
	})
}

type client struct {
	t testing.TB
	h nodes.Handle
}

func session(t testing.TB, d nodes.Dir) client {
	t.Helper()
	n, err := nodes.Walk(t.Context(), d, "session")
	if err != nil {
		t.Fatal(err)
	}
	h, err := n.(nodes.File).Open(t.Context(), nodes.Read|nodes.Write)
	if err != nil {
		t.Fatal(err)
	}
	return client{t, h}
}

func (c client) ask(ctx context.Context, text string) string {
	c.t.Helper()
	if _, err := c.h.WriteAt(ctx, []byte(text), 0); err != nil {
		c.t.Fatal(err)
	}
	b := make([]byte, 1<<20)
	n, err := c.h.ReadAt(ctx, b, 0)
	if err != nil && err != io.EOF {
		return "failed: " + err.Error()
	}
	return string(b[:n])
}

func TestDisabled(t *testing.T) {
	for _, text := range []string{"", "[console]\nenabled = false\n"} {
		d := openTest(t, local{text: text})
		check(t, text)
		if _, err := nodes.Walk(t.Context(), d, "session"); err == nil || !strings.Contains(err.Error(), "enabled = true") {
			t.Errorf("session: %v", err)
		}
	}
}

// remote is a configuration on a socket whose peers nobody knows.
type remote struct{ plugins.Config }

func (remote) Local() bool { return false }

func TestRemote(t *testing.T) {
	if _, _, err := Plugin.Open(remote{plugintest.Config(t, "console", "[console]\nenabled = true\n")}); err == nil || !strings.Contains(err.Error(), "allow-remote") {
		t.Errorf("on anything but a local socket: %v", err)
	}
	d, closer, err := Plugin.Open(remote{plugintest.Config(t, "console", "[console]\nenabled = true\nallow-remote = true\n")})
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	if _, err := nodes.Walk(t.Context(), d, "session"); err != nil {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct{ bad, want string }{
		{`timeout = "0s"`, `:3: console.timeout: must be a duration from "1ms" to "1h0m0s"`},
		{`timeout = "2h"`, ":3: console.timeout"}, {"output = 1", ":3: console.output: must be from 1024 to 16777216 bytes, not 1"},
		{"memory = 5", ":3: console.memory: must be at least 1048576"}, {"sessions = 0", ":3: console.sessions: must be from 1 to 1000"},
		{"sesions = 1", "near: sessions"}, {"enabled = 3", ":3: "},
	} {
		for _, enabled := range []string{"true", "false"} {
			_, _, err := Plugin.Open(local{t: t, text: "[console]\nenabled = " + enabled + "\n" + c.bad + "\n"})
			if c.bad == "enabled = 3" {
				_, _, err = Plugin.Open(local{t: t, text: "[console]\n\n" + c.bad + "\n"})
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: the error is %v, want %s", c.bad, err, c.want)
			}
		}
	}
}

func TestSession(t *testing.T) {
	var log strings.Builder
	d := openTest(t, local{text: "[console]\nenabled = true\ntimeout = \"2s\"\n", log: &log})
	check(t, "[console]\nenabled = true\n")
	c, other := session(t, d), session(t, d)
	ctx := nodes.Detached(t.Context())
	for _, x := range []struct{ ask, want string }{
		{"x := 20", ""},
		{"x + 1", "21\n"},
		{"strconv.Atoi(\"12\")", "12, nil\n"},
		{"fmt.Print(\"a\"); x", "a\n20\n"},
		{"fmt.Println(\"before\"); panic(\"p\")", "before\nerror: panic: p, at 1:24\n"},
		{"y", "error: 1:1: undefined: y"},
		{"x +", "error: 1:4: expected operand"},
		{"os.Exit(1)", "error: os.Exit(1) is not done"},
		{":type x", "var int\n"},
		{":type nope", "error: undefined: nope"},
		{":doc time.Second", "time.Second: constant 1000000000 of type time.Duration\n"},
		{":nope", "error: :nope is no command"},
		{":help", help},
		{":json x", `{"values":[[{"value":"20","type":"int"}]]}` + "\n"},
		{":json exit()", `{"quit":true}` + "\n"},
	} {
		if got := c.ask(ctx, x.ask); !strings.HasPrefix(got, x.want) || x.want == "" && got != "" {
			t.Errorf("%s\n got %q\nwant %q", x.ask, got, x.want)
		}
	}
	if got := other.ask(ctx, "x"); !strings.HasPrefix(got, "error: 1:1: undefined: x") {
		t.Errorf("a session sees what another declares: %q", got)
	}
	var k Completion
	if err := json.Unmarshal([]byte(c.ask(ctx, ":complete strings.HasP")), &k); err != nil {
		t.Fatal(err)
	}
	if k.Word != 4 || len(k.Candidates) != 1 || k.Candidates[0].Name != "HasPrefix" || !strings.HasPrefix(k.Candidates[0].Doc, "func(") {
		t.Errorf("completion: %+v", k)
	}
	if !strings.Contains(log.String(), `go="x + 1" result=ok`) || !strings.Contains(log.String(), "panic: p") {
		t.Errorf("not logged: %s", log.String())
	}
	n, err := nodes.Walk(t.Context(), d, "status")
	if err != nil {
		t.Fatal(err)
	}
	text, err := fs.ReadFile(nodes.FS(t.Context(), d), n.Name())
	if err != nil || !strings.Contains(string(text), "sessions\t2\n") {
		t.Errorf("status: %v\n%s", err, text)
	}
	c.h.Close()
	other.h.Close()
}

func TestSessions(t *testing.T) {
	d := openTest(t, local{text: "[console]\nenabled = true\nsessions = 1\n"})
	c := session(t, d)
	n, _ := nodes.Walk(t.Context(), d, "session")
	if _, err := n.(nodes.File).Open(t.Context(), nodes.Read|nodes.Write); err == nil || !strings.Contains(err.Error(), "console.sessions") {
		t.Errorf("a second one: %v", err)
	}
	c.h.Close()
}

// TestCancel ends an evaluation with the context of the read that waits for it.
func TestCancel(t *testing.T) {
	d := openTest(t, local{text: "[console]\nenabled = true\ntimeout = \"1h\"\n"})
	c := session(t, d)
	defer c.h.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	c.ask(ctx, "for {}")
	if got := c.ask(t.Context(), "1 + 1"); got != "2\n" {
		t.Errorf("after it: %q", got)
	}
}

// TestAbandoned leaves a call behind that no context ends. The session goes on, and
// says what nobody has read.
func TestAbandoned(t *testing.T) {
	var log strings.Builder
	d := openTest(t, local{text: "[console]\nenabled = true\ntimeout = \"1h\"\n", log: &log})
	c := session(t, d)
	defer c.h.Close()
	c.ask(t.Context(), "n := 5; var mu sync.Mutex; mu.Lock()")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	c.ask(ctx, "mu.Lock()")
	got := c.ask(t.Context(), "n")
	if !strings.HasPrefix(got, "note: the request before was abandoned: the call of ") || !strings.HasSuffix(got, "\n5\n") {
		t.Errorf("the answer after it: %q", got)
	}
	if got := c.ask(t.Context(), "mu.Unlock(); n"); got != "5\n" {
		t.Errorf("the one after that: %q", got)
	}
	if !strings.Contains(log.String(), "abandoned: the call of") {
		t.Errorf("not logged: %s", log.String())
	}
}

// lines is a log that several goroutines write.
type lines chan string

func (l lines) Write(b []byte) (int, error) { l <- string(b); return len(b), nil }

// TestOrphan has a function of a session called by a timer again and again, also when
// the session has ended.
func TestOrphan(t *testing.T) {
	log := make(lines, 100)
	d := openTest(t, local{text: "[console]\nenabled = true\n", log: log})
	c := session(t, d)
	if got := c.ask(t.Context(), "var tick *time.Timer; tick = time.AfterFunc(time.Hour, func() { tick.Reset(10*time.Millisecond) }); tick.Reset(10*time.Millisecond)"); got != "true\n" {
		t.Fatal(got)
	}
	<-log
	c.h.Close()
	select {
	case text := <-log:
		if !strings.Contains(text, "level=WARN") || !strings.Contains(text, "of a session that has ended (func literal func())") {
			t.Errorf("logged: %s", text)
		}
	case <-time.After(time.Minute):
		t.Error("nothing is logged")
	}
}

// BenchmarkSession is a conversation from its begin to its end.
func BenchmarkSession(b *testing.B) {
	_, closer, err := open(local{t: b, text: "[console]\nenabled = true\n"})
	if err != nil {
		b.Fatal(err)
	}
	defer closer.Close()
	b.ReportAllocs()
	for b.Loop() {
		c, err := closer.(*plugin).begin(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}
