package goroutines

import (
	"cmp"
	"slices"
)

// facts is what a stack says of any goroutine that has it.
type facts struct {
	system bool
	wait   uint8 // what it waits in, if it waits
}

// fill makes the dump of what a trace says, and returns the ids of those whose
// stacks it does not know.
func (d *Dump) fill(dec *decoder, me myself) (missing map[uint64]bool) {
	known := d.adopt(dec)
	count := len(dec.sched.moved)
	for _, piece := range dec.sched.still {
		count += len(piece)
	}
	d.gs = make([]entry, 0, count)
	add := func(e entry, event string) {
		switch f := known[e.stack]; {
		case f.system && e.id != 1:
			return
		case e.state == Waiting && event != "":
			e.reason = d.reasonIndex(waitReason(d.stack(e.stack), event))
		case e.state == Waiting:
			e.reason = f.wait
		}
		d.gs = append(d.gs, e)
	}
	for i, piece := range dec.sched.still {
		for _, g := range piece {
			add(entry{id: g.id, state: g.state, stack: dec.table.number(g.stack)}, "")
		}
		dec.sched.still[i] = nil
	}
	for id, g := range dec.sched.moved {
		switch {
		case g.dead, g.system, g.born && g.parent == me.id:
			continue // over, or the runtime's own, or the reader of this trace
		case id == me.id:
			d.gs = append(d.gs, entry{id: id, state: Running, stack: d.addStack(me.stack)})
			continue
		}
		event := dec.reasons[g.reason]
		e := entry{id: id, state: g.settled(event), stack: dec.table.number(g.stack)}
		if n := dec.table.number(g.creator); n != 0 && d.spans[n].n > 0 {
			e.parent, e.creator = g.parent, d.calls[d.spans[n].at]+1
		}
		add(e, event)
	}
	slices.SortFunc(d.gs, func(a, b entry) int { return cmp.Compare(a.id, b.id) })
	for i := range d.gs {
		if e := &d.gs[i]; e.stack == 0 {
			if missing == nil {
				missing = map[uint64]bool{}
			}
			missing[e.id] = true
		}
	}
	return missing
}

// adopt takes the decoder's tables for its own.
func (d *Dump) adopt(dec *decoder) []facts {
	t := &dec.table
	if len(t.spans) > 0 {
		d.spans, d.calls = t.spans, t.calls
	}
	d.frames = make([]Frame, len(t.pcs))
	for i, pc := range t.pcs {
		d.frames[i] = frameAt(pc)
	}
	t.seen, t.pcs = nil, nil
	known := make([]facts, len(d.spans))
	for i := 1; i < len(d.spans); i++ {
		frames := d.stack(uint32(i))
		known[i] = facts{system(frames), d.reasonIndex(waitReason(frames, ""))}
	}
	return known
}

// refill takes from a later trace what the earlier ones did not have, and returns
// the ids of those whose stacks are still not known. Who has ended
// meanwhile is left out.
func (d *Dump) refill(dec *decoder) (missing map[uint64]bool) {
	type found struct {
		state State
		stack uint32
		event string
	}
	later := map[uint64]found{}
	for _, piece := range dec.sched.still {
		for _, g := range piece {
			later[g.id] = found{g.state, dec.table.number(g.stack), ""}
		}
	}
	for id, g := range dec.sched.moved {
		if dec.sched.want[id] && !g.dead && !g.system {
			event := dec.reasons[g.reason]
			later[id] = found{g.settled(event), dec.table.number(g.stack), event}
		}
	}
	numbers := map[uint32]uint32{} // of this trace's stacks in d
	missing = map[uint64]bool{}
	kept := d.gs[:0]
	for _, e := range d.gs {
		if !dec.sched.want[e.id] {
			kept = append(kept, e)
			continue
		}
		f, ok := later[e.id]
		frames := dec.table.resolve(f.stack)
		if !ok || e.id != 1 && system(frames) {
			continue
		}
		e.state = f.state
		if f.state == Waiting {
			e.reason = d.reasonIndex(waitReason(frames, f.event))
		}
		if f.stack != 0 && numbers[f.stack] == 0 {
			numbers[f.stack] = d.addStack(frames)
		}
		e.stack = numbers[f.stack]
		if e.stack == 0 {
			missing[e.id] = true
		}
		kept = append(kept, e)
	}
	d.gs = kept
	return missing
}

// settled is the state of a goroutine that moved. One that stopped because it
// was asked to make way was on a CPU when this dump, which asks every
// goroutine, was taken.
func (g *moved) settled(event string) State {
	switch {
	case g.state == Runnable && event == "preempted":
		return Running
	case g.state == 0:
		return Runnable
	}
	return g.state
}
