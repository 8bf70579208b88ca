package main

import (
	"errors"
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ispyd/ispyd/internal/probes/returns"
)

var known = []string{"static", "plain ", "recovered q ", "deep ", "closure 7", "wrapped: ", "on the stack"}

func knownText(s string) bool {
	for _, k := range known {
		if strings.HasPrefix(s, k) {
			return true
		}
	}
	return false
}

// stress runs until 10^7 errors (or the number given) have been returned.
func stress() {
	goal, err := strconv.ParseInt(os.Args[2], 10, 64)
	check(err)
	profile, err := os.CreateTemp("", "")
	check(err)
	defer os.Remove(profile.Name())
	check(pprof.StartCPUProfile(profile))
	defer pprof.StopCPUProfile()
	var fns []returns.Function
	for _, n := range []string{"main.plain", "main.(*store).recovers", "main.generic[...]", "main.deep", "main.onStack", "main.(*stackError).self", "main.makeClosure.func1"} {
		fns = append(fns, function(n))
	}
	var captured, kept, silent, wrong, errs atomic.Int64
	options := returns.ErrorOptions{Rate: 5000, Burst: 200, Share: -1, OnCapture: func(c *returns.Capture) {
		captured.Add(1)
		if c.Error.Value != nil {
			kept.Add(1)
		}
		// On a busy machine an Error method may not come to run in time; that is said.
		text := c.Error.Value == nil || c.Error.Silent != "" || knownText(c.Error.Text)
		if !text || c.Error.Itab == 0 || len(c.Stack) == 0 || len(c.Results) == 0 || c.Goroutine == 0 {
			fmt.Printf("wrong: %s %+v %#x %v goroutine %d, %d bytes of stack\n", c.Probe.Function(), c.Error, c.PC, c.Results, c.Goroutine, len(c.Stack))
			wrong.Add(1)
		}
		if c.Error.Silent != "" && c.Error.Value != nil {
			silent.Add(1)
		}
	}}
	var done atomic.Bool
	var wg sync.WaitGroup
	wg.Add(2)
	go func() {
		defer wg.Done()
		for !done.Load() {
			runtime.GC()
		}
	}()
	go func() {
		defer wg.Done()
		live := map[int]*returns.Probe{}
		for !done.Load() {
			i := rand.Intn(len(fns))
			if p := live[i]; p != nil {
				check(p.Remove())
				delete(live, i)
			} else {
				p, err := returns.InsertError(fns[i], options)
				check(err)
				live[i] = p
			}
			time.Sleep(time.Duration(rand.Intn(3000)) * time.Microsecond)
		}
		for _, p := range live {
			check(p.Remove())
		}
	}()
	for g := range 50 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			s, r := &store{}, rand.New(rand.NewSource(int64(g)))
			is := func(err error, want bool) {
				if err != nil {
					errs.Add(1)
				}
				if (err != nil) != want {
					_, _, line, _ := runtime.Caller(1)
					fmt.Printf("wrong: %v at line %d\n", err, line)
					wrong.Add(1)
				}
			}
			equal := func(ok bool) {
				if !ok {
					_, _, line, _ := runtime.Caller(1)
					fmt.Printf("wrong result at line %d\n", line)
					wrong.Add(1)
				}
			}
			for !done.Load() {
				for range 64 {
					n := r.Intn(1000)
					odd := n&1 == 1
					x, err := plain(n)
					is(err, odd)
					equal(x == n)
					f, err := generic(float64(n), n)
					is(err, odd)
					equal(f == float64(n))
					t, err := generic("abc", n)
					is(err, odd)
					equal(t == "abc")
					a, b, err := onStack(n)
					is(err, odd)
					equal(odd && b == [2]string{"x", "y"} || !odd && a[n%3] == n)
					e := stackError{n, n}
					is(e.self(n), odd)
					is(closure(n), odd)
				}
				n := r.Intn(99)
				v, err := s.recovers("q", n)
				is(err, n%3 != 0)
				equal(n%3 != 0 || v == "q")
				c := make(chan error)
				go func() { c <- deep(n) }()
				is(<-c, true)
				if errs.Load() >= goal && captured.Load() >= 500 && (kept.Load() >= 100 || captured.Load() >= 3000) {
					done.Store(true)
				}
			}
		}()
	}
	wg.Wait()
	println("errors", errs.Load(), "captured", captured.Load(), "kept", kept.Load(), "silent", silent.Load(), "wrong", wrong.Load())
	if wrong.Load() != 0 {
		fail("%d wrong", wrong.Load())
	}
}

// full fills the ring while the consumer waits.
func full() {
	const total = 2000
	first := make(chan bool, 1)
	release := make(chan bool)
	var n atomic.Int64
	p, err := returns.InsertError(function("main.plain"), returns.ErrorOptions{Rate: 1, Burst: 1 << 20, Share: -1, OnCapture: func(*returns.Capture) {
		if n.Add(1) == 1 {
			first <- true
			<-release
		}
	}})
	check(err)
	plain(1)
	<-first
	for range total {
		if _, err := plain(1); err != static {
			fail("wrong error %v", err)
		}
	}
	s := p.Stats()
	if s.Hits != total+1 || s.Dropped == 0 || s.Dropped > total-200 {
		fail("%+v", s)
	}
	close(release)
	for n.Load()+int64(s.Dropped) != total+1 {
		time.Sleep(time.Millisecond)
	}
	if s := p.Stats(); s.Captured+s.Dropped != s.Hits || s.Limited != 0 {
		fail("%+v", s)
	}
	check(p.Remove())
}

