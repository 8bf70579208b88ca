package debugger

import (
	"encoding/binary"
	"strings"

	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/internal/symbols/pclntab"
)

// coreFrame is a frame of the stack of a core, or a call that is inlined in one.
type coreFrame struct {
	name    string // as in the function table
	line    int
	inlined bool
	// innermost says that the registers are those of this frame.
	innermost bool
	function  pclntab.Func
	pc        uintptr // in the instruction that is under way
	cfa       uint64  // the canonical frame address: the stack pointer before the call
}

// stackPointer is the DWARF number of RSP.
const stackPointer = 7

// walk returns the frames of the core's goroutine, the innermost first.
func (m *coreMemory) walk(table *pclntab.Table) (list []coreFrame) {
	pc, sp := uintptr(m.pc), m.registers[stackPointer]
	for n := range maxFrames {
		f, ok := table.Func(pc)
		if !ok {
			return list
		}
		delta, ok := f.SPDelta(pc)
		if !ok {
			return list
		}
		cfa := sp + uint64(delta) + 8
		for _, c := range f.Frames(pc) {
			list = append(list, coreFrame{c.Name, c.Line, c.Inlined, n == 0, f, pc, cfa})
		}
		b := m.read(cfa-8, 8)
		if b == nil || f.Flag()&pclntab.FlagTopFrame != 0 {
			return list
		}
		// What a signal interrupted goes on where it was, what has called behind
		// the call.
		pc = uintptr(binary.LittleEndian.Uint64(b))
		if f.Name() != "runtime.sigpanic" {
			pc--
		}
		sp = cfa
	}
	return list
}

// locals returns the variables of the next frame of a name and a line, and the frame.
// Those that a traceback leaves out are passed over.
func (s *shower) locals(name string, line int) ([]symbols.Local, *coreFrame) {
	for i := range s.frames {
		f := &s.frames[i]
		if f.line != line || pclntab.Display(f.name) != name && f.name != name {
			continue
		}
		s.frames = s.frames[i+1:]
		return s.visible(f), f
	}
	return nil, nil
}

func (s *shower) visible(f *coreFrame) []symbols.Local {
	scopes, err := s.index.Locals(strings.ReplaceAll(f.function.Name(), "%2e", "."), f.function.Entry(), f.pc)
	if err != nil {
		return nil
	}
	// The calls that are inlined there, as the function table has them and as the
	// debug information does, must be the same.
	i := 0
	for _, c := range f.function.Frames(f.pc) {
		for i < len(scopes) && scopes[i].Func != strings.ReplaceAll(c.Name, "%2e", ".") {
			i++
		}
		if i == len(scopes) {
			return nil
		}
		if c.Name == f.name && c.Line == f.line {
			return scopes[i].Visible(f.line)
		}
		i++
	}
	return nil
}

// maxVariable is how large, in bytes, a variable may be that is shown.
const maxVariable = 64 << 10

// data returns the bytes of a variable, nil where they are not known as a whole.
func (s *shower) data(v *symbols.Local, f *coreFrame) []byte {
	size := v.Type.Size()
	if f == nil || len(v.Pieces) == 0 || size > maxVariable {
		return nil
	}
	b := make([]byte, 0, size)
	for _, p := range v.Pieces {
		n := p.Size
		if n == 0 && len(v.Pieces) == 1 {
			n = size
		}
		if n > size-uintptr(len(b)) {
			return nil
		}
		switch p.Place {
		case symbols.InFrame:
			at := f.cfa + uint64(p.Offset)
			part := s.core.read(at, uint64(n))
			if part == nil {
				return nil
			}
			b = append(b, part...)
		case symbols.InRegister:
			if !f.innermost || n > 8 || p.Register >= len(s.core.registers) || s.core.known>>p.Register&1 == 0 {
				return nil
			}
			b = append(b, binary.LittleEndian.AppendUint64(nil, s.core.registers[p.Register])[:n]...)
		default:
			return nil
		}
	}
	if uintptr(len(b)) < size {
		return nil
	}
	return b
}
