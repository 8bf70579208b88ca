package goroutines

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"time"
)

// maxG is how many words of a g struct are searched. It has some 60.
const maxG = 64

// maxVariables bounds the memory that is searched for runtime.allgs. What is
// large among a program's variables are arrays without pointers, which the
// linker puts behind all others.
const maxVariables = 64 << 20

// maxAmbiguous is how long two lists may look alike.
const maxAmbiguous = 500 * time.Millisecond

// errAmbiguous says that another try may do better.
var errAmbiguous = fmt.Errorf("%w: a garbage collection was running", errNoLayout)

// probe is a goroutine that knows what the runtime should say of it.
type probe struct {
	id, parent     uint64
	goPC, startPC  uint64
	known, release chan struct{}

	at    uint64 // where its g is
	words []uint64
}

// calibrate finds out where the runtime keeps its goroutines. It starts three,
// each created by another function and by another goroutine, and looks among
// the program's variables for a slice of pointers to structs of which three
// hold exactly what these goroutines know of themselves, in the same places:
// id, creator's id, address of the go statement and of the function. Nothing
// else can look like that. The places of the lock and of the labels are those
// that change as one of the goroutines locks its thread and sets labels.
func calibrate(m *selfMemory) (*layout, error) {
	a, b, c := newProbe(), newProbe(), newProbe()
	work := make(chan func())
	defer func() {
		close(work)
		close(a.release)
		close(b.release)
		close(c.release)
	}()
	probeOne(a, work, func() { probeTwo(b, func() { probeThree(c) }) })
	probes := []*probe{a, b, c}
	for _, p := range probes {
		<-p.known
		if p.id == 0 {
			return nil, errNoLayout
		}
	}
	regions, err := m.variables()
	if err != nil {
		return nil, err
	}
	l, err := m.findList(regions, probes)
	if err != nil {
		return nil, err
	}
	if err := l.findFields(probes); err != nil {
		return nil, err
	}
	// The first probe looks at itself: that it runs all the while leaves all
	// other fields as they are.
	done := make(chan struct{})
	work <- func() {
		defer close(done)
		l.findMarks(m, a.at)
	}
	<-done
	l.size = 1 + max(l.id, l.parent, l.goPC, l.startPC, l.lock, l.labels)
	return l, nil
}

func newProbe() *probe {
	return &probe{known: make(chan struct{}), release: make(chan struct{})}
}

//go:noinline
func probeOne(p *probe, work <-chan func(), next func()) {
	at := entryOfCaller()
	go func() {
		p.tell(at)
		next()
		for f := range work {
			f()
		}
		<-p.release
	}()
}

//go:noinline
func probeTwo(p *probe, next func()) {
	at := entryOfCaller()
	go func() {
		p.tell(at)
		next()
		<-p.release
	}()
}

//go:noinline
func probeThree(p *probe) {
	at := entryOfCaller()
	go func() {
		p.tell(at)
		<-p.release
	}()
}

// entryOfCaller returns where the calling function begins.
func entryOfCaller() uint64 {
	pc, _, _, _ := runtime.Caller(1)
	return uint64(runtime.FuncForPC(pc).Entry())
}

// tell notes what the standard dump says of the calling goroutine, which was
// created by the function that begins at creator. id stays 0 where that cannot
// be read.
func (p *probe) tell(creator uint64) {
	defer close(p.known)
	buf := make([]byte, 4096)
	buf = buf[:runtime.Stack(buf, false)]
	id, ok := goroutineID(buf)
	i := bytes.LastIndex(buf, []byte("created by "))
	if !ok || i < 0 {
		return
	}
	_, rest, ok1 := bytes.Cut(buf[i:], []byte(" in goroutine "))
	parent, rest, ok2 := bytes.Cut(rest, []byte("\n"))
	_, offset, ok3 := bytes.Cut(rest, []byte(" +0x"))
	if !ok1 || !ok2 || !ok3 {
		return
	}
	off, err1 := strconv.ParseUint(string(bytes.TrimSpace(offset)), 16, 64)
	par, err2 := strconv.ParseUint(string(parent), 10, 64)
	pcs := make([]uintptr, 32)
	pcs = pcs[:runtime.Callers(1, pcs)]
	var entry uintptr
	it := runtime.CallersFrames(pcs)
	for {
		f, more := it.Next()
		if f.Function != "runtime.goexit" && f.Entry != 0 {
			entry = f.Entry
		}
		if !more {
			break
		}
	}
	if err1 != nil || err2 != nil || entry == 0 {
		return
	}
	p.id, p.parent, p.goPC, p.startPC = id, par, creator+off, uint64(entry)
}

