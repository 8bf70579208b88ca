package goroutines

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"net"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/maruel/panicparse/v2/stack"
)

// zoo holds one goroutine in every state where one can stay.
type zoo struct {
	mu  sync.Mutex
	ids map[uint64]string // the state that each must reach
}

// keep starts a goroutine that f makes stay in the state.
func (z *zoo) keep(state string, f func()) {
	known := make(chan struct{})
	go func() {
		id := whoami().id
		z.mu.Lock()
		z.ids[id] = state
		z.mu.Unlock()
		close(known)
		f()
	}()
	<-known
}

// newZoo fills a zoo and empties it when the test ends.
func newZoo(t *testing.T) *zoo {
	t.Helper()
	z := &zoo{ids: map[uint64]string{}}
	stop := make(chan struct{})
	var ends []func()
	t.Cleanup(func() {
		for _, end := range ends {
			end()
		}
		close(stop)
		deadline := time.Now().Add(patience)
		for {
			gone := true
			d := take(t)
			z.mu.Lock()
			ids := maps.Clone(z.ids)
			z.mu.Unlock()
			for id, state := range ids {
				// Those who wait for ever, or for hours, are left behind.
				_, there := d.Find(id)
				gone = gone && (!there || strings.Contains(state, "nil chan") || state == "select (no cases)" || state == "sleep")
			}
			if gone {
				return
			}
			if time.Now().After(deadline) {
				t.Fatal("the goroutines do not end")
			}
		}
	})
	never := make(chan int)
	z.keep("chan receive", func() { <-stop })
	sent := make(chan int)
	z.keep("chan send", func() { sent <- 1 })
	ends = append(ends, func() { <-sent })
	z.keep("select", func() {
		select {
		case <-stop:
		case never <- 1:
		}
	})
	z.keep("select (no cases)", func() { select {} })
	z.keep("chan receive (nil chan)", func() { var c chan int; <-c })
	z.keep("chan send (nil chan)", func() { var c chan int; c <- 1 })
	z.keep("sleep", func() { time.Sleep(1e6 * time.Hour) })

	var mu sync.Mutex
	mu.Lock()
	z.keep("sync.Mutex.Lock", func() { mu.Lock(); defer mu.Unlock() })
	ends = append(ends, mu.Unlock)
	var written, read sync.RWMutex
	written.Lock()
	z.keep("sync.RWMutex.RLock", func() { written.RLock(); defer written.RUnlock() })
	ends = append(ends, written.Unlock)
	read.RLock()
	z.keep("sync.RWMutex.Lock", func() { read.Lock(); defer read.Unlock() })
	ends = append(ends, read.RUnlock)
	var wg sync.WaitGroup
	wg.Add(1)
	z.keep("sync.WaitGroup.Wait", func() { wg.Wait() })
	ends = append(ends, wg.Done)
	cond := sync.NewCond(&sync.Mutex{})
	var woken atomic.Bool
	z.keep("sync.Cond.Wait", func() {
		cond.L.Lock()
		for !woken.Load() {
			cond.Wait()
		}
		cond.L.Unlock()
	})
	ends = append(ends, func() { cond.L.Lock(); woken.Store(true); cond.L.Unlock(); cond.Broadcast() })

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	z.keep("IO wait", func() { l.Accept() })
	ends = append(ends, func() { l.Close() })
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	z.keep("syscall", func() { readPipe(r) })
	ends = append(ends, func() { w.Write([]byte{0}); w.Close() })

	z.keep("chan receive, locked to thread", func() {
		runtime.LockOSThread()
		<-stop
		runtime.UnlockOSThread()
	})
	// Inside of a coroutine, and the one that waits for it.
	z.keep("coroutine", func() {
		next, end := iter.Pull(func(yield func(int) bool) {
			yield(1)
			id := whoami().id
			z.mu.Lock()
			z.ids[id] = "chan receive"
			z.mu.Unlock()
			<-stop
		})
		defer end()
		next()
		next()
	})
	z.keep("chan receive", func() { deferredPanic(stop) })
	z.keep("chan receive", func() { generic[string](stop) })
	z.keep("chan receive", func() { callIt((&inliner{stop}).wait) })
	return z
}

// deferredPanic waits in a deferred function that a panic runs.
func deferredPanic(stop chan struct{}) {
	defer func() { recover() }()
	defer func() { <-stop }()
	panic("at the zoo")
}

// inliner has a method that is inlined into the wrapper of its method value,
// which stacks do not show.
type inliner struct{ stop chan struct{} }

