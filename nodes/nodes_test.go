package nodes_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/nodes/nodetest"
)

// sample is a tree of every kind.
func sample() *nodes.Folder {
	var limit atomic.Int64
	limit.Store(100)
	ring := nodes.NewRing(1 << 10)
	ring.Append([]byte("first"))
	type row struct {
		ID   int           `json:"id"`
		Age  time.Duration `json:"age"`
		Tags []string      `json:"tags,omitempty"`
	}
	return nodes.Directory("sample", "one of each kind",
		nodes.Static("version", "what this is", []byte("1.0\n")),
		nodes.Text("text", "some text", func(_ context.Context, w io.Writer) error {
			_, err := fmt.Fprintf(w, "hello\n%s", strings.Repeat("line\n", 5000))
			return err
		}),
		nodes.Value("rows", "a table", func(context.Context) ([]row, error) {
			return []row{{1, time.Second, []string{"a", "b"}}, {2, 0, nil}}, nil
		}),
		nodes.Var("limit", "a number", func(context.Context) (int64, error) { return limit.Load(), nil },
			func(_ context.Context, n int64) error { limit.Store(n); return nil }),
		nodes.Ctl("ctl", "acts",
			nodes.Verb{Name: "reset", Doc: "set it to 0", Run: func(context.Context, []string) error { limit.Store(0); return nil }},
			nodes.Verb{Name: "add", Args: "N [times=N]", Doc: "add N", Run: func(_ context.Context, args []string) error { return nil }}),
		nodes.Stream("events", "what happened", ring),
		nodes.Session("chat", "an echo", func(context.Context) (nodes.Conversation, error) { return &echo{}, nil }),
		nodes.Timed("cpu", "a capture", time.Minute, waitFor),
		nodes.Unlisted(nodes.Text("dear", "costs much", func(context.Context, io.Writer) error { return nil })),
		nodes.Dynamic("requests", "who comes and goes", func(_ context.Context, name string) (nodes.Node, error) {
			if name != "7" {
				return nil, nodes.Errorf(fs.ErrNotExist, "no request %q", name)
			}
			return nodes.Static("7", "a request", []byte("GET /\n")), nil
		}, func(context.Context) ([]nodes.Node, error) {
			return []nodes.Node{nodes.Static("7", "a request", []byte("GET /\n"))}, nil
		}, nodes.Help{Path: "ID", Kind: nodes.KindStatic, Doc: "one request"}),
	)
}

