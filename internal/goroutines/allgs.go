package goroutines

import (
	"errors"
	"runtime"
	"slices"
)

// The tracer does not tell who created a goroutine, whether it is locked to its
// thread, and what its labels are. The runtime knows; it keeps one g struct for
// each goroutine, which it never frees, and a list of them in its variable
// runtime.allgs, as every debugger knows. Go gives no access to them. This file
// reads them from outside, as a debugger would, but without stopping anything:
// through the kernel, so that no wrong address can do harm, and only where
// [calibrate] has found out, on goroutines of its own whose answers it knows,
// where the list and the fields are. What it reads is used for goroutines that
// the trace has named; where anything does not fit, the dump goes without.

// layout says where the runtime keeps what.
type layout struct {
	allgs uint64 // address of the slice of pointers to g structs
	size  int    // words of a g that must be read

	// Indexes of words in a g; lock and labels are -1 where not known.
	id, parent, goPC, startPC, lock, labels int
}

// gsAt is how many pointers are read at once.
const gsAt = 8192

// maxRegion is the most words that are read at once, as much as fits 64 KiB.
const maxRegion = 8192

// maxGs is more than the list can hold on any machine.
const maxGs = 1 << 26

// walk calls f for every g of the list at slice with its address and its first
// size words, read twice, one after the other: what differs was being written.
// It ends with errNoLayout as soon as something is not as in the runtime's list.
func (m *selfMemory) walk(slice uint64, size int, f func(at uint64, first, second []uint64)) error {
	var head [3]uint64
	w := walker{m: m, size: size, f: f}
	for done := uint64(0); ; {
		if err := m.words(slice, head[:]); err != nil {
			return err
		}
		if head[1] > head[2] || head[1] > maxGs {
			return errNoLayout
		}
		if done >= head[1] {
			return nil
		}
		array := head[0]
		if !m.looksLikeList(array + 8*done) {
			return errNoLayout
		}
		if m.first == nil {
			m.pointers, m.first, m.second = make([]uint64, gsAt), make([]uint64, maxRegion), make([]uint64, maxRegion)
		}
		p := m.pointers[:min(gsAt, head[1]-done)]
		if err := m.words(array+8*done, p); err != nil {
			return err
		}
		// The list moves when it grows, and its old place is then reused.
		if err := m.words(slice, head[:1]); err != nil {
			return err
		}
		if head[0] != array {
			continue
		}
		done += uint64(len(p))
		if err := w.some(p); err != nil {
			return err
		}
	}
}

// looksLikeList reports whether a pointer to memory is at the address; most of
// what calibrate comes across does not get further.
func (m *selfMemory) looksLikeList(at uint64) bool {
	var p [1]uint64
	return m.words(at, p[:]) == nil && p[0]%8 == 0 && m.words(p[0], p[:]) == nil
}

type walker struct {
	m    *selfMemory
	size int
	f    func(at uint64, first, second []uint64)
}

// some reads the structs that p points to, neighbours together.
func (w *walker) some(p []uint64) error {
	for _, at := range p {
		if at%8 != 0 || !isAddress(at) {
			return errNoLayout
		}
	}
	slices.Sort(p)
	size := uint64(8 * w.size)
	for len(p) > 0 {
		n := 1
		for n < len(p) && p[n]-p[n-1] < size+1024 && p[n]+size-p[0] <= 8*maxRegion {
			n++
		}
		words := int(p[n-1]+size-p[0]) / 8
		a, b := w.m.first[:words], w.m.second[:words]
		if !w.read(p[0], a, b) {
			// One of them may end where the memory does.
			if n, words = 1, w.size; !w.read(p[0], a[:words], b[:words]) {
				return errNoLayout
			}
		}
		for _, at := range p[:n] {
			i := int(at-p[0]) / 8
			w.f(at, a[i:i+w.size], b[i:i+w.size])
		}
		p = p[n:]
	}
	return nil
}

// read reads the same words twice. The last of a single struct may lie beyond
// its end, where there need not be memory.
func (w *walker) read(at uint64, a, b []uint64) bool {
	n, _ := w.m.some(at, a)
	k, _ := w.m.some(at, b)
	n = min(n, k)
	clear(a[n:])
	clear(b[n:])
	return n == len(a) || len(a) == w.size && n >= w.size/2
}

// isAddress reports whether a word can be an address in a program.
func isAddress(w uint64) bool { return 4096 <= w && w < 1<<56 }

