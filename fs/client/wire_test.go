package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hugelgupf/p9/p9"
)

// breakable is a connection whose next Writes fail while reading goes on.
type breakable struct {
	net.Conn
	broken atomic.Bool
}

func (b *breakable) Write(p []byte) (int, error) {
	if b.broken.Load() {
		return 0, errors.New("broken")
	}
	return b.Conn.Write(p)
}

// A send that fails on one connection must not harm another: p9.Client puts the
// response that is still pending into a pool of the whole process, and its
// reader then fails whoever got it from there. The test shows the fault, in a
// process of its own, for it spoils that; and that the wire keeps it away.
func TestFailedSend(t *testing.T) {
	if os.Getenv(roleEnv) == "" {
		// It fails, or hangs.
		if out, err := role(t, "raw", "-test.run=^TestFailedSend$", "-test.timeout=5s").CombinedOutput(); err == nil || !strings.Contains(string(out), "TestFailedSend") {
			t.Errorf("p9.Client alone does as well, so this test shows nothing: %s", out)
		}
	}
	tree := serveTree(t, dir(map[string]*node{"a": text("a")}))
	n := disturbed(t, tree, func(nc net.Conn) io.ReadWriteCloser {
		if os.Getenv(roleEnv) == "raw" {
			return nc
		}
		return newWire(nc, Options{Timeout: time.Minute, Msize: 64 << 10}.withDefaults())
	})
	if n > 0 {
		t.Errorf("%d requests on healthy connections failed", n)
	}
}

// disturbed breaks connections while a request is pending on them, and counts
// the requests that failed on healthy ones.
func disturbed(t *testing.T, tree *testTree, wrap func(net.Conn) io.ReadWriteCloser) (failed int) {
	attach := func(nc net.Conn) p9.File {
		client, err := p9.NewClient(wrap(nc))
		if err != nil {
			return nil
		}
		root, err := client.Attach("/")
		if err != nil {
			return nil
		}
		runtime.SetFinalizer(root, nil)
		return root
	}
	dial := func(addr string) *breakable {
		nc, err := net.Dial("unix", addr)
		if err != nil {
			t.Fatal(err)
		}
		return &breakable{Conn: nc}
	}
	entered := make(chan struct{}, 1)
	release := make(chan struct{})
	hung := serveTree(t, dir(map[string]*node{"park": {read: func([]byte, int64) (int, error) {
		entered <- struct{}{}
		<-release
		return 0, io.EOF
	}}}))
	t.Cleanup(func() { close(release) })
	healthyConn := dial(tree.addr)
	defer healthyConn.Close()
	healthy := attach(healthyConn)
	for range 30 {
		bad := dial(hung.addr)
		root := attach(bad)
		if root == nil {
			failed++
			continue
		}
		_, f, err := root.Walk([]string{"park"})
		if err != nil {
			failed++
			continue
		}
		runtime.SetFinalizer(f, nil)
		if _, _, err := f.Open(p9.ReadOnly); err != nil {
			failed++
			continue
		}
		parked := make(chan struct{})
		go func() { f.ReadAt(make([]byte, 1), 0); close(parked) }()
		<-entered
		bad.broken.Store(true)
		if _, _, _, err := root.GetAttr(p9.AttrMaskAll); err == nil {
			t.Fatal("a request on a broken connection succeeded")
		}
		bad.Close()
		<-parked
		for range 5 {
			if _, _, _, err := healthy.GetAttr(p9.AttrMaskAll); err != nil {
				failed++
			}
		}
	}
	return failed
}

