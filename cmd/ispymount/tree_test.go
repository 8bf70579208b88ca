//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// bubble runs a test in fake time.
func bubble(t *testing.T, test func(t *testing.T, k *kernel, f *fake, dir uint64)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		k, dir := boot(t, f, options{memory: 4 << 20})
		defer synctest.Wait()
		defer close(f.ended)
		defer k.stop()
		test(t, k, f, dir)
	})
}

func want(t *testing.T, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestShare(t *testing.T) {
	bubble(t, func(t *testing.T, k *kernel, f *fake, dir uint64) {
		first := k.must(dir, "text")
		want(t, first.Size, 100)
		time.Sleep(900 * time.Millisecond)
		want(t, k.must(dir, "text").NodeId, first.NodeId)
		time.Sleep(200 * time.Millisecond)
		second := k.must(dir, "text")
		if second.NodeId == first.NodeId || second.Generation == first.Generation || second.Ino != first.Ino {
			t.Errorf("%+v after %+v: want another number and generation, and the same inode", second, first)
		}
		// The first is still what it was.
		fh, st := k.open(first.NodeId, syscall.O_RDONLY)
		want(t, st, fuse.OK)
		want(t, k.read(fh, 0, 200), strings.Repeat("1", 100))
		want(t, k.read(fh, 90, 200), strings.Repeat("1", 10))
		want(t, k.read(fh, 100, 200), "")
		k.release(fh)
	})
}

func TestShareEndsByWrite(t *testing.T) {
	bubble(t, func(t *testing.T, k *kernel, f *fake, dir uint64) {
		before, v := k.must(dir, "text"), k.must(dir, "var")
		fh, st := k.open(v.NodeId, syscall.O_WRONLY)
		want(t, st, fuse.OK)
		want(t, k.must(dir, "text").NodeId, before.NodeId) // opening is not writing
		_, st = k.tree.Write(make(chan struct{}), &fuse.WriteIn{Fh: fh}, []byte("x"))
		want(t, st, fuse.OK)
		if k.must(dir, "text").NodeId == before.NodeId {
			t.Error("a look after a write got a snapshot from before it")
		}
		k.release(fh)
	})
}

// TestHangsOnce checks that who looks at a file that hangs waits for one time-out,
// although the kernel asks twice for a name that it has known.
func TestHangsOnce(t *testing.T) {
	bubble(t, func(t *testing.T, k *kernel, f *fake, dir uint64) {
		took := func(pid uint32) time.Duration {
			t.Helper()
			begun := time.Now()
			_, st := k.lookupBy(pid, dir, "hung")
			want(t, st, eTimedOut)
			return time.Since(begun)
		}
		k.must(dir, "hung")
		time.Sleep(2 * time.Second)
		f.mu.Lock()
		f.files["hung"].hangs = true
		f.mu.Unlock()
		limit := k.tree.opts.timeout
		want(t, took(7), limit)
		want(t, took(8), limit) // another one waits for himself
		time.Sleep(time.Second)
		want(t, took(7), limit) // so does who comes later
		want(t, took(7), time.Duration(0))
		want(t, took(7), limit)
		f.mu.Lock()
		f.files["hung"].hangs = false
		f.mu.Unlock()
		k.must(dir, "hung")
		want(t, len(k.tree.procs["1"].late), 1)
	})
}

// TestShareStream checks that each reader of a stream has its own.
func TestShareStream(t *testing.T) {
	bubble(t, func(t *testing.T, k *kernel, f *fake, dir uint64) {
		a := k.must(dir, "stream")
		want(t, k.must(dir, "stream").NodeId, a.NodeId)
		fh, _ := k.open(a.NodeId, syscall.O_RDONLY)
		b := k.must(dir, "stream")
		if a.NodeId == b.NodeId {
			t.Error("a look got the stream that somebody else reads")
		}
		f.mu.Lock()
		f.files["stream"].size = 70
		f.mu.Unlock()
		size, st := k.size(a.NodeId)
		want(t, fmt.Sprint(size, st), fmt.Sprint(70, fuse.OK))
		other, st := k.open(a.NodeId, syscall.O_RDONLY) // by /proc/self/fd
		want(t, st, fuse.OK)
		want(t, f.opened(), 3)
		k.release(other)
		k.release(fh)
	})
}

// TestIdle checks that nothing is kept of what nobody opens, whatever the kernel
// forgets.
func TestIdle(t *testing.T) {
	bubble(t, func(t *testing.T, k *kernel, f *fake, dir uint64) {
		text, large, stream := k.must(dir, "text"), k.must(dir, "large"), k.must(dir, "stream")
		synctest.Wait()
		want(t, k.known(), fmt.Sprintf("5 nodes, 0 open, %d bytes, 3 idle", 100+inlineMax+1))
		want(t, f.opened(), 2) // the large one and the stream, not the text
		time.Sleep(2100 * time.Millisecond)
		synctest.Wait()
		want(t, k.known(), "2 nodes, 0 open, 0 bytes, 0 idle")
		want(t, f.opened(), 0)
		for _, e := range []fuse.EntryOut{text, large, stream} {
			if _, st := k.open(e.NodeId, syscall.O_RDONLY); st != eStale {
				t.Errorf("opening what has been let go of: %v, want ESTALE", st)
			}
			if _, st := k.size(e.NodeId); st != eStale {
				t.Errorf("describing what has been let go of: %v, want ESTALE", st)
			}
			k.tree.Forget(e.NodeId, 1)
		}
		// What is open stays, and goes when it is closed.
		large = k.must(dir, "large")
		fh, st := k.open(large.NodeId, syscall.O_RDONLY)
		want(t, st, fuse.OK)
		time.Sleep(time.Hour)
		want(t, len(k.read(fh, 5, 1<<20)), inlineMax+1-5)
		size, _ := k.size(large.NodeId)
		want(t, size, inlineMax+1)
		k.release(fh)
		synctest.Wait()
		want(t, k.known()+fmt.Sprint(f.opened()), "2 nodes, 0 open, 0 bytes, 0 idle0")
	})
}

func TestForget(t *testing.T) {
	bubble(t, func(t *testing.T, k *kernel, f *fake, dir uint64) {
		text := k.must(dir, "text")
		k.must(dir, "text")
		k.tree.Forget(text.NodeId, 2)
		// Forgotten by the kernel, but the next look may share it.
		want(t, k.must(dir, "text").NodeId, text.NodeId)
		time.Sleep(1100 * time.Millisecond)
		k.must(dir, "text")
		k.tree.Forget(text.NodeId, 1)
		if k.tree.node(text.NodeId) != nil {
			t.Error("what is forgotten and no longer shared is still known")
		}
		k.tree.Forget(text.NodeId, 1) // harmless
		k.tree.Forget(fuse.FUSE_ROOT_ID, 1)
		sub := k.must(dir, "dir")
		want(t, k.must(dir, "dir").NodeId, sub.NodeId)
		time.Sleep(time.Minute)
		want(t, k.must(dir, "dir").NodeId, sub.NodeId) // a directory stays the same
		k.tree.Forget(sub.NodeId, 3)
		want(t, k.known(), "2 nodes, 0 open, 0 bytes, 0 idle")
	})
}

// TestMemory fills the limit of 4 MiB.
func TestMemory(t *testing.T) {
	bubble(t, func(t *testing.T, k *kernel, f *fake, dir uint64) {
		for i := range 10 {
			f.files[fmt.Sprint("big", i)] = &fakeFile{form: formFile, perm: 0o444, size: 1 << 20}
		}
		first := k.must(dir, "big0")
		for i := range 10 {
			want(t, k.must(dir, fmt.Sprint("big", i)).Size, 1<<20)
		}
		want(t, k.known(), fmt.Sprintf("6 nodes, 0 open, %d bytes, 4 idle", 4<<20))
		if _, st := k.open(first.NodeId, syscall.O_RDONLY); st != eStale {
			t.Errorf("opening what had to make room: %v, want ESTALE", st)
		}
		// What is open does not make room; its size can still be told.
		var open []uint64
		for i := range 4 {
			fh, st := k.open(k.must(dir, fmt.Sprint("big", i)).NodeId, syscall.O_RDONLY)
			want(t, st, fuse.OK)
			open = append(open, fh)
		}
		full := k.must(dir, "big9")
		want(t, full.Size, 1<<20)
		_, st := k.open(full.NodeId, syscall.O_RDONLY)
		want(t, st, fuse.Status(syscall.ENOBUFS))
		for _, fh := range open {
			k.release(fh)
		}
		time.Sleep(time.Second)
		_, st = k.open(k.must(dir, "big9").NodeId, syscall.O_RDONLY)
		want(t, st, fuse.OK)
		// One that is larger than the limit is shown, if it is alone.
		time.Sleep(time.Minute)
		f.files["huge"] = &fakeFile{form: formFile, perm: 0o444, size: 5 << 20}
		want(t, k.must(dir, "huge").Size, 5<<20)
	})
}

// TestManyNames looks up more directories than are remembered.
func TestManyNames(t *testing.T) {
	bubble(t, func(t *testing.T, k *kernel, f *fake, dir uint64) {
		here := k.must(dir, "dir")
		for i := range maxDirs + 100 {
			time.Sleep(time.Millisecond)
			if i%1000 == 0 {
				want(t, k.must(dir, "dir").NodeId, here.NodeId) // in use, so it stays
			}
			k.must(here.NodeId, fmt.Sprint(i))
		}
		k.tree.mu.Lock()
		defer k.tree.mu.Unlock()
		if len(k.tree.nodes) > maxDirs+1 {
			t.Errorf("%d nodes are known", len(k.tree.nodes))
		}
	})
}

func TestTimedIsKept(t *testing.T) {
	bubble(t, func(t *testing.T, k *kernel, f *fake, dir uint64) {
		close(f.files["timed"].capture)
		a := k.must(dir, "timed")
		want(t, a.Size, 200)
		time.Sleep(29 * time.Second)
		k.tree.procs["1"].writes.Add(1)
		want(t, k.must(dir, "timed").NodeId, a.NodeId)
		f.files["timed"].begun = make(chan struct{})
		fh, st := k.open(a.NodeId, syscall.O_RDONLY)
		want(t, st, fuse.OK)
		want(t, k.read(fh, 0, 500), strings.Repeat("1", 200))
		time.Sleep(time.Minute)
		want(t, k.must(dir, "timed").NodeId, a.NodeId) // not closed yet
		k.tree.Flush(nil, &fuse.FlushIn{Fh: fh})
		if k.must(dir, "timed").NodeId == a.NodeId {
			t.Error("a capture that has been read is shown again")
		}
		k.release(fh)
		time.Sleep(31 * time.Second)
		synctest.Wait()
		want(t, k.known(), "2 nodes, 0 open, 0 bytes, 0 idle")
	})
}

// TestTimedCancelled has two wait for a capture. It ends with the last of them.
func TestTimedCancelled(t *testing.T) {
	bubble(t, func(t *testing.T, k *kernel, f *fake, dir uint64) {
		timed := f.files["timed"]
		var cancel [2]chan struct{}
		var done [2]chan fuse.Status
		for i := range 2 {
			cancel[i], done[i] = make(chan struct{}), make(chan fuse.Status, 1)
			go func() {
				var out fuse.EntryOut
				done[i] <- k.tree.Lookup(cancel[i], &fuse.InHeader{NodeId: dir}, "timed", &out)
			}()
			synctest.Wait()
		}
		<-timed.begun
		time.Sleep(time.Hour) // no time-out
		close(cancel[0])
		want(t, <-done[0], fuse.EINTR)
		synctest.Wait()
		want(t, timed.ended, nil)
		close(cancel[1])
		want(t, <-done[1], fuse.EINTR)
		synctest.Wait()
		if !errors.Is(timed.ended, context.Canceled) {
			t.Errorf("the capture ended with %v", timed.ended)
		}
		want(t, timed.opens, 1)
		want(t, f.opened(), 0)
	})
}

// TestInterrupt checks that a signal does not end what is short.
func TestInterrupt(t *testing.T) {
	bubble(t, func(t *testing.T, k *kernel, f *fake, dir uint64) {
		cancel := make(chan struct{})
		close(cancel)
		var out fuse.EntryOut
		want(t, k.tree.Lookup(cancel, &fuse.InHeader{NodeId: dir}, "text", &out), fuse.OK)
		want(t, k.tree.Lookup(cancel, &fuse.InHeader{NodeId: fuse.FUSE_ROOT_ID}, "1", &out), fuse.OK)
	})
}

// TestBroken checks that a file whose content cannot be had is there all the
// same.
func TestBroken(t *testing.T) {
	bubble(t, func(t *testing.T, k *kernel, f *fake, dir uint64) {
		e := k.must(dir, "broken")
		want(t, e.Size, 0)
		_, st := k.open(e.NodeId, syscall.O_RDONLY)
		want(t, st, fuse.EACCES)
		_, st = k.lookup(dir, "nothing")
		want(t, st, fuse.ENOENT)
	})
}

// TestDeath ends the process under an open file.
func TestDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		k, dir := boot(t, f, options{})
		defer k.stop()
		gone := make(chan string, 1)
		k.tree.gone = func(name string) { gone <- name }
		fh, _ := k.open(k.must(dir, "text").NodeId, syscall.O_RDONLY)
		close(f.ended)
		want(t, <-gone, "1")
		_, st := k.tree.Read(nil, &fuse.ReadIn{Fh: fh, Size: 10}, make([]byte, 10))
		want(t, st, eNotConn)
		_, st = k.lookup(dir, "text")
		want(t, st, eNotConn)
		k.release(fh)
		k.stop()
		synctest.Wait()
	})
}
