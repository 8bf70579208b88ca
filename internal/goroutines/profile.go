package goroutines

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
)

// profiled is some goroutines of the goroutine profile: n with the same stack
// and labels.
type profiled struct {
	n      int
	frames []Frame // as shown
	labels []Label
	elided bool
}

// readProfile takes the goroutine profile. It stops the program twice for some
// microseconds, but costs a microsecond or two for each goroutine.
func readProfile() ([]profiled, error) {
	p := pprof.Lookup("goroutine")
	if p == nil {
		return nil, errors.New("the program has no goroutine profile")
	}
	var b bytes.Buffer
	if err := p.WriteTo(&b, 1); err != nil {
		return nil, fmt.Errorf("reading the goroutine profile: %w", err)
	}
	return parseProfile(b.Bytes())
}

// parseProfile reads the text form of the profile, which begins each group with
// a line of its count and addresses, and one of its labels where it has any:
//
//	2 @ 0x4739ce 0x40a1f2
//	# labels: {"route":"/x"}
//	#	0x4739cd	main.f+0x2d	/x/main.go:5
func parseProfile(text []byte) (groups []profiled, err error) {
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\n")
		if labels, ok := bytes.CutPrefix(line, []byte("# labels: ")); ok && len(groups) > 0 {
			g := &groups[len(groups)-1]
			if g.labels, err = parseLabels(string(labels)); err != nil {
				return nil, err
			}
			continue
		}
		count, addrs, ok := bytes.Cut(line, []byte(" @"))
		if !ok || len(line) == 0 || line[0] == '#' {
			continue
		}
		n, err := strconv.Atoi(string(count))
		if err != nil {
			return nil, fmt.Errorf("reading the goroutine profile: %q", line)
		}
		g := profiled{n: n}
		var pcs []uintptr
		for a := range bytes.FieldsSeq(addrs) {
			pc, err := strconv.ParseUint(string(a), 0, 64)
			if err != nil {
				return nil, fmt.Errorf("reading the goroutine profile: %q", line)
			}
			pcs = append(pcs, uintptr(pc))
		}
		g.elided = len(pcs) >= maxFrames
		g.frames = resolvePCs(pcs)
		groups = append(groups, g)
	}
	return groups, nil
}

// resolvePCs returns all frames of a stack as runtime.Callers has it.
func resolvePCs(pcs []uintptr) []Frame {
	if len(pcs) == 0 {
		return nil
	}
	var frames []Frame
	it := runtime.CallersFrames(pcs)
	for {
		f, more := it.Next()
		if f.Function != "" && f.Function != "runtime.goexit" {
			frames = append(frames, frameOf(f))
		}
		if !more {
			return frames
		}
	}
}

// parseLabels reads {"key":"value", "key2":"value2"}.
func parseLabels(s string) (labels []Label, err error) {
	bad := fmt.Errorf("reading the goroutine profile: labels %q", s)
	rest, ok := strings.CutPrefix(s, "{")
	if !ok {
		return nil, bad
	}
	quoted := func() string {
		q, qerr := strconv.QuotedPrefix(rest)
		if qerr != nil {
			err = bad
			return ""
		}
		rest = rest[len(q):]
		u, _ := strconv.Unquote(q)
		return u
	}
	for rest != "}" && err == nil {
		key := quoted()
		if rest, ok = strings.CutPrefix(rest, ":"); !ok {
			return nil, bad
		}
		labels = append(labels, Label{key, quoted()})
		rest = strings.TrimPrefix(rest, ", ")
	}
	return labels, err
}

// fromProfile makes the whole dump of the goroutine profile.
func (d *Dump) fromProfile() error {
	groups, err := readProfile()
	if err != nil {
		return err
	}
	d.Cost.Profiled = true
	for _, g := range groups {
		d.groups = append(d.groups, counted{g.n, d.addStack(g.frames), d.addLabels(g.labels)})
	}
	return nil
}

func (d *Dump) addLabels(labels []Label) uint32 {
	if len(labels) == 0 {
		return 0
	}
	d.labels = append(d.labels, labels)
	return uint32(len(d.labels) - 1)
}

// stackKey tells stacks apart by what is shown of them: functions and lines,
// not addresses, which differ with how the stack was walked.
func stackKey(frames []Frame) string {
	var b []byte
	for _, f := range frames {
		b = append(b, f.Func...)
		b = strconv.AppendInt(append(b, ':'), int64(f.Line), 10)
		b = append(b, '\n')
	}
	return string(b)
}

