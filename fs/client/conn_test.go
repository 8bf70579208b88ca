package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hugelgupf/p9/p9"
)

func sampleTree() *node {
	deep := text("down here\n")
	for i := 40; i > 0; i-- {
		deep = dir(map[string]*node{fmt.Sprint("d", i): deep})
	}
	return dir(map[string]*node{
		"README": {data: "a\ttext\tdoc of a\n", mtime: 1700000000},
		"empty":  text(""),
		"large":  text(strings.Repeat("0123456789abcdef", 300_000/16) + "end\n"),
		"process": dir(map[string]*node{
			"pid":  text("4711\n"),
			"argv": text("a\nb\n"),
		}),
		"deep": deep,
	})
}

func TestReadFile(t *testing.T) {
	tree := serveTree(t, sampleTree())
	for _, msize := range []uint32{0, 8 << 10, 1 << 20} {
		c := dialTest(t, tree.addr, Options{Msize: msize})
		for name, want := range map[string]string{
			"README": "a\ttext\tdoc of a\n", "/process/pid": "4711\n", "process/../process//pid": "4711\n",
			"empty": "", "large": tree.root.children["large"].data,
		} {
			got, err := c.ReadFile(t.Context(), name)
			if err != nil || string(got) != want {
				t.Errorf("msize %d: %s: %d bytes, %v, want %d", msize, name, len(got), err, len(want))
			}
			f, err := c.Open(t.Context(), name, os.O_RDONLY)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if n, err := f.WriteTo(&b); err != nil || n != int64(len(want)) || b.String() != want {
				t.Errorf("msize %d: %s: WriteTo: %d bytes, %v", msize, name, n, err)
			}
			if info, err := f.Stat(t.Context()); err != nil || info.Size() != int64(len(want)) {
				t.Errorf("%s: Stat: %v, %v", name, info, err)
			}
			p := make([]byte, len(want)+1)
			if n, err := io.ReadFull(io.NewSectionReader(readerAt{f}, 0, 1<<30), p); err != io.ErrUnexpectedEOF && err != io.EOF || string(p[:n]) != want {
				t.Errorf("%s: ReadAt: %d bytes, %v", name, n, err)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
			if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
				t.Errorf("second Close: %v", err)
			}
			if _, err := f.Read(p); !errors.Is(err, fs.ErrClosed) {
				t.Errorf("Read after Close: %v", err)
			}
		}
	}
	path := "deep"
	for i := 1; i <= 40; i++ {
		path += fmt.Sprint("/d", i)
	}
	c := dialTest(t, tree.addr, Options{})
	if got, err := c.ReadFile(t.Context(), path); err != nil || string(got) != "down here\n" {
		t.Errorf("a path of %d names: %q, %v", 41, got, err)
	}
	if info, err := c.Stat(t.Context(), path); err != nil || info.Size() != 10 || info.Name() != "d40" {
		t.Errorf("a path of %d names: %v, %v", 41, info, err)
	}
}

// readerAt is f as an io.ReaderAt.
type readerAt struct{ f *File }

func (r readerAt) ReadAt(p []byte, off int64) (int, error) {
	return r.f.ReadAt(context.Background(), p, off)
}

func TestReadDir(t *testing.T) {
	many := map[string]*node{}
	for i := range 3000 {
		many[fmt.Sprintf("file-number-%d", i)] = text("x")
	}
	tree := serveTree(t, dir(map[string]*node{"many": dir(many), "d": dir(map[string]*node{}), "stream": {typ: p9.TypeAppendOnly}, "slow": {typ: p9.TypeTemporary}, "link": {symlink: true}}))
	c := dialTest(t, tree.addr, Options{Msize: 8 << 10})
	entries, err := c.ReadDir(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, fmt.Sprint(e.Name(), " ", e.Mode()))
	}
	if want := "d d---------, link L---------, many d---------, slow T---------, stream a---------"; strings.Join(got, ", ") != want {
		t.Errorf("root: %s", strings.Join(got, ", "))
	}
	info, err := entries[4].Info()
	if err != nil || info.Mode() != fs.ModeAppend|0o444 || entries[4].Type() != 0 || info.(Info).ID() != entries[4].ID() {
		t.Errorf("stream: %v, %v", info, err)
	}
	if entries, err := c.ReadDir(t.Context(), "many"); err != nil || len(entries) != 3000 {
		t.Errorf("many: %d, %v", len(entries), err)
	}
	if entries, err := c.ReadDir(t.Context(), "d"); err != nil || len(entries) != 0 {
		t.Errorf("d: %d, %v", len(entries), err)
	}
	if _, err := c.ReadDir(t.Context(), "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
}

