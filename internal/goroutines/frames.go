package goroutines

import (
	"math"
	"runtime"
	"strings"
)

// Frame is one call of a stack.
type Frame struct {
	Func string  `json:"func"` // as runtime.Frame.Function has it; "" for code that is not Go's
	File string  `json:"file"` // where the program was built
	Line int     `json:"line"` // in File
	PC   uintptr `json:"-"`    // the address of the call
	// Offset is that of the return address in the function, as the standard
	// dump shows it; 0 where the function was inlined.
	Offset uintptr `json:"-"`

	entry   uintptr // of the function that holds the code; 0 where not known
	inlined bool
}

// maxFrames is how many frames the tracer and the profile keep of a stack, its
// innermost ones.
const maxFrames = 128

// stackTable interns frames and stacks. Stack 0 is none.
type stackTable struct {
	ids   map[uint32]uint32 // by the trace's id: the stack's number
	spans []span            // by number
	calls []uint32          // all stacks' frames, as indexes into pcs
	pcs   []uintptr         // of the calls, not of the return addresses
	seen  map[uintptr]uint32
}

type span struct{ at, n uint32 }

// read takes one stack off the trace. The names and lines that it gives are
// passed over: the program knows them, and need not keep what others write.
func (t *stackTable) read(c *cursor) {
	id, n := c.uvarint(), c.uvarint()
	const mostFrames = 1 << 12
	if n > mostFrames || id > math.MaxUint32 {
		c.bad = true
		return
	}
	if t.seen == nil {
		t.seen, t.ids = map[uintptr]uint32{}, map[uint32]uint32{}
		t.spans = append(t.spans, span{})
	}
	s := span{at: uint32(len(t.calls))}
	for range n {
		pc := uintptr(c.uvarint())
		c.uvarint() // function
		c.uvarint() // file
		c.uvarint() // line
		if c.bad {
			return
		}
		if pc == 0 {
			continue // how the runtime writes a stack that is empty
		}
		i, ok := t.seen[pc]
		if !ok {
			i = uint32(len(t.pcs))
			t.pcs = append(t.pcs, pc)
			t.seen[pc] = i
		}
		t.calls = append(t.calls, i)
	}
	if s.n = uint32(len(t.calls)) - s.at; s.n == 0 {
		return
	}
	t.ids[uint32(id)] = uint32(len(t.spans))
	t.spans = append(t.spans, s)
}

// number returns the stack's number for the trace's id, 0 where the trace does
// not have it.
func (t *stackTable) number(id uint32) uint32 { return t.ids[id] }

// resolve returns the frames of the stack of a number.
func (t *stackTable) resolve(n uint32) []Frame {
	if n == 0 {
		return nil
	}
	s := t.spans[n]
	frames := make([]Frame, s.n)
	for i, c := range t.calls[s.at : s.at+s.n] {
		frames[i] = frameAt(t.pcs[c])
	}
	return frames
}

// frameAt returns the frame of the call at an address.
func frameAt(pc uintptr) Frame {
	// CallersFrames wants return addresses, which follow the call.
	frames := runtime.CallersFrames([]uintptr{pc + 1})
	c, _ := frames.Next()
	f := frameOf(c)
	f.PC = pc
	return f
}

// frameOf makes a Frame of the runtime's.
func frameOf(c runtime.Frame) Frame {
	return Frame{Func: c.Function, File: c.File, Line: c.Line, PC: c.PC, entry: c.Entry, inlined: c.Func == nil}
}

// setOffsets sets the offsets in a stack. That of a function is the place of
// the innermost call that was inlined into it.
func setOffsets(frames []Frame) {
	var innermost, within uintptr
	for i := range frames {
		f := &frames[i]
		if f.entry != within {
			innermost, within = f.PC, f.entry
		}
		if f.inlined {
			continue
		}
		if within != 0 && innermost >= within {
			f.Offset = innermost + 1 - within
		}
		within = 0
	}
}

// creatorFrame returns the go statement that has this return address, as the
// standard dump shows it: the function is the one that holds the code, also
// where the line was inlined into it. ok is false for those which it does not
// show, and for what is no code.
func creatorFrame(pc uintptr) (f Frame, ok bool) {
	if pc == 0 {
		return Frame{}, false
	}
	frames := runtime.CallersFrames([]uintptr{pc})
	c, _ := frames.Next()
	outer := runtime.FuncForPC(c.Entry)
	if outer == nil || c.Entry == 0 {
		return Frame{}, false
	}
	f = Frame{Func: outer.Name(), File: c.File, Line: c.Line, PC: pc - 1, Offset: pc - c.Entry, entry: c.Entry}
	return f, shown(f.Func, false)
}

// shown says which frames the standard dump shows: not the runtime's own,
// unless they are exported, or begin a panic, or say that a finalizer runs.
func shown(fn string, first bool) bool {
	name, own := strings.CutPrefix(fn, "runtime.")
	if !own {
		return strings.Contains(fn, ".")
	}
	switch name {
	case "runFinalizers", "runCleanups":
		return true
	case "gopanic":
		return !first
	}
	return exported(name)
}

// exported reports whether a function or method of package runtime, without
// the package's name, is exported.
func exported(name string) bool {
	recv := ""
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		recv, name = name[:i], name[i+1:]
		if inner, ok := strings.CutPrefix(recv, "(*"); ok && strings.HasSuffix(inner, ")") {
			recv = inner[:len(inner)-1]
		}
	}
	upper := func(s string) bool { return s != "" && 'A' <= s[0] && s[0] <= 'Z' }
	return upper(name) && (recv == "" || upper(recv))
}

// appendShown appends those of the frames that the standard dump shows; all of
// them where it would show none.
func appendShown(to, frames []Frame) []Frame {
	before := len(to)
	for _, f := range frames {
		if shown(f.Func, len(to) == before) {
			to = append(to, f)
		}
	}
	if len(to) == before {
		to = append(to, frames...)
	}
	return to
}

// system reports whether a goroutine with this stack is the runtime's own, as
// the standard dump does, which hides it: it begins in package runtime and
// does not call out of it. Coroutines are the program's. The tracer leaves the
// entry of the main goroutine out, so it must not be asked about.
func system(frames []Frame) bool {
	if len(frames) == 0 {
		return false
	}
	entry := frames[len(frames)-1].Func
	if !strings.HasPrefix(entry, "runtime.") {
		return false
	}
	switch entry {
	case "runtime.corostart", "runtime.main", "runtime.handleAsyncEvent":
		return false
	}
	for _, f := range frames {
		if strings.Contains(f.Func, ".") && !strings.HasPrefix(f.Func, "runtime.") {
			return false
		}
	}
	return true
}
