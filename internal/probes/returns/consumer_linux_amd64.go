package returns

import (
	"fmt"
	"os"
	"sort"
	"sync/atomic"
	"time"
)

// busyPause is the time between two looks at the ring while calls are observed
// that come faster; then no thread has to wake anybody.
const busyPause = time.Millisecond

// run is the goroutine that takes captures and records out of the rings. It ends
// with the last probe.
func (e *engine) run() {
	atomic.StoreUintptr(&consumer, getg())
	for {
		e.takeCaptures()
		n := e.takeRecords()
		next, more := e.tick()
		if !more {
			return
		}
		if n > 0 {
			time.Sleep(busyPause)
			continue
		}
		e.wait(next)
	}
}

// wait waits for a capture, a record or a change of the probes, or for d unless
// that is 0.
func (e *engine) wait(d time.Duration) {
	var deadline time.Time
	if d > 0 {
		deadline = time.Now().Add(d)
	}
	e.event.SetReadDeadline(deadline)
	atomic.StoreUint32(&sleeping, 1)
	if !published(captureStates[:]) && !published(recordStates[:]) {
		var b [8]byte
		if _, err := e.event.Read(b[:]); err != nil && !os.IsTimeout(err) {
			time.Sleep(10 * time.Millisecond) // somebody has closed the descriptor
		}
	}
	atomic.StoreUint32(&sleeping, 0)
}

func published(states []uint32) bool {
	for i := range states {
		if atomic.LoadUint32(&states[i]) == slotPublished {
			return true
		}
	}
	return false
}

// takeCaptures delivers what is in the ring, in order.
func (e *engine) takeCaptures() {
	var at []int
	for i := range captureStates {
		if atomic.LoadUint32(&captureStates[i]) == slotPublished {
			at = append(at, i)
		}
	}
	sort.Slice(at, func(i, j int) bool { return e.mem.slots[at[i]].seq < e.mem.slots[at[j]].seq })
	for _, i := range at {
		begin := time.Now()
		s := &e.mem.slots[i]
		site := e.mem.siteAt(s.site)
		var p *Probe
		if site != nil {
			p = e.function(site.fn).probe.Load()
		}
		var c *Capture
		ok := true
		if p != nil && s.tsc < p.tsc0 {
			p = nil // of the probe before
		}
		if p != nil {
			c, ok = e.decode(p, site, s, keep[i])
		}
		keep[i], keepLabels[i] = nil, nil
		atomic.StoreUint32(&captureStates[i], slotFree)
		if p == nil || p.silent.Load() {
			continue
		}
		if !ok {
			e.end(p, End{Damaged, ""})
			continue
		}
		// The error's own method runs as late as this: it may take its time.
		if !c.Error.resolve() {
			p.unasked.Add(1)
		}
		p.captured.Add(1)
		e.guard(p, func() { p.onCapture(c) })
		p.spent.Add(int64(time.Since(begin)))
	}
}

func (e *engine) function(i uint32) *function {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.functions[i]
}

// guard runs a callback. The host must not die of our keeper's mistake.
func (e *engine) guard(p *Probe, f func()) {
	defer func() {
		if v := recover(); v != nil {
			e.end(p, End{Panicked, fmt.Sprint(v)})
		}
	}()
	f()
}

// end removes a probe on its own account and tells its owner.
func (e *engine) end(p *Probe, why End) {
	e.mu.Lock()
	if p.removed {
		e.mu.Unlock()
		return
	}
	// While a debugger is attached the code stays as it is: stop, and try again.
	p.stopped = &why
	atomic.StoreInt64(&p.f.cell.tokens, 0)
	err := e.remove(p)
	e.mu.Unlock()
	if err != nil || p.onEnd == nil || p.silent.Load() {
		return
	}
	defer func() { recover() }()
	p.onEnd(p, why)
}

// tick refills and checks the probes. It returns when it is to be called again at
// the latest, 0 for never, and whether there are probes at all.
func (e *engine) tick() (next time.Duration, more bool) {
	type ending struct {
		p   *Probe
		why End
	}
	var ended []ending
	e.mu.Lock()
	now := time.Now()
	for _, p := range e.probes {
		d, why := p.tick(now)
		if why != nil {
			ended = append(ended, ending{p, *why})
		}
		if d > 0 && (next == 0 || d < next) {
			next = d
		}
	}
	e.mu.Unlock()
	for _, x := range ended {
		e.end(x.p, x.why)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.probes) > 0 {
		return next, true
	}
	e.running = false
	atomic.StoreUintptr(&consumer, 0)
	e.discard()
	return 0, false
}

// discard empties the rings. Nobody else reads them.
func (e *engine) discard() {
	for i := range captureStates {
		if atomic.LoadUint32(&captureStates[i]) == slotPublished {
			keep[i], keepLabels[i] = nil, nil
			atomic.StoreUint32(&captureStates[i], slotFree)
		}
	}
	for i := range recordStates {
		if atomic.LoadUint32(&recordStates[i]) == slotPublished {
			atomic.StoreUint32(&recordStates[i], slotFree)
		}
	}
	e.pairs = pairs{}
}