// errNoLayout says that the runtime's list was not recognised.
var errNoLayout = errors.New("the runtime's list of goroutines was not recognised")

// complete adds to the dump what only the runtime's own structs tell. It is
// errNoLayout where the list at l.allgs is not, or no longer, the runtime's.
func (d *Dump) complete(m *selfMemory, l *layout) error {
	creators := map[uint64]uint32{}
	var hidden []uint64 // ids of the runtime's own goroutines
	labels := labelReader{d: d, m: m, known: map[uint64]uint32{}}
	seen := 0
	err := m.walk(l.allgs, l.size, func(at uint64, g, again []uint64) {
		for _, i := range []int{l.id, l.parent, l.goPC, l.startPC} {
			if g[i] != again[i] {
				return // it is just being made into another goroutine
			}
		}
		i, ok := d.index(g[l.id])
		if !ok {
			return
		}
		seen++
		e := &d.gs[i]
		if e.stack == 0 && systemEntry(uintptr(g[l.startPC])) {
			hidden = append(hidden, e.id)
			return
		}
		if e.id != 1 {
			e.parent = g[l.parent]
			c, ok := creators[g[l.goPC]]
			if !ok {
				c = d.addCreator(uintptr(g[l.goPC]))
				creators[g[l.goPC]] = c
			}
			e.creator = c
		}
		if l.lock >= 0 && g[l.lock] != 0 {
			e.flags |= locked
		}
		if l.labels >= 0 && g[l.labels] != 0 {
			e.labels = labels.read(g[l.labels], func() bool {
				var now [2]uint64
				return m.words(at+uint64(8*l.labels), now[:1]) == nil && now[0] == g[l.labels] &&
					m.words(at+uint64(8*l.id), now[:1]) == nil && now[0] == e.id
			})
		}
	})
	if err == nil && seen < len(d.gs)/2 {
		err = errNoLayout
	}
	if err != nil {
		return err
	}
	d.gs = slices.DeleteFunc(d.gs, func(e entry) bool { return slices.Contains(hidden, e.id) })
	return nil
}

// addCreator returns the number of the frame, plus 1, of the go statement with
// this return address; 0 where the standard dump shows none.
func (d *Dump) addCreator(pc uintptr) uint32 {
	f, ok := creatorFrame(pc)
	if !ok {
		return 0
	}
	d.frames = append(d.frames, f)
	return uint32(len(d.frames))
}

// systemEntry reports whether a goroutine that begins at pc is the runtime's.
func systemEntry(pc uintptr) bool {
	f := runtime.FuncForPC(pc)
	return f != nil && system([]Frame{{Func: f.Name()}})
}

// labelReader reads label sets, each once.
type labelReader struct {
	d      *Dump
	m      *selfMemory
	known  map[uint64]uint32 // by address
	cycles uint64
}

// read returns the number of the label set at the address; live must say
// whether a goroutine still has it.
func (r *labelReader) read(at uint64, live func() bool) uint32 {
	// A set that is still in use cannot have been freed. One that was read
	// before may have been, and another be in its place, but not without a
	// garbage collection in between.
	if c := gcCycles(); c != r.cycles {
		clear(r.known)
		r.cycles = c
	}
	if n, ok := r.known[at]; ok {
		return n
	}
	set, ok := r.m.labelSet(at)
	if !ok || !live() {
		return 0
	}
	n := r.d.addLabels(set)
	r.known[at] = n
	return n
}

// labelSet decodes a runtime/pprof.LabelSet: a slice of pairs of strings.
func (m *selfMemory) labelSet(at uint64) ([]Label, bool) {
	const most, longest = 256, 64 << 10
	var head [3]uint64
	if m.words(at, head[:]) != nil || head[1] > head[2] || head[1] > most {
		return nil, false
	}
	pairs := make([]uint64, 4*head[1])
	if m.words(head[0], pairs) != nil && len(pairs) > 0 {
		return nil, false
	}
	var set []Label
	for ; len(pairs) > 0; pairs = pairs[4:] {
		key, ok1 := m.text(pairs[0], pairs[1], longest)
		value, ok2 := m.text(pairs[2], pairs[3], longest)
		if !ok1 || !ok2 {
			return nil, false
		}
		set = append(set, Label{key, value})
	}
	return set, true
}

func (m *selfMemory) text(at, n, longest uint64) (string, bool) {
	if n == 0 {
		return "", true
	}
	if n > longest {
		return "", false
	}
	b := make([]byte, n)
	if m.bytes(at, b) != nil {
		return "", false
	}
	return string(b), true
}
