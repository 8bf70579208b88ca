package goroutines

import (
	"context"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds the failure of a test that waits.
const patience = time.Minute

// slots is held by the tests that use the tracer's slots themselves, or that
// look at which was used.
var slots sync.Mutex

func lock(t *testing.T) {
	slots.Lock()
	t.Cleanup(slots.Unlock)
}

// blockInPipe calls f while another goroutine is in a system call that waits.
func blockInPipe(t testing.TB, f func()) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Error(err)
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		readPipe(r)
	}()
	f()
	w.Write([]byte{0})
	<-done
	r.Close()
	w.Close()
}

// readPipe reads without the poller.
//
//go:noinline
func readPipe(r *os.File) {
	var b [1]byte
	syscall.Read(int(r.Fd()), b[:])
}

// take returns a dump with ids. A program that is short of CPU may need several
// tries to get one.
func take(t testing.TB) *Dump {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		d, err := Take(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if d.HasIDs() {
			return d
		}
		if time.Now().After(deadline) {
			t.Fatalf("a dump by %s, want one with ids", d.Way)
		}
	}
}

// takeUntil takes dumps until ok says that one is as it should be.
func takeUntil(t testing.TB, ok func(*Dump) bool) *Dump {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		d := take(t)
		if ok(d) {
			return d
		}
		if time.Now().After(deadline) {
			d.WriteText(context.Background(), os.Stderr, Options{})
			t.Fatal("the goroutines did not get where they should be")
		}
	}
}
