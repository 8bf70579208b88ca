package debugger

import (
	"bytes"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/ispyd/ispyd/internal/minicore"
	"github.com/ispyd/ispyd/internal/tracebacks"
)

// capture is a traceback on its way into the store.
type capture struct {
	t      *traceback
	core   *minicore.Snapshot // nil where there is none
	probes []*probe
}

// queued is how many captures may wait to be kept.
const queued = 8

// work keeps what has been captured, so that the goroutine that panicked need not.
func (p *plugin) work() {
	defer p.idle.Done()
	p.findOut()
	for {
		select {
		case c := <-p.queue:
			p.keep(c)
		case <-p.done:
			for {
				select {
				case c := <-p.queue:
					p.keep(c)
				default:
					return
				}
			}
		}
	}
}

// keep puts a capture into the store.
func (p *plugin) keep(c *capture) {
	defer func() {
		if v := recover(); v != nil {
			_, text := describe(v)
			p.event("error", strings.Join(c.t.Probes, " "), "a capture failed: "+text)
		}
	}()
	if c.core != nil {
		c.t.Build = c.core.Info.GoBuildID
		c.t.Registers = c.core.Info.Registers
		b := bytes.NewBuffer(make([]byte, 0, c.core.Size()))
		_, err := c.core.WriteTo(b)
		c.core.Close()
		if err != nil {
			c.t.NoCore = err.Error()
		} else {
			c.t.core, c.t.Core = b.Bytes(), int64(b.Len())
		}
	}
	c.t.Text = p.redact.Text(c.t.Text)
	c.t.Value = p.redact.Text(c.t.Value)
	for i := range c.t.Labels {
		c.t.Labels[i].Value = p.redact.Value(c.t.Labels[i].Key, c.t.Labels[i].Value)
	}
	if err := p.store.add(c.t); err != nil {
		p.event("error", strings.Join(c.t.Probes, " "), "a traceback could not be kept: "+err.Error())
		return
	}
	for _, pr := range c.probes {
		pr.captured.Add(1)
	}
	p.events.Append(c.t.line())
}

// hand puts a capture into the queue, if there is room.
func (p *plugin) hand(c *capture) bool {
	select {
	case p.queue <- c:
		return true
	default:
		if c.core != nil {
			c.core.Close()
		}
		return false
	}
}

// where returns the innermost function and place that are the program's own, of the
// frames of PCs.
func where(pcs []uintptr) (function, at string) {
	frames := runtime.CallersFrames(pcs)
	for {
		f, more := frames.Next()
		if f.Function != "" && !strings.HasPrefix(f.Function, "runtime.") && !isOurs(f.Function) {
			return f.Function, f.File + ":" + strconv.Itoa(f.Line)
		}
		if !more {
			return "", ""
		}
	}
}

// fromPanic cuts the frames from a deferred function down to the panic that it
// recovers.
func fromPanic(pcs []uintptr) []uintptr {
	for i, pc := range pcs {
		if f := runtime.FuncForPC(pc - 1); f != nil && f.Name() == "runtime.gopanic" {
			return pcs[i+1:]
		}
	}
	return pcs
}

// newTraceback returns what is known on the goroutine itself.
func newTraceback(kind string, value any, pcs []uintptr) *traceback {
	t := &traceback{Kind: kind, Time: time.Now(), PID: os.Getpid(), Probes: []string{}}
	t.Function, t.At = where(pcs)
	t.Type, t.Value = describe(value)
	t.Labels = ownLabels()
	t.Request = requestOf(t.Labels)
	stack, id := ownStack(kind == kindRecovered)
	t.Goroutine = id
	t.Text = cut(panicLine(t.Value)+stack, maxText)
	return t
}

// take takes the core of the calling goroutine.
func (c *capture) take(from minicore.Frame, value any) {
	core, err := minicore.Capture(from, value, minicore.Limits{})
	if err != nil {
		c.t.NoCore = err.Error()
		return
	}
	c.core = core
}

// Recovered implements tracebacks.Keeper. What a probe has caught already is not
// kept again.
func (p *plugin) Recovered(x tracebacks.Panic) {
	now := time.Now()
	p.handed.hits.Add(1)
	if p.recent.has(x.Value) {
		return
	}
	l := *p.limit.Load()
	if !p.handed.allow(now, l) {
		p.handed.skipped.Add(1)
		return
	}
	pcs := fromPanic(x.PCs)
	roomy()
	var here byte
	at := uintptr(unsafe.Pointer(&here))
	t := newTraceback(kindRecovered, x.Value, pcs)
	t.By = x.By
	c := &capture{t: t, probes: []*probe{p.handed}}
	if len(pcs) > 0 {
		c.take(minicore.Frame{PC: pcs[0]}, x.Value)
	}
	t.Moved = uintptr(unsafe.Pointer(&here)) != at
	if !p.hand(c) {
		p.handed.skipped.Add(1)
	}
	p.handed.spent.Add(int64(time.Since(now)))
}

// Wanted implements tracebacks.Keeper: a middleware need not recover where the
// engine sees panics.
func (p *plugin) Wanted() bool { return p.portable.Load() }

// recent are the last panics that probes have caught, so that those who recover
// them afterwards need not be heard.
type recent struct {
	mu   sync.Mutex
	last [32][2]uintptr
	next int
}

// words are the type and the data of a value.
func words(v any) [2]uintptr { return *(*[2]uintptr)(unsafe.Pointer(&v)) }

func (r *recent) add(v any) {
	if v == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last[r.next%len(r.last)] = words(v)
	r.next++
}

// has reports whether the value is one of the last, and forgets it.
func (r *recent) has(v any) bool {
	if _, ok := v.(*runtime.PanicNilError); ok {
		return false // gopanic makes it after the hook
	}
	if reflect.TypeOf(v) == nil {
		return false
	}
	w := words(v)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.last {
		if r.last[i] == w {
			r.last[i] = [2]uintptr{}
			return true
		}
	}
	return false
}