// An operation that runs out of time, or is cancelled, is called off at the
// server and harms no other on the same connection.
func TestCallOff(t *testing.T) {
	for _, late := range []string{"no reply", "a late reply", "an early reply"} {
		t.Run(late, func(t *testing.T) {
			reading := make(chan struct{}, 100)
			var mu sync.Mutex
			var pending []uint16
			s := serveScript(t, func(req []byte) ([]byte, bool) {
				mu.Lock()
				defer mu.Unlock()
				switch {
				case req[4] == msgTread && le.Uint64(req[11:]) == 7:
					pending = append(pending, tagOf(req))
					reading <- struct{}{}
					return nil, true
				case req[4] == msgTflush && late != "no reply":
					old := le.Uint16(req[headerSize:])
					reply := message(msgTread+1, old, 1, 0, 0, 0, 'x')
					if late == "a late reply" {
						reply = errorFrame(old, 125)
					}
					return append(reply, good(req)...), true
				}
				return good(req), true
			})
			c := dialTest(t, s.addr, Options{Timeout: time.Minute})
			f, err := c.Open(t.Context(), "a", os.O_RDONLY)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var wg sync.WaitGroup
			for range 3 {
				ctx, cancel := context.WithCancelCause(t.Context())
				for range 10 {
					wg.Go(func() {
						_, err := f.ReadAt(ctx, make([]byte, 10), 7)
						if !errors.Is(err, context.Canceled) && !(err == nil && late == "an early reply") {
							t.Errorf("a cancelled read: %v", err)
						}
					})
				}
				for range 10 {
					<-reading
				}
				cancel(nil)
				wg.Wait()
			}
			p := make([]byte, 10)
			if n, err := f.ReadAt(t.Context(), p, 0); string(p[:n]) != "good\n" || err != nil {
				t.Errorf("the same file later: %q, %v", p[:n], err)
			}
			if b, err := c.ReadFile(t.Context(), "b"); string(b) != "good\n" || err != nil {
				t.Errorf("another file later: %q, %v", b, err)
			}
			if len(s.open) != 1 {
				t.Errorf("%d connections, want 1", len(s.open))
			}
		})
	}
}

// A write that is called off may have been done; a walk that was done leaves no
// file open at the server.
func TestCallOffWalk(t *testing.T) {
	var mu sync.Mutex
	fids := map[uint32]bool{}
	walking := make(chan struct{}, 1)
	s := serveScript(t, func(req []byte) ([]byte, bool) {
		mu.Lock()
		defer mu.Unlock()
		switch req[4] {
		case msgTwalk:
			fids[le.Uint32(req[11:])] = true
			if strings.HasSuffix(string(req), "late") {
				walking <- struct{}{}
				return nil, true
			}
		case msgTclunk:
			delete(fids, le.Uint32(req[headerSize:]))
		case msgTflush:
			walk := make([]byte, 17)
			header(walk, 17, msgTwalk, le.Uint16(req[headerSize:]))
			walk[15] = 1
			return append(good(walk), good(req)...), true
		}
		return good(req), true
	})
	c := dialTest(t, s.addr, Options{Timeout: time.Minute})
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := c.Open(ctx, "late", os.O_RDONLY)
			failed <- err
		}()
		<-walking
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled open: %v", err)
		}
	}
	if err := c.WriteFile(t.Context(), "a", []byte("x")); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(fids) > 0 {
		t.Errorf("%d files are still open at the server", len(fids))
	}
}

