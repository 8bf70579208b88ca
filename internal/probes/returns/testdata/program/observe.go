package main

import (
	"encoding/binary"
	"math"
	"math/rand"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/ispyd/ispyd/internal/probes/returns"
)

func number(v returns.Value) int64 {
	return int64(binary.LittleEndian.Uint64(append(v.Data[:len(v.Data):len(v.Data)], make([]byte, 8)...)))
}

// observe: arguments, results, durations, conditions and the ends.
func observe() {
	calls := make(chan *returns.Call, 100)
	ends := make(chan returns.End, 1)
	start := func(o returns.ObserveOptions) *returns.Probe {
		o.OnCall = func(c *returns.Call) { calls <- c }
		o.OnEnd = func(_ *returns.Probe, e returns.End) { ends <- e }
		p, err := returns.Observe(function("main.greet"), o)
		check(err)
		return p
	}
	name := string([]byte("wor" + "ld"))
	start(returns.ObserveOptions{Count: 2, Share: -1})
	var local byte // in a frame above that of greet
	before := uintptr(unsafe.Pointer(&local))
	greet(name, 3, 0.5)
	after := uintptr(unsafe.Pointer(&local))
	greet(name, -1, 0.25)
	c := <-calls
	if within := func(at uintptr, r [2]uintptr) bool { return at >= r[0] && at < r[1] }; !within(before, c.ArgsStack) && !within(after, c.ArgsStack) || !within(before, c.ResultsStack) && !within(after, c.ResultsStack) || within(c.ArgsStack[0]-1, c.ArgsStack) || c.ArgsStack[1]-c.ArgsStack[0] > 1<<20 {
		fail("%#x and %#x: the callers' frames were at %#x and %#x", before, after, c.ArgsStack, c.ResultsStack)
	}
	s, ok := c.Args[0].ReadString(100)
	if !ok || s != "world" || number(c.Args[1]) != 3 || math.Float64frombits(uint64(number(c.Args[2]))) != 0.5 || c.Error != nil || c.Args[0].Name != "name" {
		fail("%q %+v", s, c)
	}
	if s, ok := c.Results[0].ReadString(5); !ok || s != "hello" || c.Duration <= 0 || c.Duration > time.Minute || time.Since(c.Time) > time.Minute || c.Goroutine == 0 {
		fail("%q %+v", s, c)
	}
	c = <-calls
	if c.Error == nil || c.Error.Type != "*fmt.wrapError" && c.Error.Text != "negative: -1" {
		fail("%+v", c.Error)
	}
	if e := <-ends; e.Reason != returns.Count {
		fail("%v", e)
	}
	p := start(returns.ObserveOptions{Count: 1, Errors: true, Share: -1})
	greet(name, 1, 1)
	greet(name, -2, 1)
	if c := <-calls; number(c.Args[1]) != -2 {
		fail("%+v", c)
	}
	<-ends
	if s := p.Stats(); s.Captured != 1 || s.Limited != 1 || s.Hits != 4 {
		fail("%+v", s)
	}
	start(returns.ObserveOptions{For: 50 * time.Millisecond, Slower: time.Hour, Count: -1, Share: -1})
	for more := true; more; {
		greet(name, 1, 1)
		select {
		case e := <-ends:
			if e.Reason != returns.Time {
				fail("%v", e)
			}
			more = false
		default:
		}
	}
	if len(calls) > 0 {
		fail("a call was delivered that was fast")
	}
	start(returns.ObserveOptions{Share: 0.0001, Count: -1})
	for more := true; more; {
		greet(name, 1, 1)
		select {
		case <-calls:
		case e := <-ends:
			if e.Reason != returns.Budget {
				fail("%v", e)
			}
			more = false
		}
		select {
		case <-calls:
		default:
		}
	}
}

// observeStress: pairs are right whatever is dropped, while stacks move, functions
// call themselves, and probes come and go.
func observeStress() {
	var wrong, calls atomic.Int64
	var done atomic.Bool
	options := map[string]func(c *returns.Call){
		"main.plain": func(c *returns.Call) {
			if n := number(c.Args[0]); number(c.Results[0]) != n || (c.Error != nil) != (n&1 == 1) {
				wrong.Add(1)
			}
		},
		"main.fib": func(c *returns.Call) {
			a, b := 0, 1
			for range number(c.Args[0]) {
				a, b = b, a+b
			}
			if number(c.Results[0]) != int64(a) {
				wrong.Add(1)
			}
		},
		"main.deep": func(c *returns.Call) {
			if c.Error == nil {
				wrong.Add(1)
			}
		},
	}
	var wg sync.WaitGroup
	for name, f := range options {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for !done.Load() {
				p, err := returns.Observe(function(name), returns.ObserveOptions{Count: -1, For: -1, Share: -1, OnCall: func(c *returns.Call) { calls.Add(1); f(c) }})
				check(err)
				time.Sleep(time.Duration(rand.Intn(5000)) * time.Microsecond)
				check(p.Remove())
			}
		}()
	}
	var work atomic.Int64
	for g := range 30 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for !done.Load() {
				for i := range 500 {
					if x, _ := plain(i + g); x != i+g {
						wrong.Add(1)
					}
				}
				if x, _ := fib(12); x != 144 {
					wrong.Add(1)
				}
				c := make(chan error)
				go func() { c <- deep(50 + g) }()
				<-c
				if work.Add(1) >= 2000 && calls.Load() >= 5000 {
					done.Store(true)
				}
				if g == 0 {
					runtime.GC()
				}
			}
		}()
	}
	wg.Wait()
	println("calls", calls.Load(), "wrong", wrong.Load())
	if wrong.Load() != 0 || calls.Load() < 5000 {
		fail("%d wrong of %d calls", wrong.Load(), calls.Load())
	}
}