func TestStat(t *testing.T) {
	tree := serveTree(t, sampleTree())
	c := dialTest(t, tree.addr, Options{})
	for _, name := range []string{"", ".", "/", "process/.."} {
		info, err := c.Stat(t.Context(), name)
		if err != nil || !info.IsDir() || info.Name() != "." {
			t.Errorf("Stat(%q) = %v, %v", name, info, err)
		}
	}
	info, err := c.Stat(t.Context(), "README")
	if err != nil || info.Mode() != 0o444 || info.Size() != 16 || info.ModTime().Unix() != 1700000000 {
		t.Errorf("README: %+v, %v", info, err)
	}
	if info, _ := c.Stat(t.Context(), "empty"); !info.ModTime().IsZero() {
		t.Errorf("a time that nobody gave: %v", info.ModTime())
	}
	for name, want := range map[string]error{
		"none": fs.ErrNotExist, "a\x00": fs.ErrInvalid, strings.Repeat("x", 256): syscall.ENAMETOOLONG,
	} {
		_, err := c.Stat(t.Context(), name)
		var e *Error
		if !errors.Is(err, want) || !errors.As(err, &e) || e.Op != "stat" || e.Path != name || e.Text == "" {
			t.Errorf("Stat(%q): %#v, want %v", name, err, want)
		}
	}
}

func TestFS(t *testing.T) {
	tree := serveTree(t, dir(map[string]*node{
		"a":   {data: "hello\n", mtime: 1700000000},
		"d":   dir(map[string]*node{"b": text("b"), "e": dir(map[string]*node{})}),
		"big": text(strings.Repeat("x", 2_000)),
	}))
	c := dialTest(t, tree.addr, Options{Msize: 8 << 10})
	fsys := c.FS(t.Context())
	if err := fstest.TestFS(fsys, "a", "d/b", "d/e", "big"); err != nil {
		t.Error(err)
	}
	_, err := fs.ReadFile(fsys, "d/none")
	var pe *fs.PathError
	if !errors.As(err, &pe) || !errors.Is(err, fs.ErrNotExist) || err.Error() != "read d/none: no such file" {
		t.Errorf("%v", err)
	}
	f, err := fsys.Open("a")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n, err := f.(io.Seeker).Seek(-3, io.SeekEnd); n != 3 || err != nil {
		t.Errorf("Seek: %d, %v", n, err)
	}
	if b, err := io.ReadAll(f); string(b) != "lo\n" || err != nil {
		t.Errorf("after Seek: %q, %v", b, err)
	}
}

// Each slow file has a connection of its own, closed with it; a context ends
// what it waits for, and others go on.
func TestSlow(t *testing.T) {
	reading := make(chan struct{}, 10)
	release := make(chan struct{})
	tree := serveTree(t, dir(map[string]*node{
		"fast": text("fast\n"),
		"hangs": {read: func(p []byte, off int64) (int, error) {
			<-release
			return 0, io.EOF
		}},
		"slow": {typ: p9.TypeTemporary, read: func(p []byte, off int64) (int, error) {
			reading <- struct{}{}
			<-release
			return 0, io.EOF
		}},
	}))
	t.Cleanup(func() { close(release) })
	c := dialTest(t, tree.addr, Options{Timeout: time.Second})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f, err := c.Open(ctx, "slow", os.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	if n := tree.accepted(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
	failed := make(chan error)
	go func() {
		_, err := f.Read(make([]byte, 10))
		failed <- err
	}()
	<-reading
	if b, err := c.ReadFile(t.Context(), "fast"); err != nil || string(b) != "fast\n" {
		t.Errorf("beside a slow file: %q, %v", b, err)
	}
	if _, err := c.ReadFile(t.Context(), "hangs"); !errors.Is(err, ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, syscall.ETIMEDOUT) {
		t.Errorf("a read that hangs: %v", err)
	}
	select {
	case err := <-failed: // it began before the other, whose time ran out
		t.Errorf("a slow read has a time-out: %v", err)
	default:
	}
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled read: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}

	// Closing it ends a read that waits.
	f, err = c.Open(t.Context(), "slow", os.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := f.Read(make([]byte, 10))
		failed <- err
	}()
	<-reading
	f.Close()
	if err := <-failed; !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a read of a file that is closed meanwhile: %v", err)
	}
	select {
	case <-c.Done():
		t.Error("the Conn ended")
	default:
	}
	if _, err := c.ReadFile(t.Context(), "fast"); err != nil {
		t.Error(err)
	}
}