func waitFor(ctx context.Context, d time.Duration, w io.Writer) error {
	select {
	case <-time.After(d):
		_, err := fmt.Fprintln(w, "captured", d)
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

type echo struct{ n int }

func (e *echo) Ask(ctx context.Context, req []byte) ([]byte, error) {
	if bytes.HasPrefix(req, []byte("hang")) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if bytes.HasPrefix(req, []byte("panic")) {
		panic("asked to")
	}
	e.n++
	return fmt.Appendf(nil, "%d: %s", e.n, req), nil
}

func (e *echo) Close() error { return nil }

func TestConformance(t *testing.T) {
	nodetest.Check(t, func(*testing.T) (nodes.Dir, io.Closer) { return sample(), nil })
}

func TestFS(t *testing.T) {
	if err := fstest.TestFS(nodes.FS(t.Context(), sample()), "version", "text", "rows", "limit", "ctl", "events", "requests/7"); err != nil {
		t.Error(err)
	}
}

func open(t *testing.T, dir nodes.Dir, path string, flags nodes.Flags) nodes.Handle {
	t.Helper()
	n, err := nodes.Walk(t.Context(), dir, path)
	if err != nil {
		t.Fatal(err)
	}
	h, err := n.(nodes.File).Open(t.Context(), flags)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func read(t *testing.T, h nodes.Handle, off int64) string {
	t.Helper()
	b, err := io.ReadAll(io.NewSectionReader(readerAt{t.Context(), h}, off, 1<<40))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

type readerAt struct {
	ctx context.Context
	h   nodes.Handle
}

func (r readerAt) ReadAt(p []byte, off int64) (int, error) { return r.h.ReadAt(r.ctx, p, off) }

func TestTwin(t *testing.T) {
	dir := sample()
	if got, want := read(t, open(t, dir, "rows", nodes.Read), 0), "id\tage\ttags\n1\t1s\ta b\n2\t0s\t\n"; got != want {
		t.Errorf("rows = %q, want %q", got, want)
	}
	got := read(t, open(t, dir, "rows.json", nodes.Read), 0)
	if !strings.Contains(got, `"age": 1000000000`) || !strings.HasPrefix(got, "[\n") {
		t.Errorf("rows.json = %s", got)
	}
	if _, err := nodes.Walk(t.Context(), dir, "text.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("text.json: %v", err)
	}
	// An exact name comes before the twin.
	dir.Add(nodes.Static("limit.json", "an exact name", []byte("mine\n")))
	if got := read(t, open(t, dir, "limit.json", nodes.Read), 0); got != "mine\n" {
		t.Errorf("limit.json = %q", got)
	}
}

func TestWrite(t *testing.T) {
	for _, c := range []struct{ path, write, text string }{
		{"limit", "250\n", ""},
		{"limit", "250", ""},
		{"limit", "", ""},
		{"limit", "\n\n", "limit: a value is missing"},
		{"limit", "many", `limit: "many" is not a whole number`},
		{"limit", "99999999999999999999", `limit: "99999999999999999999" is not a whole number of 64 bits`},
		{"limit", "1\nx\n3\n", `line 2: limit: "x" is not a whole number`},
		{"ctl", "reset", ""},
		{"ctl", "reset\nadd 1\nadd 1 times=2\n", ""},
		{"ctl", "", ""},
		{"ctl", "\n", "ctl: a verb is missing; read the file for them"},
		{"ctl", " \t", "ctl: a verb is missing; read the file for them"},
		{"ctl", "rest", "rest: unknown verb (near: reset); the verbs are reset, add"},
		{"ctl", "reset now", "reset takes no arguments, not now"},
		{"ctl", "add", "add: 0 arguments given; the form is: add N [times=N]"},
		{"ctl", "add 1 2 3", "add: 3 arguments given; the form is: add N [times=N]"},
		{"ctl", "reset\n\nbad\x01verb\n", `line 3: bad\x01verb: unknown verb; the verbs are reset, add`},
	} {
		h := open(t, sample(), c.path, nodes.Read|nodes.Write)
		n, err := h.WriteAt(t.Context(), []byte(c.write), 0)
		if c.text == "" {
			if err != nil || n != len(c.write) {
				t.Errorf("%s <- %q: %d, %v", c.path, c.write, n, err)
			}
			continue
		}
		if err == nil || err.Error() != c.text || !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s <- %q: error %q, want %q", c.path, c.write, err, c.text)
		}
		// The reader's position may stand behind what it wrote before.
		if got := read(t, h, 12); got != c.text+"\n" {
			t.Errorf("%s <- %q: then reads as %q", c.path, c.write, got)
		}
		if _, err := h.WriteAt(t.Context(), nil, 0); err != nil {
			t.Error(err)
		}
		if got := read(t, h, 0); got == c.text+"\n" {
			t.Errorf("%s: still reads as the error after a write that succeeded", c.path)
		}
	}
}

// A ctl shows what its verbs have set, and its size follows.
func TestCtlShowsSettings(t *testing.T) {
	now := "1s"
	f := nodes.Ctl("ctl", "acts",
		nodes.Verb{Name: "slow", Args: "duration", Doc: "how long is slow", Now: func() string { return now }},
		nodes.Verb{Name: "clear", Doc: "forgets"})
	for _, now = range []string{"1s", "250ms"} {
		h, err := f.Open(t.Context(), nodes.Read)
		if err != nil {
			t.Fatal(err)
		}
		want := "slow\tduration\thow long is slow; now " + now + "\nclear\t\tforgets\n"
		if got := read(t, h, 0); got != want {
			t.Errorf("ctl reads %q, want %q", got, want)
		}
		if size := f.Attr().Size; size != int64(len(want)) {
			t.Errorf("its size is %d, want %d", size, len(want))
		}
	}
}

func TestRenderingIsCut(t *testing.T) {
	f := nodes.Text("big", "too big", func(_ context.Context, w io.Writer) error {
		line := bytes.Repeat([]byte("x"), 1<<20)
		for {
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
	})
	h, err := f.Open(t.Context(), nodes.Read)
	if err != nil {
		t.Fatal(err)
	}
	size, _ := h.Stat()
	tail := make([]byte, 100)
	n, err := h.ReadAt(t.Context(), tail, size-60)
	if err != nil || !strings.Contains(string(tail[:n]), "[cut at 67108864 bytes") {
		t.Errorf("size %d, ends %q, %v", size, tail[:n], err)
	}
}

func TestPanicIsAnError(t *testing.T) {
	f := nodes.Text("bad", "panics", func(context.Context, io.Writer) error { panic("boom") })
	_, err := f.Open(t.Context(), nodes.Read)
	var p *nodes.PanicError
	if !errors.As(err, &p) || !errors.Is(err, nodes.ErrPanic) || err.Error() != "panic: boom" || len(p.Stack) == 0 {
		t.Errorf("error %v", err)
	}
}

// Who opens a file while it is being rendered must not be given what was
// rendered before he asked, but all who wait share one.
func TestRenderingIsShared(t *testing.T) {
	var renderings atomic.Int64
	started, release := make(chan bool), make(chan bool)
	f := nodes.Text("slow", "renders when told", func(_ context.Context, w io.Writer) error {
		n := renderings.Add(1)
		started <- true
		<-release
		_, err := fmt.Fprintln(w, n)
		return err
	})
	results := make(chan string, 10)
	ask := func() {
		h, err := f.Open(t.Context(), nodes.Read)
		if err != nil {
			t.Error(err)
			results <- ""
			return
		}
		b := make([]byte, 10)
		n, _ := h.ReadAt(t.Context(), b, 0)
		results <- string(b[:n])
	}
	go ask()
	<-started
	for range 5 {
		go ask()
	}
	waitUntil(t, func() bool { return nodes.Waiting(f) == 5 })
	release <- true
	<-started
	release <- true
	got := map[string]int{}
	for range 6 {
		got[<-results]++
	}
	if got["1\n"] != 1 || got["2\n"] != 5 {
		t.Errorf("renderings seen: %v", got)
	}
}

// Code that hangs holds up only those who wait for it, as long as they want.
func TestHangingRendering(t *testing.T) {
	release := make(chan bool)
	f := nodes.Text("hangs", "hangs", func(context.Context, io.Writer) error { <-release; return nil })
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_, err := f.Open(ctx, nodes.Read)
		cancel()
		if !errors.Is(err, nodes.ErrTimeout) || !strings.Contains(err.Error(), "hangs: no answer yet after") {
			t.Errorf("error %v", err)
		}
	}
	close(release)
	if _, err := f.Open(t.Context(), nodes.Read); err != nil {
		t.Errorf("after it has come back: %v", err)
	}
}

func TestTimed(t *testing.T) {
	dir := sample()
	for _, c := range []struct {
		name string
		want error
	}{
		{"cpu/99h", fs.ErrInvalid}, {"cpu/-1s", fs.ErrInvalid}, {"cpu/0s", fs.ErrInvalid},
		{"cpu/abc", fs.ErrInvalid}, {"cpu/5", fs.ErrInvalid}, {"cpu/.git", fs.ErrNotExist}, {"cpu/1ms.json", fs.ErrNotExist}, {"cpu/1ms/x", fs.ErrNotExist},
	} {
		if _, err := nodes.Walk(t.Context(), dir, c.name); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	h := open(t, dir, "cpu/1ms", nodes.Read)
	if got := read(t, h, 0); got != "captured 1ms\n" {
		t.Errorf("reads as %q", got)
	}
	if size, _ := h.Stat(); size != int64(len("captured 1ms\n")) {
		t.Errorf("size %d", size)
	}
	// A cancelled read ends the capture; so does closing the file.
	h = open(t, dir, "cpu/1m", nodes.Read)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.ReadAt(ctx, make([]byte, 1), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	done := make(chan error)
	go func() {
		_, err := h.ReadAt(t.Context(), make([]byte, 1), 0)
		done <- err
	}()
	h.Close()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("closed: %v", err)
	}
}

func TestSession(t *testing.T) {
	h := open(t, sample(), "chat", nodes.Read|nodes.Write)
	ctx := t.Context()
	write := func(s string) {
		t.Helper()
		if _, err := h.WriteAt(ctx, []byte(s), 99); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, h, 0); got != "" {
		t.Errorf("before the first request: %q", got)
	}
	write("hel")
	write("lo")
	if got := read(t, h, 0); got != "1: hello" {
		t.Errorf("answer %q", got)
	}
	if got := read(t, h, 0); got != "" {
		t.Errorf("behind the end: %q", got)
	}
	write("discarded")
	h.ReadAt(ctx, make([]byte, 3), 0)
	write("next")
	if got := read(t, h, 0); got != "3: next" {
		t.Errorf("answer %q", got)
	}
	write("panic")
	if _, err := h.ReadAt(ctx, make([]byte, 9), 0); !errors.Is(err, nodes.ErrPanic) {
		t.Errorf("a panic: %v", err)
	}
	write("hang")
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	if _, err := h.ReadAt(short, make([]byte, 9), 0); err == nil {
		t.Error("a request that hangs was answered")
	}
	if _, err := h.WriteAt(ctx, make([]byte, 2<<20), 0); !errors.Is(err, nodes.ErrTooLarge) {
		t.Errorf("2 MiB: %v", err)
	}
}

func TestConcurrentSession(t *testing.T) {
	h := open(t, sample(), "chat", nodes.Read|nodes.Write)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				h.WriteAt(t.Context(), []byte("x"), 0)
				h.ReadAt(t.Context(), make([]byte, 10), 0)
			}
		})
	}
	wg.Wait()
}

func TestReadme(t *testing.T) {
	h := open(t, nodes.Directory("", "root", nodes.Readme("README", "explains the tree", sample())), "README", nodes.Read)
	got := read(t, h, 0)
	for _, want := range []string{
		"path\tkind\tdoc\n", "ctl\tctl\tacts\n", "dear\ttext\tcosts much\n", "requests/ID\tstatic\tone request\n",
		"cpu/DURATION\ttimed\ta capture, for a duration of at most 1m0s\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("README lacks %q:\n%s", want, got)
		}
	}
}

func waitUntil(t *testing.T, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); !cond(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}
