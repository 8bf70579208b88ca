package tracebacks_test

import (
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/ispyd/ispyd/internal/tracebacks"
)

type keeper struct {
	mu     sync.Mutex
	wanted bool
	broken bool
	got    []tracebacks.Panic
}

func (k *keeper) Wanted() bool { return k.wanted }

func (k *keeper) Recovered(p tracebacks.Panic) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.got = append(k.got, p)
	if k.broken {
		panic("the keeper itself")
	}
}

//go:noinline
func fail() { panic("on purpose") }

func guarded() {
	defer func() { tracebacks.Recovered(recover(), "a test", 0) }()
	fail()
}

func TestRecovered(t *testing.T) {
	guarded() // nobody keeps it
	if tracebacks.Wanted() {
		t.Error("wanted by nobody")
	}
	a, b := &keeper{wanted: true, broken: true}, &keeper{}
	endA, endB := tracebacks.Keep(a), tracebacks.Keep(b)
	guarded()
	func() { // no panic at all
		defer func() { tracebacks.Recovered(recover(), "a test", 0) }()
	}()
	if !tracebacks.Wanted() {
		t.Error("not wanted")
	}
	endA()
	endA()
	if tracebacks.Wanted() {
		t.Error("still wanted")
	}
	guarded()
	endB()
	guarded()
	if len(a.got) != 1 || len(b.got) != 2 {
		t.Fatalf("%d and %d panics, not 1 and 2", len(a.got), len(b.got))
	}
	p := a.got[0]
	if p.Value != "on purpose" || p.By != "a test" {
		t.Errorf("value %v by %q", p.Value, p.By)
	}
	var names []string
	frames := runtime.CallersFrames(p.PCs)
	for {
		f, more := frames.Next()
		names = append(names, f.Function[strings.LastIndexByte(f.Function, '.')+1:])
		if !more {
			break
		}
	}
	stack := strings.Join(names, " ")
	if !strings.HasPrefix(stack, "func1 gopanic fail guarded TestRecovered ") {
		t.Errorf("the stack is %s", stack)
	}
}

func TestConcurrent(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				k := &keeper{}
				end := tracebacks.Keep(k)
				guarded()
				tracebacks.Wanted()
				end()
				// Another goroutine may be handing one over still.
				k.mu.Lock()
				n := len(k.got)
				k.mu.Unlock()
				if n == 0 {
					t.Error("a panic was not handed over")
				}
			}
		})
	}
	wg.Wait()
	if tracebacks.Wanted() {
		t.Error("a keeper is left")
	}
}

func BenchmarkNobody(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if tracebacks.Wanted() {
			b.Fatal("wanted")
		}
		tracebacks.Recovered("value", "a test", 0)
	}
}
