package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ispyd/ispyd/internal/probes/jump"
	"github.com/ispyd/ispyd/internal/probes/returns"
)

var served struct {
	probes   map[string]*returns.Probe
	ended    chan string
	captured atomic.Int64
	calls    atomic.Int64
	wrong    atomic.Int64
	stop     atomic.Bool
	wg       sync.WaitGroup
}

// serve does what it is told on its standard input, a line each, and answers each
// with a line: "ok" and something, or "error" and the reason.
func serve() {
	served.probes = map[string]*returns.Probe{}
	served.ended = make(chan string, 10)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		said, err := command(strings.Fields(in.Text()))
		if err != nil {
			fmt.Printf("error busy=%v %s\n", errors.Is(err, syscall.EBUSY), strings.ReplaceAll(err.Error(), "\n", "; "))
		} else {
			fmt.Println("ok", said)
		}
	}
}

func command(w []string) (said string, err error) {
	onEnd := func(_ *returns.Probe, e returns.End) { served.ended <- e.String() }
	switch w[0] {
	case "insert":
		served.probes[w[1]], err = returns.InsertError(function(w[1]), returns.ErrorOptions{Rate: 1000, Share: -1, OnEnd: onEnd,
			OnCapture: func(*returns.Capture) { served.captured.Add(1) }})
	case "observe", "once":
		o := returns.ObserveOptions{Count: -1, For: -1, Share: -1, OnEnd: onEnd, OnCall: func(*returns.Call) { served.captured.Add(1) }}
		if w[0] == "once" {
			o.Count = 1
		}
		served.probes[w[1]], err = returns.Observe(function(w[1]), o)
	case "remove":
		err = served.probes[w[1]].Remove()
	case "close":
		err = returns.Close()
	case "ended": // waits for a probe that ends by itself
		said = <-served.ended
	case "call":
		use(1)
		said = fmt.Sprint(served.wrong.Load())
	case "captured": // waits for another
		for before := served.captured.Load(); served.captured.Load() == before; time.Sleep(time.Millisecond) {
			use(1)
		}
	case "captures":
		said = fmt.Sprint(served.captured.Load())
	case "load":
		for i := range 4 {
			served.wg.Go(func() {
				for n := i; !served.stop.Load(); n++ {
					use(n)
					time.Sleep(100 * time.Microsecond)
				}
			})
		}
	case "busy": // waits for calls
		for before := served.calls.Load(); served.calls.Load() < before+100; {
			time.Sleep(time.Millisecond)
		}
	case "rest":
		served.stop.Store(true)
		served.wg.Wait()
		said = fmt.Sprint(served.wrong.Load())
	case "restored": // waits until nothing is changed
		for len(jump.Patched()) > 0 {
			time.Sleep(time.Millisecond)
		}
	case "patched":
		said = fmt.Sprint(len(jump.Patched()) > 0)
	case "verify":
		var d []jump.Difference
		d, err = jump.Verify()
		said = fmt.Sprint(len(d))
	default:
		err = errors.New("?")
	}
	return said, err
}

// use calls the functions that have probes and looks at their results.
func use(n int) {
	x, err := plain(n)
	ok := x == n && (err != nil) == (n&1 == 1)
	s, err := greet("world", n%3-1, 0.5)
	ok = ok && (n%3 == 0 && err != nil || s == "hello world")
	err = deep(20)
	ok = ok && err != nil
	f, _ := fib(5)
	if !ok || f != 5 {
		served.wrong.Add(1)
	}
	served.calls.Add(1)
}

// closeAll: Close after probes that ended by themselves, and some that did not.
func closeAll() {
	share := 1e-9
	ended := make(chan returns.End, 10)
	onEnd := func(_ *returns.Probe, e returns.End) { ended <- e }
	_, err := returns.InsertError(function("main.plain"), returns.ErrorOptions{Share: share, OnEnd: onEnd})
	check(err)
	_, err = returns.Observe(function("main.greet"), returns.ObserveOptions{Share: share, Count: -1, For: -1, OnEnd: onEnd})
	check(err)
	for seen := 0; seen < 2; {
		plain(1)
		greet("x", 1, 1)
		select {
		case e := <-ended:
			if e.Reason != returns.Budget {
				fail("%v", e)
			}
			seen++
		default:
		}
	}
	same := func() {
		diff, err := jump.Verify()
		check(err)
		if len(diff) > 0 || len(jump.Patched()) > 0 {
			fail("code differs: %+v", diff)
		}
	}
	same()
	check(returns.Close()) // of nothing
	var probes []*returns.Probe
	for range 3 {
		for _, name := range []string{"main.plain", "main.fib", "main.onStack", "main.(*stackError).self"} {
			p, err := returns.InsertError(function(name), returns.ErrorOptions{Rate: 1e6, Burst: 1e6, Share: -1})
			check(err)
			probes = append(probes, p)
		}
		for _, name := range []string{"main.greet", "main.deep"} {
			p, err := returns.Observe(function(name), returns.ObserveOptions{Count: -1, For: -1, Share: -1, OnEnd: onEnd})
			check(err)
			probes = append(probes, p)
		}
		var stop atomic.Bool
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for n := 0; !stop.Load(); n++ {
					use(n)
				}
			})
		}
		for probes[len(probes)-1].Stats().Captured == 0 {
			time.Sleep(time.Millisecond)
		}
		check(returns.Close())
		same()
		stop.Store(true)
		wg.Wait()
		for _, p := range probes {
			if err := p.Remove(); !errors.Is(err, syscall.ENOENT) {
				fail("removed again: %v", err)
			}
		}
	}
	if len(ended) > 0 || served.wrong.Load() > 0 {
		fail("ended %d wrong %d", len(ended), served.wrong.Load())
	}
}

type muteError struct{ never chan bool }

var muted = &muteError{make(chan bool)} // not on a stack

func (e *muteError) Error() string { <-e.never; return "at last" }

//go:noinline
func mutes(err error) error {
	touch(new([32]byte))
	return err
}

// mute: errors whose Error does not return keep few goroutines.
func mute() {
	e := muted
	got := make(chan *returns.Capture, 100)
	p, err := returns.InsertError(function("main.mutes"), returns.ErrorOptions{Rate: 1e6, Burst: 1000, Share: -1, OnCapture: func(c *returns.Capture) { got <- c }})
	check(err)
	const most = 4
	kept := 0
	for n := 0; kept < 3*most; n++ {
		if n == 10000 {
			fmt.Println("errors are never kept here") // -race
			check(p.Remove())
			return
		}
		if mutes(e) != error(e) {
			fail("another error")
		}
		c := <-got
		if c.Error.Text != "" || c.Error.Type != "*main.muteError" {
			fail("%+v", c.Error)
		}
		if c.Error.Value != nil {
			kept++
		}
	}
	if s := p.Stats(); s.Unasked != uint64(kept-most) || s.Captured < uint64(kept) {
		fail("%d kept: %+v", kept, s)
	}
	close(e.never)
	for { // they return, and errors are asked again
		mutes(e)
		if c := <-got; c.Error.Text == "at last" {
			break
		}
	}
	check(p.Remove())
}
