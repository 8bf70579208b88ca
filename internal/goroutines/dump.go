package goroutines

import (
	"iter"
	"slices"
	"sort"
	"time"
)

// Way is how a dump was made.
type Way string

// The ways, in the order of preference.
const (
	// FlightRecorder: a zero-length execution trace through the one slot that
	// the runtime has for flight recorders. It is not called so: profile/flight,
	// which may be off meanwhile, is what people know by that name.
	FlightRecorder Way = "instant trace"
	// Tracer: the same through the slot of trace.Start.
	Tracer Way = "instant trace by the tracer"
	// Profile: the goroutine profile. It knows stacks and labels, and how many
	// goroutines have them; no ids, no states but what the stacks tell.
	Profile Way = "goroutine profile"
)

// Dump holds every goroutine of the program as it was at some moment between
// the call of [Take] and its return; not all of them at the same moment. It
// does not change any more and may be shared.
type Dump struct {
	// Way is how it was made.
	Way Way
	// Taken is when it was complete.
	Taken time.Time
	// Cost is what it cost the program.
	Cost Cost
	// Creators says why most goroutines lack their creators, and Labels why
	// all lack their labels; nil where these are known.
	Creators, Labels error

	noIDs   string
	gs      []entry   // by id
	groups  []counted // instead of gs, where the way is Profile
	spans   []span
	calls   []uint32
	frames  []Frame
	reasons []string
	labels  [][]Label
}

// Cost is what a dump cost.
type Cost struct {
	// Capture is how long the slot was held, Whole how long it all took.
	Capture, Whole time.Duration
	// Stop is an upper bound of the longest time that the runtime stopped the
	// whole program for other reasons than garbage collection meanwhile,
	// rounded up to the next bucket of the metric /sched/pauses/total/other.
	Stop time.Duration
	// Turn is how long a goroutine that was ready to run waited for its turn
	// when the dump began: long where the program is short of CPU.
	Turn time.Duration
	// Bytes is how much the runtime wrote into the slot.
	Bytes int64
	// Looks is how many times all goroutines were looked at: again, a few times,
	// where some moved so that the first found no stack of theirs.
	Looks int
	// Profiled says that the goroutine profile was taken too.
	Profiled bool
}

// Label is one of the labels that runtime/pprof attaches to goroutines.
type Label struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Goroutine is one goroutine of a [Dump].
type Goroutine struct {
	ID    uint64
	State State
	// Wait says what a Waiting goroutine is blocked in, in the words of the
	// standard dump; "" where that is not known.
	Wait string
	// Locked says that it is locked to its thread, where that is known.
	Locked bool
	// Stack is what the standard dump shows of the stack, innermost first. It is
	// empty where the stack could not be had.
	Stack []Frame
	// Elided says that the stack is deeper than Stack shows.
	Elided bool
	// Inferred says that the stack is not from this goroutine's own record but
	// was found in the goroutine profile, where no other could have it.
	Inferred bool
	// Creator is the go statement that made it, with the goroutine that ran it;
	// nil and 0 where they are not known.
	Creator *Frame
	Parent  uint64
	Labels  []Label
}

// entry is a goroutine in a Dump: 32 bytes, so that a million are bearable.
type entry struct {
	id, parent uint64
	stack      uint32 // into spans; 0 for none
	creator    uint32 // into frames, plus 1
	labels     uint32 // into labels; 0 for none
	state      State
	reason     uint8 // into reasons
	flags      flags
}

type flags uint8

const (
	locked flags = 1 << iota
	inferred
)

// counted is some goroutines of the goroutine profile.
type counted struct {
	n      int
	stack  uint32
	labels uint32
}

// Len returns the number of goroutines.
func (d *Dump) Len() int {
	n := len(d.gs)
	for _, g := range d.groups {
		n += g.n
	}
	return n
}

// HasIDs reports whether the goroutines are known one by one; false where the
// way is Profile, and [Dump.All] and [Dump.Find] then have none.
func (d *Dump) HasIDs() bool { return d.Way != Profile }

// NoIDs says why the ids are not known, where they are not.
func (d *Dump) NoIDs() string { return d.noIDs }

// All returns the goroutines by id.
func (d *Dump) All() iter.Seq[Goroutine] {
	return func(yield func(Goroutine) bool) {
		for i := range d.gs {
			if !yield(d.goroutine(&d.gs[i])) {
				return
			}
		}
	}
}

// Find returns the goroutine of an id.
func (d *Dump) Find(id uint64) (Goroutine, bool) {
	i, ok := d.index(id)
	if !ok {
		return Goroutine{}, false
	}
	return d.goroutine(&d.gs[i]), true
}

func (d *Dump) index(id uint64) (int, bool) {
	i := sort.Search(len(d.gs), func(i int) bool { return d.gs[i].id >= id })
	return i, i < len(d.gs) && d.gs[i].id == id
}

func (d *Dump) goroutine(e *entry) Goroutine {
	g := Goroutine{
		ID: e.id, State: e.state, Wait: d.reasons[e.reason], Parent: e.parent,
		Locked: e.flags&locked != 0, Inferred: e.flags&inferred != 0,
		Labels: d.labels[e.labels],
	}
	if e.stack != 0 {
		g.Stack, g.Elided = d.shownStack(e.stack)
	}
	if e.creator != 0 {
		f := d.frames[e.creator-1]
		g.Creator = &f
	}
	return g
}

// shownStack returns what is shown of a stack.
func (d *Dump) shownStack(n uint32) (frames []Frame, elided bool) {
	all := d.stack(n)
	return appendShown(make([]Frame, 0, len(all)), all), len(all) >= maxFrames
}

// stack returns all frames of a stack.
func (d *Dump) stack(n uint32) []Frame {
	s := d.spans[n]
	frames := make([]Frame, s.n)
	for i, c := range d.calls[s.at : s.at+s.n] {
		frames[i] = d.frames[c]
	}
	setOffsets(frames)
	return frames
}

// addStack makes a new stack and returns its number.
func (d *Dump) addStack(frames []Frame) uint32 {
	s := span{at: uint32(len(d.calls)), n: uint32(len(frames))}
	for _, f := range frames {
		d.calls = append(d.calls, uint32(len(d.frames)))
		d.frames = append(d.frames, f)
	}
	d.spans = append(d.spans, s)
	return uint32(len(d.spans) - 1)
}

// reasonIndex interns a wait reason.
func (d *Dump) reasonIndex(r string) uint8 {
	i := slices.Index(d.reasons, r)
	if i < 0 {
		if len(d.reasons) > 255 {
			return 0
		}
		i = len(d.reasons)
		d.reasons = append(d.reasons, r)
	}
	return uint8(i)
}

// newDump returns a Dump that is ready to be filled: index 0 is nothing.
func newDump(way Way) *Dump {
	return &Dump{Way: way, spans: make([]span, 1), reasons: make([]string, 1), labels: make([][]Label, 1)}
}