func (i *inliner) wait() { generic[int](i.stop) }

//go:noinline
func callIt(f func()) { f() }

//go:noinline
func generic[T any](stop chan struct{}) { <-stop }

// normal is a block of a dump without what only one of the two kinds shows:
// arguments and minutes.
func normal(block string) string {
	lines := strings.Split(strings.TrimRight(block, "\n"), "\n")
	for i, l := range lines {
		if i > 0 && !strings.HasPrefix(l, "\t") && !strings.HasPrefix(l, "created by") {
			j := len(l) - 1
			for depth := 0; j > 0; j-- {
				if l[j] == ')' {
					depth++
				} else if l[j] == '(' {
					if depth--; depth == 0 {
						break
					}
				}
			}
			lines[i] = l[:j] + "(...)"
		}
	}
	lines[0] = regexp.MustCompile(`, \d+ minutes`).ReplaceAllString(lines[0], "")
	return strings.Join(lines, "\n")
}

// blocks splits a dump by id.
func blocks(t *testing.T, dump string) map[uint64]string {
	t.Helper()
	m := map[uint64]string{}
	for b := range strings.SplitSeq(dump, "\n\n") {
		if id, ok := goroutineID([]byte(b)); ok {
			m[id] = normal(b)
		}
	}
	return m
}

