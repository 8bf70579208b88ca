package fs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hugelgupf/p9/p9"

	"github.com/ispyd/ispyd/fs"
	"github.com/ispyd/ispyd/nodes"
)

// patience is how long a test waits for what must happen. It bounds a failure;
// no test passes by it.
const patience = 30 * time.Second

// server is a Server under test.
type server struct {
	*fs.Server
	addr    string
	records *fs.Records
	log     *logBuffer
}

// start serves o.Root, or the usual tree, on a unix socket until the test ends.
func start(t testing.TB, o fs.Options) *server {
	t.Helper()
	s := &server{addr: socketPath(t), log: &logBuffer{}, records: o.Records}
	if s.records == nil {
		s.records = fs.NewRecords()
		o.Records = s.records
	}
	if o.Root == nil {
		o.Root = newTree().root
	}
	o.Logger = slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	l, err := fs.Listen(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	s.Server = fs.NewServer(o)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s
}

// socketPath returns a path short enough for a socket.
func socketPath(t testing.TB) string {
	t.Helper()
	return filepath.Join(shortDir(t), "s")
}

func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "x")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// logBuffer is what a server has logged.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// wait waits until cond holds, looking whenever something may have changed.
func wait(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s\n%s", what, stacks())
		}
		<-time.After(time.Millisecond)
	}
}

func (l *logBuffer) wait(t testing.TB, text string) {
	t.Helper()
	wait(t, "log of "+text, func() bool { return strings.Contains(l.String(), text) })
}

// attach connects as p9's client does.
func (s *server) attach(t testing.TB) p9.File {
	t.Helper()
	nc, err := net.Dial("unix", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	return attach(t, nc)
}

func attach(t testing.TB, nc net.Conn) p9.File {
	t.Helper()
	c, err := p9.NewClient(nc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	root, err := c.Attach("")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// open walks to path and opens it.
func open(t testing.TB, root p9.File, path string, flags p9.OpenFlags) p9.File {
	t.Helper()
	f, err := tryOpen(root, path, flags)
	if err != nil {
		t.Fatalf("open %s: %v", path, err)
	}
	return f
}

func tryOpen(root p9.File, path string, flags p9.OpenFlags) (p9.File, error) {
	_, f, err := root.Walk(strings.Split(path, "/"))
	if err != nil {
		return nil, err
	}
	if _, _, err := f.Open(flags); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// readAll reads an open file to its end.
func readAll(t testing.TB, f p9.File) string {
	t.Helper()
	var b []byte
	buf := make([]byte, 8192)
	for {
		n, err := f.ReadAt(buf, int64(len(b)))
		b = append(b, buf[:n]...)
		if err == io.EOF {
			return string(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func cat(t testing.TB, root p9.File, path string) string {
	t.Helper()
	f := open(t, root, path, p9.ReadOnly)
	defer f.Close()
	return readAll(t, f)
}

// text reads a file of records' own.
func text(t testing.TB, f nodes.File) string {
	t.Helper()
	h, err := f.Open(context.Background(), nodes.Read)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	b, err := io.ReadAll(io.NewSectionReader(readerAt{h}, 0, 1<<30))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

type readerAt struct{ nodes.Handle }

func (r readerAt) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		m, err := r.Handle.ReadAt(context.Background(), p[n:], off+int64(n))
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// tree is the usual tree of tests.
type tree struct {
	root    *nodes.Folder
	ring    *nodes.Ring
	blocked chan string   // gets a name whenever something begins to block
	release chan struct{} // closed to let all that ignores its context go on

	mu    sync.Mutex
	level int
}

var errLevel = nodes.Errorf(os.ErrInvalid, "the level is at most 9")

func newTree() *tree {
	tr := &tree{ring: nodes.NewRing(1 << 16), blocked: make(chan string, 1024), release: make(chan struct{}), level: 3}
	block := func(ctx context.Context) error {
		tr.blocked <- "blocking"
		<-ctx.Done()
		tr.blocked <- "ended"
		return ctx.Err()
	}
	tr.root = nodes.Directory("", "",
		nodes.Directory("process", "the process",
			nodes.Value("pid", "process id", func(context.Context) (int, error) { return 14905, nil }),
			nodes.Static("args", "arguments", []byte("srv\x00-x\n")),
		),
		nodes.Directory("log", "the log", nodes.Stream("tail", "log records", tr.ring)),
		nodes.Var("level", "a setting", tr.get, tr.set),
		nodes.Ctl("ctl", "acts",
			nodes.Verb{Name: "ok", Doc: "does nothing", Run: func(context.Context, []string) error { return nil }},
			nodes.Verb{Name: "bad", Doc: "fails", Run: func(context.Context, []string) error {
				return nodes.Errorf(nodes.ErrBusy, "somebody else is at it")
			}},
			nodes.Verb{Name: "panic", Doc: "panics", Run: func(context.Context, []string) error { panic("ctl's panic") }},
			nodes.Verb{Name: "block", Doc: "blocks", Run: func(ctx context.Context, _ []string) error { return block(ctx) }},
		),
		nodes.Text("big", "a mebibyte", func(_ context.Context, w io.Writer) error {
			_, err := w.Write(bytes.Repeat([]byte("0123456789abcde\n"), 1<<16))
			return err
		}),
		nodes.Text("block", "blocks when it is opened", func(ctx context.Context, _ io.Writer) error { return block(ctx) }),
		nodes.Text("fails", "fails when it is opened", func(context.Context, io.Writer) error {
			return nodes.Errorf(nodes.ErrNotSupported, "not on this machine")
		}),
		nodes.Text("panics", "panics when it is opened", func(context.Context, io.Writer) error { panic("text's panic") }),
		nodes.Unlisted(nodes.Timed("cpu", "captures", time.Hour, func(ctx context.Context, d time.Duration, w io.Writer) error {
			if d < time.Second {
				_, err := fmt.Fprintf(w, "captured for %s\n", d)
				return err
			}
			return block(ctx)
		})),
		nodes.Unlisted(nodes.Dynamic("names", "knows none", func(_ context.Context, name string) (nodes.Node, error) {
			return nil, nodes.Errorf(nodes.ErrMisnamed, "%s is no name (near: nome)", name)
		}, func(context.Context) ([]nodes.Node, error) { return nil, nil })),
		nodes.Session("session", "answers", func(context.Context) (nodes.Conversation, error) { return echo{}, nil }),
	)
	return tr
}

func (tr *tree) get(context.Context) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.level, nil
}

func (tr *tree) set(_ context.Context, v int) error {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if v > 9 {
		return errLevel
	}
	tr.level = v
	return nil
}

// awaitBlocked waits until n operations have begun to block, or ended.
func (tr *tree) await(t testing.TB, what string, n int) {
	t.Helper()
	timeout := time.After(patience)
	for range n {
		select {
		case got := <-tr.blocked:
			if got != what {
				t.Fatalf("%q, not %q", got, what)
			}
		case <-timeout:
			t.Fatalf("waited in vain for %q", what)
		}
	}
}

type echo struct{}

func (echo) Ask(_ context.Context, request []byte) ([]byte, error) {
	if bytes.HasPrefix(request, []byte("error")) {
		return nil, errors.New("you said error")
	}
	return append([]byte("you said "), request...), nil
}

func (echo) Close() error { return nil }
