package goroutines

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestShared holds that one dump serves all who wait, and none who came after
// it began.
func TestShared(t *testing.T) {
	began, goOn := make(chan int), make(chan struct{})
	n := 0
	g := &group{capture: func(context.Context) (*Dump, error) {
		n++
		d := &Dump{Cost: Cost{Looks: n}}
		began <- n
		<-goOn
		return d, nil
	}}
	var first, others sync.WaitGroup
	got := make(chan int, 20)
	ask := func(wg *sync.WaitGroup) {
		wg.Go(func() {
			d, err := g.take(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			got <- d.Cost.Looks
		})
	}
	ask(&first)
	<-began
	for range 10 {
		ask(&others)
	}
	waiting(t, g, 10)
	goOn <- struct{}{}
	first.Wait()
	if one := <-got; one != 1 {
		t.Errorf("the first reader has dump %d, want 1", one)
	}
	<-began
	goOn <- struct{}{}
	others.Wait()
	for range 10 {
		if two := <-got; two != 2 {
			t.Errorf("a reader that came later has dump %d, want 2", two)
		}
	}
	if n != 2 {
		t.Errorf("%d dumps were taken, want 2", n)
	}
}

// waiting waits until n wait for the next dump.
func waiting(t *testing.T, g *group, n int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		g.mu.Lock()
		ok := g.next != nil && g.next.waiters == n
		g.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the readers do not wait")
		}
		runtime.Gosched()
	}
}

// TestCancelled holds that a reader who goes away holds up nobody, and that a
// dump for which nobody waits any more is not taken.
func TestCancelled(t *testing.T) {
	began := make(chan context.Context)
	goOn := make(chan struct{})
	var taken atomic.Int32
	g := &group{capture: func(ctx context.Context) (*Dump, error) {
		taken.Add(1)
		began <- ctx
		<-goOn
		return &Dump{}, ctx.Err()
	}}
	one, cancelOne := context.WithCancel(t.Context())
	two, cancelTwo := context.WithCancel(t.Context())
	errs := make(chan error)
	go func() { _, err := g.take(one); errs <- err }()
	running := <-began
	go func() { _, err := g.take(two); errs <- err }()
	waiting(t, g, 1)
	cancelTwo()
	if err := <-errs; !errors.Is(err, context.Canceled) {
		t.Errorf("the reader that went away: %v", err)
	}
	if running.Err() != nil {
		t.Error("the running dump was cancelled, though somebody waits for it")
	}
	cancelOne()
	if err := <-errs; !errors.Is(err, context.Canceled) {
		t.Errorf("the reader that went away: %v", err)
	}
	<-running.Done()
	goOn <- struct{}{}
	if _, err := g.take(one); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
	if n := taken.Load(); n != 1 {
		t.Errorf("%d dumps, want 1", n)
	}
}

// TestPanic holds that a panic is an error of those who wait, and of nobody
// after them.
func TestPanic(t *testing.T) {
	fail := true
	g := &group{capture: func(context.Context) (*Dump, error) {
		if fail {
			panic("no dump today")
		}
		return &Dump{}, nil
	}}
	_, err := g.take(t.Context())
	var p *PanicError
	if !errors.As(err, &p) || p.Value != "no dump today" || len(p.Stack) == 0 {
		t.Fatalf("%v", err)
	}
	fail = false
	if _, err := g.take(t.Context()); err != nil {
		t.Errorf("the next dump: %v", err)
	}
}

// TestParallel takes many dumps at once and leaves nothing behind.
func TestParallel(t *testing.T) {
	lock(t)
	take(t)
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if i%4 == 0 {
				cancel()
			}
			for range 5 {
				d, err := Take(ctx)
				if ctx.Err() != nil {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if n := len(d.Groups()); n < 2 || n > d.Len() {
					t.Errorf("%d stacks of %d goroutines", n, d.Len())
				}
			}
		})
	}
	wg.Wait()
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, before %d:\n%s", runtime.NumGoroutine(), before, fullText(t))
		}
		runtime.Gosched()
	}
}