func textOf(t testing.TB, d *Dump) string {
	t.Helper()
	var b bytes.Buffer
	if err := d.WriteText(context.Background(), &b, Options{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func fullText(t testing.TB) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteFull(context.Background(), &b, Options{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestStates holds every kind of waiting goroutine against the runtime's own
// dump: state, stack with lines and offsets, creator, lock.
func TestStates(t *testing.T) {
	lock(t)
	z := newZoo(t)
	var got, want map[uint64]string
	// All have to arrive where they wait; the runtime says when.
	takeUntil(t, func(d *Dump) bool {
		want = blocks(t, fullText(t))
		got = blocks(t, textOf(t, take(t)))
		z.mu.Lock()
		defer z.mu.Unlock()
		for id, state := range z.ids {
			if !strings.Contains(want[id], "["+state+"]:") {
				return false
			}
		}
		return true
	})
	for id, state := range z.ids {
		if got[id] != want[id] {
			t.Errorf("%s:\n%s\nwant\n%s", state, got[id], want[id])
		}
	}
}

// TestNoIntrospection is the same where the runtime's structures cannot be
// read: all but the creators and locks is the same.
func TestNoIntrospection(t *testing.T) {
	lock(t)
	Introspection(false)
	defer Introspection(true)
	z := newZoo(t)
	created := regexp.MustCompile(`(?s)\ncreated by .*`)
	var got, want map[uint64]string
	var last *Dump
	takeUntil(t, func(*Dump) bool {
		want = blocks(t, fullText(t))
		last = take(t)
		got = blocks(t, textOf(t, last))
		z.mu.Lock()
		defer z.mu.Unlock()
		for id, state := range z.ids {
			if !strings.Contains(want[id], "["+state+"]:") {
				return false
			}
		}
		return true
	})
	if last.Creators != errTurnedOff {
		t.Errorf("Creators: %v", last.Creators)
	}
	for id := range z.ids {
		w := strings.Replace(created.ReplaceAllString(want[id], ""), ", locked to thread", "", 1)
		if got[id] != w {
			t.Errorf("got:\n%s\nwant\n%s", got[id], w)
		}
	}
}

var burned atomic.Int64

//go:noinline
func burn(stop *atomic.Bool) {
	for !stop.Load() {
		burned.Add(int64(square(3)))
	}
}

//go:noinline
func square(n int) int { return n * n }

// TestRunning holds that goroutines on all CPUs, and some more, have their
// stacks and creators.
func TestRunning(t *testing.T) {
	lock(t)
	for _, introspect := range []bool{true, false} {
		t.Run(fmt.Sprint(introspect), func(t *testing.T) {
			Introspection(introspect)
			defer Introspection(true)
			var stop atomic.Bool
			var wg sync.WaitGroup
			n := runtime.GOMAXPROCS(0) + 2
			ids := make(chan uint64, n)
			for range n {
				wg.Go(func() {
					ids <- whoami().id
					burn(&stop)
				})
			}
			defer func() { stop.Store(true); wg.Wait() }()
			var all []uint64
			for range n {
				all = append(all, <-ids)
			}
			running := 0
			takeUntil(t, func(d *Dump) bool {
				for _, id := range all {
					g, ok := d.Find(id)
					if !ok || g.State != Running && g.State != Runnable {
						t.Fatalf("goroutine %d: %v, %+v", id, ok, g)
					}
					if g.State == Running {
						running++
					}
					// One that is about to begin has no more than its entry.
					if !containsFunc(g.Stack, "burn") {
						return false
					}
					if introspect && (g.Creator == nil || !strings.HasSuffix(g.Creator.Func, ".(*WaitGroup).Go")) {
						t.Fatalf("goroutine %d: created by %+v", id, g.Creator)
					}
				}
				return running > 0 || runtime.GOMAXPROCS(0) == 1
			})
		})
	}
}

func containsFunc(frames []Frame, name string) bool {
	for _, f := range frames {
		if strings.HasSuffix(f.Func, "."+name) {
			return true
		}
	}
	return false
}

// TestDeep holds that a stack deeper than the tracer keeps says so.
func TestDeep(t *testing.T) {
	lock(t)
	stop := make(chan struct{})
	defer close(stop)
	var parked sync.WaitGroup
	parked.Add(2)
	go parkAt(300, &parked, stop)
	go parkAt(20, &parked, stop)
	parked.Wait()
	d := takeUntil(t, func(d *Dump) bool {
		n := 0
		for g := range d.All() {
			if g.Wait == "chan receive" && containsFunc(g.Stack, "parkAt") {
				n++
			}
		}
		return n == 2
	})
	deep, shallow := 0, 0
	for g := range d.All() {
		switch {
		case !containsFunc(g.Stack, "parkAt"):
		case g.Elided:
			deep++
			if len(g.Stack) < 100 {
				t.Errorf("a deep stack of %d frames", len(g.Stack))
			}
		default:
			shallow++
		}
	}
	if deep != 1 || shallow != 1 {
		t.Errorf("%d deep and %d other stacks, want 1 and 1", deep, shallow)
	}
	if text := textOf(t, d); strings.Count(text, "additional frames elided") != 1 {
		t.Errorf("the text does not say that a stack is deeper:\n%s", text)
	}
	parse(t, textOf(t, d))
}

// TestEnded holds that who ended is not in the dump.
func TestEnded(t *testing.T) {
	lock(t)
	ids := make(chan uint64, 100)
	for range 100 {
		go func() { ids <- whoami().id }()
	}
	var all []uint64
	for range 100 {
		all = append(all, <-ids)
	}
	takeUntil(t, func(d *Dump) bool {
		for _, id := range all {
			if _, there := d.Find(id); there {
				return false
			}
		}
		return true
	})
}

// parse reads a dump as panicparse does and returns its goroutines.
func parse(t testing.TB, dump string) []*stack.Goroutine {
	t.Helper()
	s, _, err := stack.ScanSnapshot(strings.NewReader(dump), io.Discard, stack.DefaultOpts())
	if err != nil && err != io.EOF {
		t.Fatalf("panicparse: %v", err)
	}
	if s == nil {
		t.Fatalf("panicparse finds no goroutines in:\n%s", dump)
		return nil
	}
	return s.Goroutines
}

// TestPanicparse holds that github.com/maruel/panicparse reads every goroutine
// of both dumps.
func TestPanicparse(t *testing.T) {
	lock(t)
	newZoo(t)
	d := take(t)
	for name, dump := range map[string]string{"goroutines": textOf(t, d), "goroutines.full": fullText(t)} {
		want := strings.Count("\n"+dump, "\ngoroutine ")
		gs := parse(t, dump)
		if len(gs) != want || want < 15 {
			t.Errorf("%s: panicparse finds %d goroutines, want %d", name, len(gs), want)
		}
		for _, g := range gs {
			if len(g.Stack.Calls) == 0 || strconv.Itoa(g.ID) == "0" {
				t.Errorf("%s: panicparse reads %+v", name, g)
			}
		}
	}
}

// TestCount holds that a dump has as many goroutines as the program.
func TestCount(t *testing.T) {
	lock(t)
	stop := make(chan struct{})
	defer close(stop)
	var parked sync.WaitGroup
	parked.Add(1000)
	for range 1000 {
		go parkAt(3, &parked, stop)
	}
	parked.Wait()
	takeUntil(t, func(d *Dump) bool {
		n := runtime.NumGoroutine()
		return strings.Count("\n"+textOf(t, d), "\ngoroutine ") == d.Len() && d.Len() >= n && d.Len() <= n+3
	})
}
