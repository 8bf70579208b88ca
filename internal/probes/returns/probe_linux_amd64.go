package returns

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"
)

const slotInts = uint64(unsafe.Offsetof(slot{}.ints))

func addressOf[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

const (
	// hitCost and recordCost are what a counted error and an observed entry or
	// return cost the function, in nanoseconds, on the slow side (BenchmarkError,
	// BenchmarkObserve). To measure each would cost as much again.
	hitCost    = 10
	recordCost = 50

	// allowance is for how long a probe may save up its share of a CPU.
	allowance = 10 * time.Second
)

// Probe is a probe in a function, until Remove or its end.
type Probe struct {
	e *engine
	f *function

	observe    bool
	errorsOnly bool
	rate       float64
	burst      int
	share      float64
	count      uint64        // 0: no limit
	lasts      time.Duration // 0: no limit
	slower     time.Duration
	onCapture  func(*Capture)
	onCall     func(*Call)
	onEnd      func(*Probe, End)

	captured atomic.Uint64
	limited  atomic.Uint64 // of observations
	unpaired atomic.Uint64
	unasked  atomic.Uint64
	spent    atomic.Int64 // nanoseconds of the consumer
	silent   atomic.Bool  // closed: no callback any more
	turn     atomic.Int64 // which observation it is, of all

	// Under engine.mu.
	began, ticked   time.Time
	hits0, dropped0 uint64 // of the cell, when the probe began
	cycles0         uint64
	tsc0            uint64  // the time-stamp counter, when the probe began
	credit          float64 // tokens to come, below 1
	budget          float64 // nanoseconds left
	costSeen        time.Duration
	stopped         *End // it shall end
	removed         bool
	final           Stats
}

// InsertError has the errors captured that a function returns from now on. The
// error is a *[Refusal], syscall.EEXIST if the function has a probe,
// syscall.EBUSY while the process is traced, or says what this process lacks.
func InsertError(fn Function, o ErrorOptions) (*Probe, error) {
	p := &Probe{share: o.Share, onCapture: o.OnCapture, onEnd: o.OnEnd}
	p.limit(o.Rate, o.Burst)
	if p.onCapture == nil {
		p.onCapture = func(*Capture) {}
	}
	return p.insert(fn)
}

// Observe has the calls of a function recorded that begin from now on. Errors are
// as of InsertError.
func Observe(fn Function, o ObserveOptions) (*Probe, error) {
	p := &Probe{observe: true, errorsOnly: o.Errors, slower: o.Slower, share: o.Share, onCall: o.OnCall, onEnd: o.OnEnd}
	switch {
	case o.Count == 0:
		p.count = DefaultCount
	case o.Count > 0:
		p.count = uint64(o.Count)
	}
	switch {
	case o.For == 0:
		p.lasts = DefaultFor
	case o.For > 0:
		p.lasts = o.For
	}
	if p.onCall == nil {
		p.onCall = func(*Call) {}
	}
	return p.insert(fn)
}

func (p *Probe) insert(fn Function) (*Probe, error) {
	if p.share == 0 {
		p.share = DefaultShare
	}
	e, err := start()
	if err != nil {
		return nil, err
	}
	if err := e.insert(p, fn, p.observe); err != nil {
		return nil, err
	}
	return p, nil
}

// Remove puts the function's code back. A callback that is running may still
// finish. The error is syscall.ENOENT if the probe is gone already, and
// syscall.EBUSY while the process is traced.
func (p *Probe) Remove() error {
	p.e.mu.Lock()
	defer p.e.mu.Unlock()
	return p.e.remove(p)
}

// Close puts the code of all functions back that have a probe. Callbacks that are
// running may still finish, and no other begins. The error is syscall.EBUSY while the process is traced: then the code
// is put back as soon as it no longer is. New probes may be made all the same.
func Close() error {
	engineMu.Lock()
	e := theOne
	engineMu.Unlock()
	if e == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	for _, p := range e.probes {
		p.silent.Store(true)
		atomic.StoreInt64(&p.f.cell.tokens, 0)
		if err := e.remove(p); err != nil {
			p.stopped = &End{}
			errs = append(errs, err)
		}
	}
	e.kick()
	return errors.Join(errs...)
}

// SetLimit changes the rate limit of an error probe, as in [ErrorOptions]; the
// whole burst is there at once. An observation has none.
func (p *Probe) SetLimit(rate float64, burst int) {
	p.e.mu.Lock()
	defer p.e.mu.Unlock()
	if p.observe || p.removed || p.stopped != nil {
		return
	}
	p.limit(rate, burst)
	atomic.StoreInt64(&p.f.cell.tokens, int64(p.burst))
	p.e.kick()
}

// SetShare changes what part of a CPU the probe may cost, as in [ErrorOptions]. What it
// has saved up is cut to what the new share allows.
func (p *Probe) SetShare(share float64) {
	p.e.mu.Lock()
	defer p.e.mu.Unlock()
	if share == 0 {
		share = DefaultShare
	}
	if p.removed || p.stopped != nil {
		return
	}
	if p.share = share; p.share > 0 {
		p.budget = min(p.budget, p.share*float64(allowance))
	}
	p.e.kick()
}

func (p *Probe) limit(rate float64, burst int) {
	if p.rate = rate; p.rate <= 0 {
		p.rate = DefaultRate
	}
	if p.burst = burst; p.burst <= 0 {
		p.burst = DefaultBurst
	}
}

// Function is the name of the function.
func (p *Probe) Function() string { return p.f.name }

// Plan is what the probe was made by.
func (p *Probe) Plan() *Plan { return p.f.plan }

// Since is when the probe was inserted.
func (p *Probe) Since() time.Time { return p.began }

// Stats returns the counters; those of the end, when the probe is gone.
func (p *Probe) Stats() Stats {
	p.e.mu.Lock()
	defer p.e.mu.Unlock()
	return p.statsLocked()
}

func (p *Probe) statsLocked() Stats {
	if p.removed {
		return p.final
	}
	c := p.f.cell
	s := Stats{
		Hits:     atomic.LoadUint64(&c.hits) - p.hits0,
		Dropped:  atomic.LoadUint64(&c.dropped) - p.dropped0,
		Captured: p.captured.Load(),
		Unasked:  p.unasked.Load(),
	}
	own := time.Duration(p.spent.Load())
	if p.observe {
		s.Held = time.Duration(s.Hits * recordCost)
		s.Cost = own + s.Held
		s.Limited = p.limited.Load()
		s.Dropped += p.unpaired.Load()
		return s
	}
	ns := float64(atomic.LoadUint64(&c.cycles)-p.cycles0) / p.e.clock.rate()
	s.Held = time.Duration(ns) + time.Duration(s.Hits*hitCost)
	s.Cost = own + s.Held
	// Captures on their way count as such only when they have been delivered.
	if other := s.Captured + s.Dropped; other < s.Hits {
		s.Limited = s.Hits - other
	}
	return s
}

// begin sets the counters for a new probe; e.mu is held.
func (p *Probe) begin(now time.Time) {
	c := p.f.cell
	p.began, p.ticked = now, now
	p.tsc0 = readTSC()
	p.hits0, p.dropped0, p.cycles0 = atomic.LoadUint64(&c.hits), atomic.LoadUint64(&c.dropped), atomic.LoadUint64(&c.cycles)
	p.budget = p.share * float64(allowance)
	if p.observe {
		p.turn.Store(p.e.nextTurn())
	} else {
		atomic.StoreInt64(&c.tokens, int64(p.burst))
	}
}

// tick refills the tokens and looks at limits; e.mu is held. It returns when it
// has to be called again, 0 for when something happens, or why the probe ends.
func (p *Probe) tick(now time.Time) (time.Duration, *End) {
	if p.stopped != nil {
		return time.Second, p.stopped // a tracer was in the way
	}
	elapsed := now.Sub(p.ticked)
	p.ticked = now
	s := p.statsLocked()
	if p.share > 0 {
		full := p.share * float64(allowance)
		p.budget = min(full, p.budget+p.share*float64(elapsed)) - float64(s.Cost-p.costSeen)
		p.costSeen = s.Cost
		if p.budget < 0 {
			return 0, &End{Budget, fmt.Sprintf("%v for %d hits in %v", s.Cost.Round(time.Microsecond), s.Hits, now.Sub(p.began).Round(time.Millisecond))}
		}
	}
	if p.observe {
		if p.lasts <= 0 {
			return time.Second, nil
		}
		left := p.began.Add(p.lasts).Sub(now)
		if left <= 0 {
			return 0, &End{Time, ""}
		}
		return min(left, time.Second), nil
	}
	return p.refill(elapsed), nil
}

// refill adds the tokens that the time has brought, and says when the next is due.
func (p *Probe) refill(elapsed time.Duration) time.Duration {
	tokens := &p.f.cell.tokens
	have := atomic.LoadInt64(tokens)
	if have >= int64(p.burst) {
		p.credit = 0
		return 0 // until an error takes one, which wakes us
	}
	p.credit += p.rate * elapsed.Seconds()
	if whole := min(int64(p.credit), int64(p.burst)-have); whole > 0 {
		p.credit -= float64(int64(p.credit))
		// Threads may just be taking tokens that are not there.
		atomic.AddInt64(tokens, whole)
	}
	return max(10*time.Millisecond, min(time.Second, time.Duration(float64(time.Second)/p.rate)))
}
