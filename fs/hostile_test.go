package fs_test

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hugelgupf/p9/p9"

	"github.com/ispyd/ispyd/fs"
	"github.com/ispyd/ispyd/nodes"
)

// rawSession agrees on a version and attaches fid 0.
func rawSession(t testing.TB, addr string) net.Conn {
	t.Helper()
	c := rawDial(t, addr)
	c.SetDeadline(time.Now().Add(patience))
	rawCall(t, c, tversion(128<<10))
	rawCall(t, c, tattach(1, 0))
	return c
}

// served fails if the server does not serve.
func served(t testing.TB, s *server) {
	t.Helper()
	c := rawSession(t, s.addr)
	rawCall(t, c, twalk(1, 0, 1, "process", "pid"))
	rawCall(t, c, tlopen(1, 1, 0))
	if r := rawCall(t, c, tread(1, 1, 0, 100)); string(r[11:]) != "14905\n" {
		t.Fatalf("read %q", r[11:])
	}
	c.Close()
}

// goroutinesBack returns a function that waits until there are as many
// goroutines as when it was made.
func goroutinesBack(t testing.TB) func() {
	base := runtime.NumGoroutine()
	return func() {
		t.Helper()
		deadline := time.Now().Add(patience)
		for runtime.NumGoroutine() > base {
			if time.Now().After(deadline) {
				buf := make([]byte, 1<<20)
				t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), base, buf[:runtime.Stack(buf, true)])
			}
			<-time.After(time.Millisecond)
		}
	}
}

func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// A client that asks and never reads takes no memory and no goroutines, and is
// closed when its time is over.
func TestNeverReads(t *testing.T) {
	s := start(t, fs.Options{Limits: fs.Limits{Write: 300 * time.Millisecond}})
	c := rawSession(t, s.addr)
	rawCall(t, c, twalk(1, 0, 1, "big"))
	rawCall(t, c, tlopen(1, 1, 0))
	before, goroutines := heap(), runtime.NumGoroutine()
	var err error
	sent := 0
	for ; err == nil; sent++ {
		_, err = c.Write(tread(uint16(sent%60000), 1, 0, 128<<10))
		if n := runtime.NumGoroutine(); n > goroutines+10 {
			t.Fatalf("%d goroutines more after %d reads", n-goroutines, sent)
		}
	}
	if !isClosed(err) {
		t.Fatal(err)
	}
	if grown := heap() - before; grown > 2<<20 {
		t.Errorf("%d bytes more in the heap after %d reads", grown, sent)
	}
	s.log.wait(t, "replies were not read within 300ms")
	served(t, s)
}

// Requests that do not end are begun up to the limit; then no more are read.
func TestFlood(t *testing.T) {
	tr := newTree()
	back := goroutinesBack(t)
	s := start(t, fs.Options{Root: tr.root})
	c := rawSession(t, s.addr)
	for fid := uint32(1); fid <= 100; fid++ {
		rawCall(t, c, twalk(1, 0, fid, "cpu", "1h"))
		rawCall(t, c, tlopen(1, fid, 0))
	}
	before := runtime.NumGoroutine()
	go func() {
		for i := 0; ; i++ {
			if _, err := c.Write(tread(uint16(i%60000), uint32(1+i%100), 0, 128<<10)); err != nil {
				return
			}
		}
	}()
	tr.await(t, "blocking", 64)
	// Each needs the request, the capture, and a few that wait for it.
	if n := runtime.NumGoroutine() - before; n > 64*4+10 {
		t.Errorf("%d goroutines for 64 requests", n)
	}
	served(t, s)
	c.Close()
	tr.await(t, "ended", 64)
	served(t, s)
	s.Close()
	back()
}

// A client that vanishes is noticed though all its requests block and more of
// them wait to be read.
func TestVanished(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			tr := newTree()
			back := goroutinesBack(t)
			s := start(t, fs.Options{Root: tr.root, Limits: fs.Limits{Inflight: 8}})
			addr := s.addr
			if network == "tcp" {
				l, err := fs.Listen("localhost:0")
				if err != nil {
					t.Fatal(err)
				}
				go s.Serve(l)
				addr = l.Addr().String()
			}
			for range 3 {
				c, err := net.Dial(network, addr)
				if err != nil {
					t.Fatal(err)
				}
				fill(t, c, 8, "cpu", "1h")
				tr.await(t, "blocking", 8)
				if _, err := c.Write(manyReads()); err != nil {
					t.Fatal(err)
				}
				c.Close()
				tr.await(t, "ended", 8)
			}
			wait(t, "connections to end", func() bool { return s.Conns() == 0 })
			s.Close()
			back()
		})
	}
}

// fill opens the file n times and begins to read each.
func fill(t *testing.T, c net.Conn, n uint32, path ...string) {
	t.Helper()
	c.SetDeadline(time.Now().Add(patience))
	rawCall(t, c, tversion(8192))
	rawCall(t, c, tattach(1, 0))
	for fid := uint32(1); fid <= n; fid++ {
		rawCall(t, c, twalk(1, 0, fid, path...))
		rawCall(t, c, tlopen(1, fid, 0))
	}
	for fid := uint32(1); fid <= n; fid++ {
		if _, err := c.Write(tread(uint16(fid), fid, 0, 100)); err != nil {
			t.Fatal(err)
		}
	}
}

