package goroutines

import (
	"cmp"
	"context"
	"io"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Group is the goroutines that have the same stack: the same functions and
// lines, as shown.
type Group struct {
	Count int `json:"count"`
	// States counts them by state, or by what they wait in; most first.
	States []Counted `json:"states"`
	// IDs are their first ids, ten at most, none where they are not known.
	IDs []uint64 `json:"ids"`
	// Labels counts them by their labels; those without any are not in it.
	Labels []LabelCount `json:"labels,omitempty"`
	// Stack is empty where it could not be had.
	Stack []Frame `json:"stack"`
	// Elided says that the stacks are deeper than Stack shows.
	Elided bool `json:"elided,omitempty"`
	// Creators counts them by the go statement that made them, most first;
	// those of whom it is not known are not in it.
	Creators []CreatorCount `json:"created_by,omitempty"`

	key string
}

// Counted is a word and how many goroutines it is true of.
type Counted struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// LabelCount is a set of labels and how many goroutines have it.
type LabelCount struct {
	Labels []Label `json:"labels"`
	Count  int     `json:"count"`
}

// CreatorCount is a go statement and how many goroutines it made.
type CreatorCount struct {
	Frame
	Count int `json:"count"`
}

// maxIDs is how many ids a group shows.
const maxIDs = 10

// gather is a Group while it is being counted.
type gather struct {
	Group
	states   map[string]int
	labels   map[uint32]int
	creators map[uint32]int
}

// Groups returns the goroutines by their stacks, most first, those with as many
// by their stacks' text.
func (d *Dump) Groups() []Group {
	byKey := map[string]*gather{}
	byStack := make([]*gather, len(d.spans))
	count := func(n int, stack, labels uint32, state string) *gather {
		g := byStack[stack]
		if g == nil {
			g = d.gather(byKey, stack)
			byStack[stack] = g
		}
		g.Count += n
		g.states[state] += n
		if labels != 0 {
			g.labels[labels] += n
		}
		return g
	}
	for i := range d.gs {
		e := &d.gs[i]
		g := count(1, e.stack, e.labels, d.stateOf(e))
		if len(g.IDs) < maxIDs {
			g.IDs = append(g.IDs, e.id)
		}
		if e.creator != 0 {
			g.creators[e.creator]++
		}
	}
	for _, c := range d.groups {
		state := waitReason(d.stack(c.stack), "")
		if state == "" {
			state = "state not known"
		}
		count(c.n, c.stack, c.labels, state)
	}
	groups := make([]Group, 0, len(byKey))
	for _, g := range byKey {
		groups = append(groups, g.finish(d))
	}
	sort.Slice(groups, func(i, j int) bool {
		a, b := &groups[i], &groups[j]
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.key, b.key)) < 0
	})
	return groups
}

func (d *Dump) gather(byKey map[string]*gather, stack uint32) *gather {
	var frames []Frame
	var elided bool
	if stack != 0 {
		frames, elided = d.shownStack(stack)
	}
	key := stackKey(frames)
	g := byKey[key]
	if g == nil {
		g = &gather{states: map[string]int{}, labels: map[uint32]int{}, creators: map[uint32]int{}}
		g.Stack, g.Elided, g.key, g.IDs = frames, elided, key, []uint64{}
		byKey[key] = g
	}
	return g
}

func (g *gather) finish(d *Dump) Group {
	for name, n := range g.states {
		g.States = append(g.States, Counted{name, n})
	}
	sort.Slice(g.States, func(i, j int) bool {
		a, b := &g.States[i], &g.States[j]
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Name, b.Name)) < 0
	})
	g.Labels = d.labelCounts(g.labels)
	byPlace := map[[2]string]int{}
	for c, n := range g.creators {
		f := d.frames[c-1]
		place := [2]string{f.Func, f.File + ":" + strconv.Itoa(f.Line)}
		i, ok := byPlace[place]
		if !ok {
			i = len(g.Creators)
			byPlace[place] = i
			g.Creators = append(g.Creators, CreatorCount{Frame: f})
		}
		g.Creators[i].Count += n
	}
	sort.Slice(g.Creators, func(i, j int) bool {
		a, b := &g.Creators[i], &g.Creators[j]
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Func, b.Func), cmp.Compare(a.Line, b.Line)) < 0
	})
	return g.Group
}