// A server that answers a walk after the Rflush, as p9's own may: the file that
// came to be is closed, and its fid used for no other.
func TestLateWalk(t *testing.T) {
	var mu sync.Mutex
	fids := map[uint32]int{} // how often each was walked to
	var walk []byte
	walking := make(chan struct{})
	clunked := make(chan uint32, 100)
	s := serveScript(t, func(req []byte) ([]byte, bool) {
		mu.Lock()
		defer mu.Unlock()
		switch req[4] {
		case msgTwalk:
			fids[le.Uint32(req[11:])]++
			if strings.HasSuffix(string(req), "late") {
				walk = bytes.Clone(req)
				close(walking)
				return nil, true
			}
		case msgTclunk:
			clunked <- le.Uint32(req[headerSize:])
		case msgTflush:
			return append(good(req), good(walk)...), true
		}
		return good(req), true
	})
	c := dialTest(t, s.addr, Options{Timeout: time.Minute})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := c.Open(ctx, "late", os.O_RDONLY)
		failed <- err
	}()
	<-walking
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled open: %v", err)
	}
	late := le.Uint32(walk[11:])
	for <-clunked != late {
	}
	for range 5 {
		if b, err := c.ReadFile(t.Context(), "a"); string(b) != "good\n" || err != nil {
			t.Errorf("later: %q, %v", b, err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if fids[late] != 1 {
		t.Errorf("the fid was used %d times", fids[late])
	}
}

// More operations than requests may be in flight wait for their turn.
func TestManyInFlight(t *testing.T) {
	var inFlight, most atomic.Int64
	gate := make(chan struct{})
	tree := serveTree(t, dir(map[string]*node{"a": {read: func(p []byte, off int64) (int, error) {
		most.Store(max(most.Load(), inFlight.Add(1)))
		defer inFlight.Add(-1)
		<-gate
		if off > 0 {
			return 0, io.EOF
		}
		return copy(p, "a"), nil
	}}}))
	c := dialTest(t, tree.addr, Options{Timeout: time.Minute})
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if b, err := c.ReadFile(t.Context(), "a"); string(b) != "a" || err != nil {
				t.Errorf("%q, %v", b, err)
			}
		})
	}
	close(gate)
	wg.Wait()
	if n := most.Load(); n > maxInflight {
		t.Errorf("%d requests at once, want at most %d", n, maxInflight)
	}
}

// A server that knows 9P2000.L without p9's extensions, as diod.
func TestPlainVersion(t *testing.T) {
	var mu sync.Mutex
	var versions []string
	var extended bool
	s := serveScript(t, func(req []byte) ([]byte, bool) {
		mu.Lock()
		defer mu.Unlock()
		switch req[4] {
		case msgTversion:
			v := string(req[headerSize+6:])
			versions = append(versions, v)
			if v != "9P2000.L" {
				return message(msgTversion+1, tagOf(req), append(req[headerSize:headerSize+4:headerSize+4], "\x07\x00unknown"...)...), true
			}
		case msgTwalkgetattr:
			extended = true
		}
		return good(req), true
	})
	c := dialTest(t, s.addr, Options{})
	if info, err := c.Stat(t.Context(), "a"); err != nil || info.IsDir() {
		t.Errorf("Stat: %v, %v", info, err)
	}
	if b, err := c.ReadFile(t.Context(), "a"); string(b) != "good\n" || err != nil {
		t.Errorf("ReadFile: %q, %v", b, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(versions) != 2 || versions[1] != "9P2000.L" || extended {
		t.Errorf("proposed %v, extensions used: %v", versions, extended)
	}
}

// The watch over an idle connection begins and ends all the time here, between
// and under requests, and harms none. Nor does calling requests off just when
// their replies come.
func TestIdleWatch(t *testing.T) {
	tree := serveTree(t, sampleTree())
	c := dialTest(t, tree.addr, Options{Timeout: time.Minute, idleAfter: time.Nanosecond})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 500 {
				if b, err := c.ReadFile(t.Context(), "process/pid"); string(b) != "4711\n" || err != nil {
					t.Errorf("%q, %v", b, err)
					return
				}
			}
		})
		wg.Go(func() {
			for n := range 300 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n*(i+1))*time.Microsecond)
				if _, err := c.ReadFile(ctx, "process/argv"); err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("with a short time: %v", err)
					cancel()
					return
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if n := tree.accepted(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// Nothing stays behind after Close.
func TestCloseLeavesNothing(t *testing.T) {
	tree := serveTree(t, sampleTree())
	for range 10 {
		c, err := Dial(t.Context(), tree.addr, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.ReadFile(t.Context(), "README"); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	// Requests that other tests called off are seen to for a while after their end.
	deadline := time.Now().Add(30 * time.Second)
	for _, who := range []string{"(*wire)", "(*Conn)", "(*session)"} {
		for {
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			if !strings.Contains(string(stacks), who) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s is still at work:\n%s", who, stacks)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func ExampleError() {
	err := error(&Error{Op: "write", Path: "runtime/ctl", Text: "gcc: unknown verb (near: gc)"})
	fmt.Println(err)
	// Output: runtime/ctl: gcc: unknown verb (near: gc)
}
