package bind

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ispyd/ispyd/fs"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/nodes/nodetest"
)

// listen returns a socket and a listener on it.
func listen(t *testing.T) (string, net.Listener) {
	t.Helper()
	dir, err := os.MkdirTemp("", "bind")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := fs.Listen(filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	return l.Addr().String(), l
}

func serve(t *testing.T, root nodes.Dir) string {
	t.Helper()
	addr, l := listen(t)
	srv := fs.NewServer(fs.Options{Root: root})
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return addr
}

// The bound tree keeps the rules of any other.
func TestConformance(t *testing.T) {
	ring := nodes.NewRing(1 << 10)
	ring.Append([]byte("something"))
	addr := serve(t, nodes.Directory("", "root",
		nodes.Static("version", "v", []byte("1\n")),
		nodes.Text("empty", "nothing", func(context.Context, io.Writer) error { return nil }),
		nodes.Var("limit", "a number", func(context.Context) (int, error) { return 3, nil }, func(context.Context, int) error { return nil }),
		nodes.Ctl("ctl", "acts", nodes.Verb{Name: "go", Doc: "goes", Run: func(context.Context, []string) error { return nil }}),
		nodes.Stream("events", "what happened", ring),
		nodes.Directory("sub", "deeper", nodes.Static("x", "y", []byte("z\n")))))
	tree := New("other", "another tree", addr, 10*time.Second)
	// Connected before: the count of goroutines is of the tree's use alone.
	if _, err := tree.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	nodetest.Check(t, func(t *testing.T) (nodes.Dir, io.Closer) { return tree, tree })
}

// A server that takes connections and never answers makes errors, in time.
func TestMute(t *testing.T) {
	addr, l := listen(t)
	defer l.Close()
	tree := New("mute", "never answers", addr, 50*time.Millisecond)
	defer tree.Close()
	for range 2 {
		if _, err := tree.Lookup(t.Context(), "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Lookup: %v", err)
		}
		if _, err := tree.List(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("List: %v", err)
		}
	}
}

// Who waits for a server that does not answer can leave.
func TestCancel(t *testing.T) {
	addr, l := listen(t)
	defer l.Close()
	tree := New("mute", "never answers", addr, time.Hour)
	defer tree.Close() // it does not wait for the answer
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tree.Lookup(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("Lookup: %v", err)
	}
}

// A server that has gone is found again when it is back.
func TestRestart(t *testing.T) {
	dir := nodes.Directory("", "root", nodes.Static("x", "x", []byte("1\n")))
	addr, l := listen(t)
	srv := fs.NewServer(fs.Options{Root: dir})
	go srv.Serve(l)
	tree := New("other", "another tree", addr, 10*time.Second)
	defer tree.Close()
	if _, err := nodes.Walk(t.Context(), tree, "x"); err != nil {
		t.Fatal(err)
	}
	conn, err := tree.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	srv.Close()
	<-conn.Done()
	if _, err := nodes.Walk(t.Context(), tree, "x"); err == nil {
		t.Error("a file of a server that has gone is found")
	}
	l, err = fs.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	srv = fs.NewServer(fs.Options{Root: dir})
	go srv.Serve(l)
	defer srv.Close()
	if _, err := nodes.Walk(t.Context(), tree, "x"); err != nil {
		t.Errorf("after the restart: %v", err)
	}
	tree.Close()
	if _, err := nodes.Walk(t.Context(), tree, "x"); err == nil {
		t.Error("a closed tree finds files")
	}
}
