package pclntab

// inlinedBytes is the size of a runtime.inlinedCall.
const inlinedBytes = 16

// maxInlineDepth bounds the walk through a damaged tree.
const maxInlineDepth = 1000

// Frame is one logical frame at an instruction: the function whose code it is
// in the source.
type Frame struct {
	Name string
	File string
	Line int
	// StartLine is the line of the function's func keyword.
	StartLine int
	// Inlined says that the frame has no code of its own: it is part of the next frame's.
	Inlined bool
}

// Frames lists the logical frames at pc, the innermost inlined call first, the
// function itself last. For a return address ask for the byte before it.
func (f Func) Frames(pc uintptr) []Frame {
	if f.t == nil {
		return nil
	}
	var frames []Frame
	for range maxInlineDepth {
		call, ok := f.inlined(f.PCData(PCDataInlTreeIndex, pc))
		if !ok {
			break
		}
		frames = append(frames, Frame{f.t.name(call.name), f.File(pc), f.Line(pc), int(call.start), true})
		pc = f.entry + uintptr(call.parent)
	}
	return append(frames, Frame{f.Name(), f.File(pc), f.Line(pc), f.StartLine(), false})
}

// Inlines calls yield with the name of every call inlined into f, a name as
// often as there are calls, until it returns false.
func (f Func) Inlines(yield func(name string) bool) {
	f.inlines(func(name uint32) bool { return yield(f.t.name(name)) })
}

// InlinedInto finds the functions into which the function of that name is
// inlined, by address. None: it is not, or there is no such function.
func (t *Table) InlinedInto(name string) []Func {
	off, ok := t.nameOffset(name)
	if !ok {
		return nil
	}
	var into []Func
	t.Funcs(func(f Func) bool {
		f.inlines(func(n uint32) bool {
			if n == off {
				into = append(into, f)
			}
			return n != off
		})
		return true
	})
	return into
}

// inlines yields the names' offsets. The tree's length is written nowhere: it is
// as long as the largest index of any instruction or of a parent's.
func (f Func) inlines(yield func(name uint32) bool) {
	if f.funcdata(FuncDataInlTree) == noData {
		return
	}
	last := int32(-1)
	f.pcvalues(f.pcdata(PCDataInlTreeIndex), func(v int32, _, _ uintptr) bool {
		last = max(last, v)
		return true
	})
	for i := int32(0); i <= last; i++ {
		call, ok := f.inlined(i)
		if !ok || !yield(call.name) {
			return
		}
	}
}

type inlinedCall struct {
	name          uint32
	parent, start int32
}

func (f Func) inlined(i int32) (inlinedCall, bool) {
	off := f.funcdata(FuncDataInlTree)
	if i < 0 || off == noData {
		return inlinedCall{}, false
	}
	at := uint64(off) + uint64(i)*inlinedBytes
	if at+inlinedBytes > uint64(len(f.t.data)) {
		return inlinedCall{}, false
	}
	d := f.t.data
	return inlinedCall{word(d, at+4), int32(word(d, at+8)), int32(word(d, at+12))}, true
}