// errorOnStack: the error points into the caller's frame.
func errorOnStack() {
	got := make(chan *returns.Capture, 1)
	p, err := returns.InsertError(function("main.(*stackError).self"), returns.ErrorOptions{Share: -1, OnCapture: func(c *returns.Capture) { got <- c }})
	check(err)
	for range 5 {
		e := stackError{4711, 42}
		if e.self(1) == nil {
			fail("no error")
		}
		c := <-got
		if c.Error.Value != nil || c.Error.Text != "" || c.Error.Type != "*main.stackError" {
			fail("%+v", c.Error)
		}
		at := c.Error.Data - c.StackBase
		if at+16 > uintptr(len(c.Stack)) || c.Stack[at] != 4711&0xff || c.Stack[at+8] != 42 {
			fail("the copied stack has not the error: %#x in %#x+%d", c.Error.Data, c.StackBase, len(c.Stack))
		}
		runtime.GC()
	}
	check(p.Remove())
}

// limit: errors past the burst are only counted.
func limit() {
	var n atomic.Int64
	p, err := returns.InsertError(function("main.plain"), returns.ErrorOptions{Rate: 0.001, Burst: 3, Share: -1, OnCapture: func(*returns.Capture) { n.Add(1) }})
	check(err)
	for range 1000 {
		plain(1)
	}
	for n.Load() < 3 {
		runtime.Gosched()
	}
	if s := p.Stats(); s.Hits != 1000 || s.Captured != 3 || s.Limited != 997 || s.Dropped != 0 || s.Cost <= 0 || s.PerHit() <= 0 {
		fail("%+v", s)
	}
	p.SetLimit(0.001, 5)
	for range 1000 {
		plain(1)
	}
	for n.Load() < 8 {
		runtime.Gosched()
	}
	if s := p.Stats(); s.Hits != 2000 || s.Captured != 8 {
		fail("with another limit: %+v", s)
	}
	check(p.Remove())
	if s := p.Stats(); s.Hits != 2000 {
		fail("after the end: %+v", s)
	}
}

// budget: a probe whose keeper is slow removes itself.
func budget() {
	ended := make(chan returns.End, 1)
	p, err := returns.InsertError(function("main.plain"), returns.ErrorOptions{Rate: 1e6, Burst: 1e6, Share: 0.001,
		OnCapture: func(*returns.Capture) {
			for begin := time.Now(); time.Since(begin) < time.Millisecond; {
			}
		},
		OnEnd: func(_ *returns.Probe, e returns.End) { ended <- e }})
	check(err)
	for {
		plain(1)
		select {
		case e := <-ended:
			if e.Reason != returns.Budget || e.Detail == "" {
				fail("%v", e)
			}
			if err := p.Remove(); !errors.Is(err, syscall.ENOENT) {
				fail("removed again: %v", err)
			}
			return
		default:
		}
	}
}

func twice() {
	fn := function("main.plain")
	for range 3 {
		p, err := returns.InsertError(fn, returns.ErrorOptions{})
		check(err)
		if _, err := returns.InsertError(fn, returns.ErrorOptions{}); !errors.Is(err, syscall.EEXIST) {
			fail("inserted twice: %v", err)
		}
		if _, err := returns.Observe(fn, returns.ObserveOptions{}); !errors.Is(err, syscall.EEXIST) {
			fail("observed and inserted: %v", err)
		}
		plain(1)
		check(p.Remove())
		if err := p.Remove(); !errors.Is(err, syscall.ENOENT) {
			fail("removed twice: %v", err)
		}
		o, err := returns.Observe(fn, returns.ObserveOptions{})
		check(err)
		plain(1)
		check(o.Remove())
	}
}

// damaged: debug information that takes another result for the error.
func damaged() {
	fn := function("main.both")
	fn.Signature.Error = 0
	ended := make(chan returns.End, 1)
	_, err := returns.InsertError(fn, returns.ErrorOptions{
		OnCapture: func(c *returns.Capture) { fail("captured %+v", c.Error) },
		OnEnd:     func(_ *returns.Probe, e returns.End) { ended <- e }})
	check(err)
	if v, err := both(1); v != 1 || err != static {
		fail("%v %v", v, err)
	}
	if e := <-ended; e.Reason != returns.Damaged {
		fail("%v", e)
	}
}

// callback: a keeper that panics ends its probe, not the program.
func callback() {
	ended := make(chan returns.End, 1)
	_, err := returns.InsertError(function("main.plain"), returns.ErrorOptions{
		OnCapture: func(*returns.Capture) { panic("keeper") },
		OnEnd:     func(_ *returns.Probe, e returns.End) { ended <- e }})
	check(err)
	plain(1)
	if e := <-ended; e.Reason != returns.Panicked || !strings.Contains(e.String(), "keeper") {
		fail("%v", e)
	}
	plain(1)
}