// findList returns a layout with the address of the list alone, and the probes'
// words filled in.
func (m *selfMemory) findList(regions []region, probes []*probe) (*layout, error) {
	const chunk = 8 << 10 // words
	least := uint64(runtime.NumGoroutine())
	buf := make([]uint64, chunk)
	var found []uint64
	left := uint64(maxVariables)
	for _, r := range regions {
		r.to = min(r.to, r.from+left)
		left -= r.to - r.from
		// The chunks overlap: a slice may lie across their border.
		for at := r.from; at+24 <= r.to; at += 8 * (chunk - 2) {
			w := buf[:min(chunk, (r.to-at)/8)]
			if m.untouched(at, at+8*uint64(len(w))) {
				continue
			}
			if err := m.words(at, w); err != nil {
				break
			}
			for i := 0; i+2 < len(w); i++ {
				if n := w[i+1]; n < least || n > w[i+2] || n > maxGs || w[i]%8 != 0 || !isAddress(w[i]) {
					continue
				}
				slice := at + 8*uint64(i)
				if m.holds(slice, probes) && !slices.Contains(found, slice) {
					found = append(found, slice)
				}
			}
		}
	}
	// While a garbage collection runs, the collector has a copy of the list.
	for since := time.Now(); len(found) > 1; runtime.Gosched() {
		if time.Since(since) > maxAmbiguous {
			return nil, errAmbiguous
		}
		found = slices.DeleteFunc(found, func(slice uint64) bool { return !m.holds(slice, probes) })
	}
	if len(found) == 0 {
		return nil, errNoLayout
	}
	return &layout{allgs: found[0]}, nil
}

// holds reports whether the list at slice holds all probes, and notes their
// words if so. What the probes do meanwhile does not change what is compared.
func (m *selfMemory) holds(slice uint64, probes []*probe) bool {
	found := map[*probe]probe{}
	err := m.walk(slice, maxG, func(at uint64, g, _ []uint64) {
		for _, p := range probes {
			if slices.Contains(g, p.goPC) && slices.Contains(g, p.startPC) && slices.Contains(g, p.id) {
				found[p] = probe{at: at, words: slices.Clone(g)}
			}
		}
	})
	if err != nil || len(found) != len(probes) {
		return false
	}
	for p, f := range found {
		p.at, p.words = f.at, f.words
	}
	return true
}

// findFields finds the places that hold each probe's own answer.
func (l *layout) findFields(probes []*probe) error {
	place := func(of func(*probe) uint64) int {
		only := -1
		for i := range maxG {
			if !slices.ContainsFunc(probes, func(p *probe) bool { return p.words[i] != of(p) }) {
				if only >= 0 {
					return -1
				}
				only = i
			}
		}
		return only
	}
	l.id = place(func(p *probe) uint64 { return p.id })
	l.parent = place(func(p *probe) uint64 { return p.parent })
	l.goPC = place(func(p *probe) uint64 { return p.goPC })
	l.startPC = place(func(p *probe) uint64 { return p.startPC })
	if l.id < 0 || l.parent < 0 || l.goPC < 0 || l.startPC < 0 {
		return errNoLayout
	}
	return nil
}

// findMarks finds the places of the calling goroutine's g, which is at the
// address, that change with runtime.LockOSThread and with its labels.
func (l *layout) findMarks(m *selfMemory, at uint64) {
	const key, value = "ispyd", "calibration"
	ctx := pprof.WithLabels(context.Background(), pprof.Labels(key, value))
	l.lock = m.findMark(at, runtime.LockOSThread, runtime.UnlockOSThread)
	l.labels = m.findMark(at,
		func() { pprof.SetGoroutineLabels(ctx) },
		func() { pprof.SetGoroutineLabels(context.Background()) })
	if l.labels < 0 {
		return
	}
	pprof.SetGoroutineLabels(ctx)
	defer pprof.SetGoroutineLabels(context.Background())
	var set [1]uint64
	if m.words(at+uint64(8*l.labels), set[:]) != nil {
		l.labels = -1
		return
	}
	if got, ok := m.labelSet(set[0]); !ok || !slices.Equal(got, []Label{{key, value}}) {
		l.labels = -1
	}
}

// findMark returns the one place that is zero after off and something else
// after on, every time.
func (m *selfMemory) findMark(at uint64, on, off func()) int {
	var isMark [maxG]bool
	for i := range isMark {
		isMark[i] = true
	}
	look := func(zero bool) bool {
		g := make([]uint64, maxG)
		if m.words(at, g) != nil {
			return false
		}
		for i, w := range g {
			isMark[i] = isMark[i] && (w == 0) == zero
		}
		return true
	}
	for range 8 {
		off()
		if !look(true) {
			return -1
		}
		on()
		ok := look(false)
		off()
		if !ok {
			return -1
		}
	}
	only := -1
	for i, ok := range isMark {
		if ok && only >= 0 {
			return -1
		}
		if ok {
			only = i
		}
	}
	return only
}