// mend completes the dump with the goroutine profile, which knows stacks
// without ids. Only what fits in one way is taken from it.
func (d *Dump) mend(groups []profiled, labelsToo bool) {
	shownOf := make([][]Frame, len(groups))
	count := map[string]int{} // goroutines of the profile by stack
	for i, g := range groups {
		shownOf[i] = appendShown(nil, g.frames)
		count[stackKey(shownOf[i])] += g.n
	}
	d.mendLeaves(shownOf)
	have := map[string]int{} // goroutines of the dump by stack
	keys := make([]string, len(d.spans))
	for i := range d.gs {
		n := d.gs[i].stack
		if n == 0 {
			continue
		}
		if keys[n] == "" {
			keys[n] = stackKey(appendShown(nil, d.stack(n)))
		}
		have[keys[n]]++
	}
	if labelsToo {
		d.mendLabels(groups, shownOf, keys, have)
	}
	var left []int // groups that the dump does not account for
	for i := range groups {
		if k := stackKey(shownOf[i]); count[k] > have[k] && !ours(groups[i].frames) {
			left = append(left, i)
		}
	}
	d.mendStackless(groups, left)
}

// ours reports whether a stack is that of the goroutine that takes the profile.
func ours(frames []Frame) bool {
	return slices.ContainsFunc(frames, func(f Frame) bool { return f.Func == ownReader })
}

// ownReader is the function that takes the profile, as stacks show it.
var ownReader = runtime.FuncForPC(reflect.ValueOf(readProfile).Pointer()).Name()

// wanting reports whether the goroutine profile could add anything.
func (d *Dump) wanting() bool {
	return slices.ContainsFunc(d.gs, func(e entry) bool { return e.stack == 0 || d.interrupted(e.stack) })
}

// mendLabels attributes labels where all goroutines of a stack have the same.
func (d *Dump) mendLabels(groups []profiled, shownOf [][]Frame, keys []string, have map[string]int) {
	type seen struct {
		n, labels int
		group     int
	}
	by := map[string]*seen{}
	for i, g := range groups {
		k := stackKey(shownOf[i])
		s := by[k]
		if s == nil {
			s = &seen{group: i}
			by[k] = s
		} else if !slices.Equal(groups[s.group].labels, g.labels) {
			s.labels = -1
		}
		s.n += g.n
	}
	index := map[string]uint32{}
	for i := range d.gs {
		e := &d.gs[i]
		k := keys[e.stack]
		s := by[k]
		if e.stack == 0 || s == nil || s.labels < 0 || s.n != have[k] {
			continue
		}
		if _, ok := index[k]; !ok {
			index[k] = d.addLabels(groups[s.group].labels)
		}
		e.labels = index[k]
	}
}

// mendStackless gives the goroutines without a stack the one that is left over
// in the profile, where only one is.
func (d *Dump) mendStackless(groups []profiled, left []int) {
	if len(left) != 1 {
		return
	}
	var lacking []*entry
	for i := range d.gs {
		if d.gs[i].stack == 0 {
			lacking = append(lacking, &d.gs[i])
		}
	}
	g := groups[left[0]]
	if len(lacking) == 0 || len(lacking) > g.n {
		return
	}
	n := d.addStack(g.frames)
	for _, e := range lacking {
		e.stack = n
		e.flags |= inferred
		if e.state == Waiting {
			e.reason = d.reasonIndex(waitReason(g.frames, ""))
		}
	}
}

// mendLeaves puts callers back in that the tracer lost. It walks the stack by
// frame pointers: where a goroutine was interrupted in a function that has
// none, because it calls nothing, that function's caller is missing. The
// profile has it; it is taken where all goroutines of the profile that stand in
// this function, with this stack below, agree.
func (d *Dump) mendLeaves(shownOf [][]Frame) {
	repaired := map[uint32]uint32{}
	for i := range d.gs {
		e := &d.gs[i]
		if e.stack == 0 || !d.interrupted(e.stack) {
			continue
		}
		n, ok := repaired[e.stack]
		if !ok {
			if frames := lostCaller(appendShown(nil, d.stack(e.stack)), shownOf); frames != nil {
				n = d.addStack(frames)
			}
			repaired[e.stack] = n
		}
		if n != 0 {
			e.stack = n
			e.flags |= inferred
		}
	}
}

// interrupted reports whether a stack is that of a goroutine which was stopped
// in the middle of a function.
func (d *Dump) interrupted(n uint32) bool {
	s := d.spans[n]
	return s.n > 0 && d.frames[d.calls[s.at]].Func == "runtime.asyncPreempt2"
}

// lostCaller returns have with its second frame put back in, or nil where
// nothing is missing, or what is cannot be told.
func lostCaller(have []Frame, profile [][]Frame) []Frame {
	same := func(a, b []Frame) bool {
		return slices.EqualFunc(a, b, func(a, b Frame) bool { return a.Func == b.Func && a.Line == b.Line })
	}
	var caller *Frame
	for _, p := range profile {
		if len(have) == 0 || len(p) == 0 || p[0].Func != have[0].Func {
			continue
		}
		switch {
		case same(p[1:], have[1:]):
			return nil
		case len(p) == len(have)+1 && same(p[2:], have[1:]):
			if caller != nil && cmp.Or(cmp.Compare(caller.Func, p[1].Func), cmp.Compare(caller.Line, p[1].Line)) != 0 {
				return nil
			}
			caller = &p[1]
		}
	}
	if caller == nil {
		return nil
	}
	return slices.Insert(slices.Clone(have), 1, *caller)
}
