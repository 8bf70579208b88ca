package debugger

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// probe is one that is in, on a function or on all whose names begin alike.
type probe struct {
	kind  string // kindPanic, kindError or kindObserve
	name  string // main.handler, or main.* where it is a pattern
	since time.Time
	by    string
	note  string // what is particular about it

	hits, captured, skipped atomic.Int64
	spent                   atomic.Int64 // ns that the program's own goroutines were held up

	mu     sync.Mutex
	tokens float64 // captures that may be made now
	filled time.Time
	window time.Time // since when cost is counted
	cost   time.Duration

	// place says where it is listed as a setting; configured, that it was there before
	// anybody could change settings.
	place      context.Context
	configured bool

	// leaving says that it goes as soon as no tracer is in the way, and catches nothing
	// any more; why and pending, why it goes and what is in the way, are under the
	// plugin's lock.
	leaving      atomic.Bool
	why, pending string

	// sites are the functions whose returns are patched; nil of a panic's probe.
	sites *sites
}

// kindObserve is a probe that shows arguments, results and durations.
const kindObserve = "observe"

// probeKey tells probes apart.
type probeKey struct{ kind, name string }

func (p *probe) key() probeKey { return probeKey{p.kind, p.name} }

// prefix is what the names of the functions begin with, where the probe is on more
// than one.
func (p *probe) prefix() (string, bool) { return strings.CutSuffix(p.name, "*") }

// matches reports whether the probe is on a function.
func (p *probe) matches(function string) bool {
	if prefix, ok := p.prefix(); ok {
		return strings.HasPrefix(function, prefix)
	}
	return function == p.name
}

// allow takes a token of the bucket that holds burst of them and gets rate more a
// second.
func (p *probe) allow(now time.Time, l limits) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.filled.IsZero() {
		p.tokens = float64(l.burst)
	} else {
		p.tokens = min(float64(l.burst), p.tokens+now.Sub(p.filled).Seconds()*l.rate)
	}
	p.filled = now
	if p.tokens < 1 {
		return false
	}
	p.tokens--
	return true
}

// costWindow is the time over which the share of a CPU is taken.
const costWindow = 10 * time.Second

// charge counts what a hit has cost, and reports whether the probe has used up its
// share of a CPU in this window.
func (p *probe) charge(now time.Time, d time.Duration, l limits) (tooMuch bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.window) > costWindow {
		p.window, p.cost = now, 0
	}
	before := p.cost
	p.cost += d
	most := time.Duration(l.share / 100 * float64(costWindow))
	return before <= most && p.cost > most // says so once
}

// line is the probe's line of the file probes.
type probeLine struct {
	Function string    `json:"function"`
	Kind     string    `json:"kind"`
	Since    time.Time `json:"since"`
	Hits     int64     `json:"hits"`
	Captured int64     `json:"captured"`
	Skipped  int64     `json:"skipped"`
	NsHit    int64     `json:"ns_hit"`
	By       string    `json:"by"`
	Note     string    `json:"note"`
}

func (p *probe) line() probeLine {
	l := probeLine{
		Function: p.name, Kind: p.kind, Since: p.since, By: p.by, Note: p.note,
		Hits: p.hits.Load(), Captured: p.captured.Load(), Skipped: p.skipped.Load(),
	}
	if p.leaving.Load() {
		l.Note = pendingNote(p.pending)
	}
	spent := p.spent.Load()
	if p.sites != nil {
		hits, limited, dropped, held := p.sites.stats()
		l.Hits, l.Skipped, spent = int64(hits), l.Skipped+int64(limited+dropped), int64(held)
	}
	if l.Hits > 0 {
		l.NsHit = spent / l.Hits
	}
	return l
}

// armed are the probes on panics, as the hook needs them. It does not change.
type armed struct {
	exact    map[string]*probe
	prefixes []*probe
	keepLast bool // on-crash: every panic is kept until the next
}

func arm(probes map[probeKey]*probe) *armed {
	a := &armed{exact: map[string]*probe{}}
	for k, p := range probes {
		if k.kind != kindPanic || p.leaving.Load() {
			continue
		}
		if _, ok := p.prefix(); ok {
			a.prefixes = append(a.prefixes, p)
		} else {
			a.exact[p.name] = p
		}
	}
	return a
}

// on appends the probes that are on a function and not in the list yet.
func (a *armed) on(function string, list []*probe) []*probe {
	add := func(p *probe) {
		for _, have := range list {
			if have == p {
				return
			}
		}
		list = append(list, p)
	}
	if p := a.exact[function]; p != nil {
		add(p)
	}
	for _, p := range a.prefixes {
		if p.matches(function) {
			add(p)
		}
	}
	return list
}