func TestDone(t *testing.T) {
	tree := serveTree(t, sampleTree())
	c := dialTest(t, tree.addr, Options{})
	f, err := c.Open(t.Context(), "README", os.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	// A server that hangs up but lives is called again.
	tree.hangUp()
	if b, err := c.ReadFile(t.Context(), "process/pid"); err != nil || string(b) != "4711\n" {
		t.Errorf("after the server hung up: %q, %v", b, err)
	}
	if _, err := f.ReadAt(t.Context(), make([]byte, 10), 0); !errors.Is(err, ErrHungUp) {
		t.Errorf("a file that was open meanwhile: %v", err)
	}
	select {
	case <-c.Done():
		t.Fatalf("the Conn ended: %v", c.Err())
	default:
	}
	// One that is gone is gone.
	tree.l.Close()
	tree.hangUp()
	<-c.Done()
	if _, err := c.ReadFile(t.Context(), "README"); !errors.Is(err, ErrHungUp) || !strings.Contains(err.Error(), "hung up") {
		t.Errorf("after the end: %v", err)
	}
	if err := c.Err(); !errors.Is(err, ErrHungUp) {
		t.Errorf("Err: %v", err)
	}
	f.Close()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestClose(t *testing.T) {
	reading := make(chan struct{})
	release := make(chan struct{})
	tree := serveTree(t, dir(map[string]*node{"waits": {read: func([]byte, int64) (int, error) {
		close(reading)
		<-release
		return 0, io.EOF
	}}}))
	t.Cleanup(func() { close(release) })
	c := dialTest(t, tree.addr, Options{})
	failed := make(chan error)
	go func() {
		_, err := c.ReadFile(t.Context(), "waits")
		failed <- err
	}()
	<-reading
	c.Close()
	if err := <-failed; !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a read under Close: %v", err)
	}
	<-c.Done()
	if _, err := c.Stat(t.Context(), "x"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Stat after Close: %v", err)
	}
	c.Close()
}

func TestDialErrors(t *testing.T) {
	dir := shortDir(t)
	stale := filepath.Join(dir, "stale")
	l := listenUnix(t, stale)
	l.SetUnlinkOnClose(false)
	l.Close()
	os.WriteFile(filepath.Join(dir, "file"), nil, 0o600)
	tcp := listenTCP(t)
	refused := tcp.Addr().String()
	tcp.Close()
	for addr, want := range map[string]error{
		stale:                          syscall.ECONNREFUSED,
		refused:                        syscall.ECONNREFUSED,
		filepath.Join(dir, "none"):     fs.ErrNotExist,
		filepath.Join(dir, "file"):     syscall.ECONNREFUSED,
		"relative/path":                fs.ErrInvalid,
		"/" + strings.Repeat("x", 200): fs.ErrNotExist,
	} {
		_, err := Dial(t.Context(), addr, Options{})
		var e *Error
		if !errors.Is(err, want) || !errors.As(err, &e) || e.Op != "dial" || e.Path != addr {
			t.Errorf("Dial(%s): %v, want %v", addr, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Dial(ctx, stale, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled Dial: %v", err)
	}
}

func TestTCPAndLongPath(t *testing.T) {
	tree := serveTree(t, sampleTree())
	// The same server over TCP.
	addr := proxyListener(t, listenTCP(t), tree.addr, nil)
	c := dialTest(t, addr, Options{})
	if p := c.Peer(); p.UID != -1 || p.PID != -1 {
		t.Errorf("the peer over TCP: %+v", p)
	}
	if b, err := c.ReadFile(t.Context(), "process/pid"); err != nil || string(b) != "4711\n" {
		t.Errorf("over TCP: %q, %v", b, err)
	}
	// And by a path that is too long for a socket.
	long := filepath.Join(shortDir(t), strings.Repeat("l", 100))
	if err := os.Symlink(filepath.Dir(tree.addr), long); err != nil {
		t.Fatal(err)
	}
	c = dialTest(t, filepath.Join(long, "s"), Options{})
	if p := c.Peer(); p.UID != os.Getuid() || p.PID != os.Getpid() {
		t.Errorf("the peer: %+v", p)
	}
	if _, err := c.Stat(t.Context(), "README"); err != nil {
		t.Error(err)
	}
	// And beneath another root, where absolute links mean that root.
	root := shortDir(t)
	os.MkdirAll(filepath.Join(root, "run"), 0o700)
	os.Symlink("/run", filepath.Join(root, "var"))
	if err := os.Link(tree.addr, filepath.Join(root, "run/s")); err != nil {
		t.Fatal(err)
	}
	c = dialTest(t, "/var/s", Options{Root: root})
	if _, err := c.Stat(t.Context(), "README"); err != nil {
		t.Error(err)
	}
}
