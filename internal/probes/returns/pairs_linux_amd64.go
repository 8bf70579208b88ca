package returns

import (
	"sort"
	"sync/atomic"
	"time"

	"github.com/ispyd/ispyd/internal/abi"
)

// maxOpen bounds the calls that are in progress while they are observed.
const maxOpen = 4096

// pairs are entries that wait for their return. A return belongs to the last
// entry of the same function, at the same depth of the stack of the same
// goroutine, provided that nothing is missing in between, or it may be the return
// of a later call:
//   - If a record has been dropped, both are counted as dropped.
//   - An observation before, in the same function, is another turn.
//   - What a goroutine has published is seen in its order, since a batch has only
//     what had been claimed when it began.
type pairs struct {
	open  map[pairKey]*record
	free  []*record
	batch []int
	turns int64 // that there had been when open was last cleared of old ones
}

type pairKey struct {
	g, depth uintptr
	fn       uint32
}

// takeRecords empties the ring and delivers calls. It returns how many there were.
func (e *engine) takeRecords() int {
	ps := &e.pairs
	ps.batch = ps.batch[:0]
	r, head := e.mem.records, atomic.LoadUint64(&recordHead)
	for i := range recordStates {
		if atomic.LoadUint32(&recordStates[i]) == slotPublished && r[i].seq < head {
			ps.batch = append(ps.batch, i)
		}
	}
	if len(ps.batch) == 0 {
		return 0
	}
	begin := time.Now()
	e.forget()
	sort.Slice(ps.batch, func(i, j int) bool { return r[ps.batch[i]].seq < r[ps.batch[j]].seq })
	seen := map[*Probe]int{}
	for _, i := range ps.batch {
		if p := e.takeRecord(&r[i]); p != nil {
			seen[p]++
		}
		atomic.StoreUint32(&recordStates[i], slotFree)
	}
	// Shared among the functions by their records.
	took := time.Since(begin)
	for p, n := range seen {
		p.spent.Add(int64(took) * int64(n) / int64(len(ps.batch)))
	}
	return len(ps.batch)
}

// forget drops the entries of observations that have ended, after a new one began.
func (e *engine) forget() {
	ps := &e.pairs
	if ps.open == nil {
		ps.open = map[pairKey]*record{}
	}
	turns := e.turns.Load()
	if ps.turns == turns {
		return
	}
	ps.turns = turns
	for k, entry := range ps.open {
		if p := e.function(k.fn).probe.Load(); p == nil || p.turn.Load() != entry.turn {
			delete(ps.open, k)
			ps.free = append(ps.free, entry)
		}
	}
}

func (e *engine) takeRecord(r *record) *Probe {
	site := e.mem.siteAt(r.site)
	if site == nil {
		return nil
	}
	p := e.function(site.fn).probe.Load()
	if p == nil || !p.observe || p.silent.Load() || p.turn.Load() != r.turn {
		return nil
	}
	ps := &e.pairs
	k := pairKey{r.g, r.depth, site.fn}
	entry := ps.open[k]
	if site.entry != 0 {
		switch {
		case entry != nil: // that call never returned: it panicked, or its return was dropped
		case len(ps.open) >= maxOpen:
			p.unpaired.Add(1)
			return p
		case len(ps.free) > 0:
			entry = ps.free[len(ps.free)-1]
			ps.free = ps.free[:len(ps.free)-1]
		default:
			entry = new(record)
		}
		*entry = *r
		ps.open[k] = entry
		return p
	}
	if entry == nil {
		return p // it began before the observation
	}
	delete(ps.open, k)
	switch {
	case entry.turn != r.turn: // that call went on when its observation had ended
	case entry.drops != r.drops:
		p.unpaired.Add(1)
	default:
		e.called(p, entry, r)
	}
	ps.free = append(ps.free, entry)
	return p
}

// called delivers a call if it is wanted.
func (e *engine) called(p *Probe, entry, ret *record) {
	d := e.clock.between(entry.tsc, ret.tsc)
	l := p.f.plan.Layout
	results := recordWords(ret, l)
	var err *ErrorValue
	if p.f.plan.Error >= 0 {
		if itab, data, ok := results.errorWords(&l.Results[p.f.plan.Error]); ok && itab != 0 {
			v, ok := newErrorValue(itab, data, false, nil)
			if !ok {
				e.end(p, End{Damaged, ""})
				return
			}
			err = &v
		}
	}
	if d < p.slower || p.errorsOnly && err == nil {
		p.limited.Add(1)
		return
	}
	if p.count > 0 && p.captured.Load() >= p.count {
		return // ending
	}
	if err != nil {
		err.resolve()
	}
	args := recordWords(entry, l)
	c := &Call{
		Probe: p, Time: e.clock.at(entry.tsc), Duration: d, Goroutine: entry.goid,
		Args: args.values(withoutDictionary(l.Args)), Results: results.values(l.Results), Error: err,
		ArgsStack: entry.above(), ResultsStack: ret.above(),
	}
	n := p.captured.Add(1)
	e.guard(p, func() { p.onCall(c) })
	if p.count > 0 && n == p.count {
		e.end(p, End{Count, ""})
	}
}

// above is the stack from where the function was called from upwards.
func (r *record) above() [2]uintptr { return [2]uintptr{r.hi - r.depth, r.hi} }

func recordWords(r *record, l *abi.Layout) *words {
	return &words{&r.ints, func(i int) uint64 { return r.floats[i] }, r.stack[:8*wordsOnStack(l.StackSize)]}
}

func withoutDictionary(ps []abi.Param) []abi.Param {
	for i, p := range ps {
		if p.Name == abi.Dictionary {
			return append(ps[:i:i], ps[i+1:]...)
		}
	}
	return ps
}

// ReadString reads the string whose two words are the value's data, at most max
// bytes of it. The memory may have been used for something else since; false if
// the value is no string, or nothing is there to be read.
func (v Value) ReadString(max int) (s string, ok bool) {
	if len(v.Data) != 2*abi.WordSize || max < 0 {
		return "", false
	}
	return peekString(le.Uint64(v.Data), le.Uint64(v.Data[8:]), uint64(max))
}
