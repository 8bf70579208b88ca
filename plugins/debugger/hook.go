package debugger

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/ispyd/ispyd/internal/minicore"
	"github.com/ispyd/ispyd/internal/probes/panics"
	"github.com/ispyd/ispyd/nodes"
)

// owner is the plugin whose hook is in: a program may run several servers, but it
// has one text.
var owner atomic.Pointer[plugin]

// hook sees that the hook is in. p.mu is held.
func (p *plugin) hook() error {
	if p.hooked && !p.mute {
		return nil
	}
	if !p.hooked && !owner.CompareAndSwap(nil, p) {
		return nodes.Errorf(nodes.ErrBusy, "the debugger of another server of this program has its hook in: use that one, or turn that off")
	}
	if err := panics.Install(p.panicked); err != nil {
		if !p.hooked {
			owner.Store(nil)
		}
		return engineFailed(err)
	}
	p.hooked, p.mute, p.unhooking = true, false, false
	return nil
}

// panicked is called on the goroutine that panics, before any of its deferred
// functions.
func (p *plugin) panicked(x *panics.Panic) {
	a := p.armed.Load()
	if a == nil {
		return
	}
	begin := time.Now()
	var space [8]*probe
	caught := space[:0]
	frames := runtime.CallersFrames(x.PCs)
	for {
		f, more := frames.Next()
		if isOurs(f.Function) {
			return // of a value's own method, which we have called
		}
		caught = a.on(f.Function, caught)
		if !more {
			break
		}
	}
	if len(caught) > 0 {
		p.caught(x, begin, caught)
	}
	if a.keepLast {
		p.crash.mayCome(p, x, caught)
	}
}

// caught counts a panic that probes have seen, and captures it if one of them may.
func (p *plugin) caught(x *panics.Panic, begin time.Time, probes []*probe) {
	l := *p.limit.Load()
	p.recent.add(x.Value)
	thread, cpu := threadCPU()
	allowed := false
	for _, pr := range probes {
		pr.hits.Add(1)
		if pr.allow(begin, l) {
			allowed = true
		}
	}
	if !allowed || !p.capture(x, probes) {
		for _, pr := range probes {
			pr.skipped.Add(1)
		}
	}
	now := time.Now()
	took := now.Sub(begin)
	cost := took
	// On a busy machine a capture takes long that costs little.
	if same, end := threadCPU(); same == thread {
		cost = end - cpu
	}
	for _, pr := range probes {
		pr.spent.Add(int64(took))
		if pr.charge(now, cost/time.Duration(len(probes)), l) {
			go p.expel(pr, l)
		}
	}
}

// capture takes the traceback; false where it has no place.
func (p *plugin) capture(x *panics.Panic, probes []*probe) bool {
	if len(p.queue) == cap(p.queue) {
		return false
	}
	roomy()
	var here byte
	at := uintptr(unsafe.Pointer(&here))
	c := &capture{t: newTraceback(kindPanic, x.Value, x.PCs), probes: append([]*probe(nil), probes...)}
	for _, pr := range probes {
		c.t.Probes = append(c.t.Probes, pr.name)
	}
	c.take(frameOf(x), x.Value)
	c.t.Moved = uintptr(unsafe.Pointer(&here)) != at
	return p.hand(c)
}

// roomy has the stack grow now, if it must, so that the text of the traceback and the
// core have the same addresses.
//
//go:noinline
func roomy() byte {
	var space [16 << 10]byte
	return space[len(space)/2]
}

// frameOf is the frame that panics. A stack moves: it is to be used at once.
func frameOf(x *panics.Panic) minicore.Frame {
	sp, bp := x.Frame()
	lo, hi := x.Stack()
	return minicore.Frame{PC: x.PC, SP: sp, BP: bp, Stack: minicore.Bounds{Lo: lo, Hi: hi}}
}

// expel removes a probe that has used up its share of a CPU.
func (p *plugin) expel(pr *probe, l limits) {
	p.event("error", pr.name, "the probe took more than "+decimal(l.share)+"% of a CPU: it removes itself; limit share= allows more")
	err := p.removeProbes(context.Background(), []*probe{pr}, "it took too much time")
	if err != nil {
		p.event("error", pr.name, "the probe could not be removed: "+err.Error())
	}
}
