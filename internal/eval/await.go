package eval

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"time"
)

// outcome is what an evaluation ends with.
type outcome struct {
	r   Result
	err error
}

// watchTime is how often a running evaluation is looked at from outside.
const watchTime = 50 * time.Millisecond

// await waits for the end of an evaluation, and watches it meanwhile. One that does not
// end is left behind: if it runs already, as one goroutine more, whose results nobody
// gets; if it is still being compiled the session ends, for its state is in use.
func (s *Session) await(ctx context.Context, ev *evaluation, done chan outcome, o *outcome) {
	watch := time.NewTicker(watchTime)
	defer watch.Stop()
	for running := true; running; {
		select {
		case *o = <-done:
			return
		case <-watch.C:
			ev.watch()
		case <-ctx.Done():
			running = false
		}
	}
	// Code of the session stops at once, a call of the program perhaps never.
	t := time.NewTimer(2 * graceTime)
	defer t.Stop()
	select {
	case *o = <-done:
		return
	case <-t.C:
	}
	s.opts.Abandoned.Add(1)
	go func() {
		<-done
		s.opts.Abandoned.Add(-1)
	}()
	if !ev.running.Load() {
		o.err = fmt.Errorf("%w: the request is still being compiled; the session with its declarations has ended, begin a new one", ErrAbandoned)
		s.end(o.err)
		return
	}
	where := "the evaluation"
	if name := ev.host.Load(); name != nil {
		where = "the call of " + *name
	}
	o.err = fmt.Errorf("%w: %s did not return: it goes on, what it gives is thrown away", ErrAbandoned, where)
}

// watch stops an evaluation during which the heap has grown beyond the limit: code of
// the program takes memory without charge. What counts is what the collector has found
// in use; it is made to look only when much more has been taken.
func (ev *evaluation) watch() {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	live := int64(sample[0].Value.Uint64())
	if ev.live == 0 {
		ev.live = live
	}
	if grown := live - ev.live; grown > ev.limit && inUse()-ev.base > ev.limit {
		ev.stop.CompareAndSwap(nil, &stopError{ev.tooMuch(grown, "")})
	} else if inUse()-ev.base > 4*ev.limit && time.Since(ev.collected) > time.Second {
		ev.collected = time.Now()
		runtime.GC()
	}
}