// labelCounts adds up the sets that are equal.
func (d *Dump) labelCounts(counts map[uint32]int) []LabelCount {
	var list []LabelCount
	seen := map[string]int{}
	for n, count := range counts {
		var key strings.Builder
		for _, l := range d.labels[n] {
			key.WriteString(strconv.Quote(l.Key) + strconv.Quote(l.Value))
		}
		i, ok := seen[key.String()]
		if !ok {
			i = len(list)
			seen[key.String()] = i
			list = append(list, LabelCount{Labels: d.labels[n]})
		}
		list[i].Count += count
	}
	sort.Slice(list, func(i, j int) bool {
		a, b := &list[i], &list[j]
		return cmp.Or(cmp.Compare(b.Count, a.Count), slices.CompareFunc(a.Labels, b.Labels, func(a, b Label) int {
			return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Value, b.Value))
		})) < 0
	})
	return list
}

// maxLabelSets is how many sets of labels the text of a group shows.
const maxLabelSets = 10

// WriteStacks writes the goroutines grouped by identical stack, most first,
// those with as many by their stacks' text:
//
//	120 goroutines [chan receive 118, select 2]:
//	ids 5 6 7 8 9 10 11 12 13 14, +110 more
//	labels {"route": "/x"} 100
//	main.work(...)
//		/src/main.go:12
//	created by main.main
//		/src/main.go:8
//
// What changes from one dump to the next stands in lines of its own: the first,
// which begins with #; the one with the count, the ids and the labels of a group. So
// a diff of two shows which groups came, went or grew, and with diff -I '^ids '
// nothing else.
func (d *Dump) WriteStacks(ctx context.Context, w io.Writer, o Options) error {
	groups := d.Groups()
	p := newPrinter(ctx, w, o)
	p.b = d.appendSummary(p.b)
	p.flush()
	for i := range groups {
		p.b = groups[i].append(append(p.b, '\n'), o)
		if !p.fits() {
			return p.cut("stack", len(groups)-i, len(groups))
		}
	}
	return p.close()
}

func (g *Group) append(b []byte, o Options) []byte {
	b = strconv.AppendInt(b, int64(g.Count), 10)
	b = append(b, " goroutine"...)
	if g.Count != 1 {
		b = append(b, 's')
	}
	b = append(b, " ["...)
	for i, s := range g.States {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, s.Name...)
		if len(g.States) > 1 {
			b = strconv.AppendInt(append(b, ' '), int64(s.Count), 10)
		}
	}
	b = append(b, "]:\n"...)
	if len(g.IDs) > 0 {
		b = append(b, "ids"...)
		for _, id := range g.IDs {
			b = strconv.AppendUint(append(b, ' '), id, 10)
		}
		b = appendMore(b, g.Count-len(g.IDs))
	}
	if len(g.Labels) > 0 {
		b = append(b, "labels "...)
		for i, l := range g.Labels[:min(len(g.Labels), maxLabelSets)] {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = append(b, '{')
			for j, l := range l.Labels {
				if j > 0 {
					b = append(b, ", "...)
				}
				b = appendLabel(b, l, o)
			}
			b = strconv.AppendInt(append(b, "} "...), int64(l.Count), 10)
		}
		b = appendMore(b, len(g.Labels)-maxLabelSets)
	}
	if len(g.Stack) == 0 {
		b = append(b, noStack...)
	}
	for i := range g.Stack {
		b = appendCall(b, &g.Stack[i], false)
	}
	if g.Elided {
		b = append(b, elidedLine...)
	}
	for i := range g.Creators {
		c := &g.Creators[i]
		b = append(append(b, "created by "...), c.Func...)
		if len(g.Creators) > 1 || c.Count != g.Count {
			b = append(strconv.AppendInt(append(b, " ("...), int64(c.Count), 10), ')')
		}
		b = appendPlace(append(b, '\n'), &c.Frame, false)
	}
	return b
}

// appendMore ends a line that shows the first of many.
func appendMore(b []byte, more int) []byte {
	if more > 0 {
		b = append(strconv.AppendInt(append(b, ", +"...), int64(more), 10), " more"...)
	}
	return append(b, '\n')
}
