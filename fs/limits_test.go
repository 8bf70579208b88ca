package fs_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hugelgupf/p9/linux"
	"github.com/hugelgupf/p9/p9"

	"github.com/ispyd/ispyd/fs"
	"github.com/ispyd/ispyd/nodes"
)

func TestFids(t *testing.T) {
	s := start(t, fs.Options{})
	c := rawSession(t, s.addr)
	ok, refused := 0, 0
	for fid := uint32(1); fid <= 10000; fid++ {
		if _, err := c.Write(twalk(1, 0, fid, "process", "pid")); err != nil {
			t.Fatal(err)
		}
		r, err := rawReply(c)
		switch {
		case err != nil:
			t.Fatal(err)
		case r[4] == 111:
			ok++
			rawCall(t, c, tlopen(1, fid, 0))
		case r[4] == 7 && linux.Errno(le.Uint32(r[7:])) == linux.EMFILE:
			refused++
		default:
			t.Fatalf("%x", r)
		}
	}
	if ok != 4095 || refused != 10000-ok {
		t.Errorf("%d fids besides the root, %d refused", ok, refused)
	}
	if s.Held() != int64(ok)*6 {
		t.Errorf("%d bytes are held", s.Held())
	}
	rawCall(t, c, tclunk(1, 77))
	rawCall(t, c, twalk(1, 0, 20000, "process", "pid"))
	c.Close()
	wait(t, "what was held to be given back", func() bool { return s.Held() == 0 })
	served(t, s)
}

// p9's server keeps a node for every name that was ever walked to. There is no
// such thing here: names that come and go cost nothing when they are gone.
func TestNames(t *testing.T) {
	dir := nodes.Directory("requests", "requests by number")
	s := start(t, fs.Options{Root: nodes.Directory("", "", dir)})
	c := rawSession(t, s.addr)
	const batch = 50
	step := func(i int) {
		var walks, clunks []byte
		for j := range uint32(batch) {
			name := fmt.Sprintf("request-%d", i+int(j))
			if err := dir.Add(nodes.Static(name, "a request", nil)); err != nil {
				t.Fatal(err)
			}
			defer dir.Remove(name)
			walks = append(walks, twalk(uint16(j), 0, 1+j, "requests", name)...)
			clunks = append(clunks, tclunk(uint16(j), 1+j)...)
		}
		for _, m := range [][]byte{walks, clunks} {
			if _, err := c.Write(m); err != nil {
				t.Fatal(err)
			}
			for range batch {
				if r, err := rawReply(c); err != nil || r[4] == 7 {
					t.Fatal(r, err)
				}
			}
		}
	}
	step(0)
	before := heap()
	for i := batch; i < 200_000; i += batch {
		step(i)
	}
	if grown := heap() - before; grown > 256<<10 {
		t.Errorf("%d bytes more after 200,000 names", grown)
	}
}

// TestBottomless walks down a directory that holds itself.
func TestBottomless(t *testing.T) {
	var down nodes.Dir
	down = nodes.Dynamic("down", "a directory in itself", func(context.Context, string) (nodes.Node, error) { return down, nil }, nil)
	s := start(t, fs.Options{Root: down})
	c := rawSession(t, s.addr)
	for range 12 {
		rawCall(t, c, twalk(1, 0, 0, strings.Split("a b c d e f g h i j", " ")...))
	}
	c.Write(twalk(1, 0, 0, strings.Split("a b c d e f g h i j", " ")...))
	r, err := rawReply(c)
	if err != nil || r[4] != 7 || linux.Errno(le.Uint32(r[7:])) != linux.ENAMETOOLONG {
		t.Fatal(r, err)
	}
	if log := text(t, s.records.Errors()); !strings.Contains(log, "\twalk\ta/b/c/") {
		t.Error(log)
	}
}

// A thousand connect at once, while one that is served goes on being served.
func TestThousand(t *testing.T) {
	s := start(t, fs.Options{})
	root := s.attach(t)
	f := open(t, root, "process/pid", p9.ReadOnly)
	stop := make(chan struct{})
	var asked atomic.Int64
	done := make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if _, err := f.ReadAt(make([]byte, 100), 0); err != nil {
				done <- err
				return
			}
			asked.Add(1)
		}
	}()
	var wg sync.WaitGroup
	var in, out atomic.Int64
	all := make([]net.Conn, 1000)
	for i := range all {
		wg.Go(func() {
			c, err := net.Dial("unix", s.addr)
			if err != nil {
				t.Error(err)
				return
			}
			all[i] = c
			c.SetDeadline(time.Now().Add(patience))
			c.Write(tversion(8192))
			switch _, err := rawReply(c); {
			case err == nil:
				in.Add(1)
			case isClosed(err):
				out.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	at := asked.Load()
	wait(t, "the served client", func() bool { return asked.Load() > at })
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if in.Load() < 200 || in.Load()+out.Load() != 1000 || s.Conns() > 256 {
		t.Errorf("%d of 1,000 were served, %d refused; %d connections", in.Load(), out.Load(), s.Conns())
	}
	s.log.wait(t, "refused: there are 256 connections, and none of them idle")
	for _, c := range all {
		if c != nil {
			c.Close()
		}
	}
	wait(t, "connections to end", func() bool { return s.Conns() == 1 })
	served(t, s)
}

// The connection that has been idle longest gives way, if nothing is open on it.
func TestGivesWay(t *testing.T) {
	s := start(t, fs.Options{Limits: fs.Limits{Conns: 2}})
	busy := rawSession(t, s.addr)
	rawCall(t, busy, twalk(1, 0, 1, "level"))
	rawCall(t, busy, tlopen(1, 1, 0))
	idle := rawSession(t, s.addr)
	// It must have been idle for a second.
	wait(t, "a place", func() bool {
		c, err := net.Dial("unix", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		c.Write(tversion(8192))
		_, err = rawReply(c)
		return err == nil
	})
	if _, err := rawReply(idle); !isClosed(err) {
		t.Errorf("the idle connection is still there: %v", err)
	}
	rawCall(t, busy, tread(1, 1, 0, 10))
	s.log.wait(t, "closed: it was idle, and another needs its place")
}

// What open files hold is bounded for all clients together.
func TestHeldLimit(t *testing.T) {
	s := start(t, fs.Options{Limits: fs.Limits{Held: 3<<20 + 100}})
	root, other := s.attach(t), s.attach(t)
	var files []p9.File
	for range 3 {
		files = append(files, open(t, root, "big", p9.ReadOnly))
	}
	if _, err := tryOpen(other, "big", p9.ReadOnly); err != linux.ENOMEM {
		t.Errorf("a fourth mebibyte: %v", err)
	}
	if log := text(t, s.records.Errors()); !strings.Contains(log, "\topen\tbig\tENOMEM\t") {
		t.Error(log)
	}
	if got := cat(t, other, "process/pid"); got != "14905\n" {
		t.Errorf("pid %q", got)
	}
	files[0].Close()
	open(t, other, "big", p9.ReadOnly).Close()
	for _, f := range files[1:] {
		f.Close()
	}
	if s.Held() != 0 {
		t.Errorf("%d bytes are held", s.Held())
	}
}