// manyReads are 500 Treads of fid 1, more than the server's buffer holds.
func manyReads() (b []byte) {
	for tag := range uint16(500) {
		b = append(b, tread(100+tag, 1, 0, 100)...)
	}
	return b
}

// A client that is still there, though all its requests block and more of them
// wait to be read, is served on.
func TestNotVanished(t *testing.T) {
	tr := newTree()
	file := &foreignFile{name: "file", kind: nodes.KindCtl, data: "content", hooks: map[string]func(){"ReadAt": func() { <-tr.release }}}
	if err := tr.root.Add(file); err != nil {
		t.Fatal(err)
	}
	s := start(t, fs.Options{Root: tr.root, Limits: fs.Limits{Inflight: 8}})
	c := rawDial(t, s.addr)
	fill(t, c, 8, "file")
	if _, err := c.Write(manyReads()); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<20)
	wait(t, "the watch for a vanished client", func() bool {
		return strings.Contains(string(buf[:runtime.Stack(buf, true)]), "fs.watchHangup")
	})
	close(tr.release)
	for range 508 {
		if r, err := rawReply(c); err != nil || r[4] != 117 {
			t.Fatal(r, err)
		}
	}
	rawCall(t, c, tgetattr(1, 0))
}

// Close of the server cancels what is in flight.
func TestCloseCancels(t *testing.T) {
	tr := newTree()
	back := goroutinesBack(t)
	s := start(t, fs.Options{Root: tr.root})
	root := s.attach(t)
	f := open(t, root, "cpu/1h", p9.ReadOnly)
	failed := make(chan error, 1)
	go func() {
		_, err := f.ReadAt(make([]byte, 10), 0)
		failed <- err
	}()
	tr.await(t, "blocking", 1)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	tr.await(t, "ended", 1)
	if err := <-failed; err == nil {
		t.Error("the read has succeeded")
	}
	back()
	if _, err := os.Lstat(s.addr); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

// Half a message holds what has come of it, not what it claims, and ends.
func TestHalfFrames(t *testing.T) {
	const conns = 100
	s := start(t, fs.Options{Limits: fs.Limits{Frame: 500 * time.Millisecond, Msize: 1 << 20}})
	// A write to a pipe returns when all of it has been read.
	pipes := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	go s.Serve(pipes)
	var all []net.Conn
	for range conns {
		ours, theirs := net.Pipe()
		pipes.conns <- theirs
		rawCall(t, ours, tversion(1<<20))
		all = append(all, ours)
	}
	half := twrite(1, 1, 0, strings.Repeat("x", 1<<20-23))[:5000]
	before := heap()
	for _, c := range all {
		if _, err := c.Write(half); err != nil {
			t.Fatal(err)
		}
	}
	if grown := heap() - before; grown > conns*16<<10 {
		t.Errorf("%d bytes for 5,000 bytes each of %d messages", grown, conns)
	}
	for _, c := range all {
		if _, err := rawReply(c); !isClosed(err) {
			t.Fatalf("not closed: %v", err)
		}
	}
	s.log.wait(t, "half a message came, and not the rest within 500ms")
	served(t, s)
}

// Messages need not come in one piece, nor alone.
func TestPieces(t *testing.T) {
	s := start(t, fs.Options{})
	c := rawSession(t, s.addr)
	for _, b := range []byte(twalk(1, 0, 1, "level")) {
		if _, err := c.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := rawReply(c); err != nil || r[4] != 111 {
		t.Fatal(r, err)
	}
	rawCall(t, c, tlopen(1, 1, 2))
	var many []byte
	for i := range 2000 {
		many = append(many, tread(uint16(i), 1, 0, 10)...)
		if i%100 == 0 {
			many = append(many, twrite(uint16(10000+i), 1, 0, strings.Repeat("\n", 40000)+"5\n")...)
		}
	}
	go c.Write(many)
	for range 2020 {
		if r, err := rawReply(c); err != nil || r[4] != 117 && r[4] != 119 {
			t.Fatal(r, err)
		}
	}
}

func TestHandshakeDeadline(t *testing.T) {
	s := start(t, fs.Options{Limits: fs.Limits{Handshake: time.Second}})
	// Who has agreed on a version may be idle as long as he likes.
	agreed := rawSession(t, s.addr)
	var late []net.Conn
	for _, first := range []msg{nil, tversion(8192)[:9], newMsg(100, 1).u32(8192).str("9P2000").end()} {
		c := rawDial(t, s.addr)
		c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Write(first); err != nil {
			t.Fatal(err)
		}
		late = append(late, c)
	}
	for i, c := range late {
		for err := error(nil); !isClosed(err); {
			if _, err = rawReply(c); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("connection %d is not closed", i)
			}
		}
	}
	s.log.wait(t, "no version was agreed on within 1s")
	rawCall(t, agreed, tgetattr(1, 0))
}
