package exits

import (
	"encoding/binary"
	"fmt"

	"github.com/ispyd/ispyd/internal/probes/insn"
)

// A Place is an instruction before a RET whose first byte can be replaced by that
// of a jump. Control comes from there to the RET in a straight line.
type Place struct {
	PC    uintptr
	code  []byte // what is executed from PC to the RET, without it
	fixes []fix
}

// fix is an operand relative to the instruction pointer.
type fix struct {
	at, end int     // offsets in code of its four bytes, and of the end of the instruction
	target  uintptr // the address that it means
}

// Size is the length of what Code returns.
func (p *Place) Size() int { return len(p.code) }

// Code is the code from PC to the RET, without it, as it has to be for another
// address. It uses the stack as the original does and cannot fault.
func (p *Place) Code(at uintptr) ([]byte, error) {
	b := append([]byte(nil), p.code...)
	for _, f := range p.fixes {
		d := int64(f.target) - int64(at) - int64(f.end)
		if d != int64(int32(d)) {
			return nil, fmt.Errorf("%#x is out of reach of %#x", f.target, at)
		}
		binary.LittleEndian.PutUint32(b[f.at:], uint32(d))
	}
	return b, nil
}

const (
	jumpBytes = 5
	// maxPlaces bounds the places of an exit.
	maxPlaces = 10
)

// places adds to each exit the places beside its epilogue's ADDQ: long instructions
// before it in the same basic block that can be executed elsewhere.
func (s *sweep) places(x *Exits) {
	if s.indirect {
		return // a jump table may lead to any instruction
	}
	targets := map[int]bool{}
	for _, b := range s.targets {
		targets[b.to] = true
	}
	for i := range x.Exits {
		s.more(&x.Exits[i], targets)
	}
}

func (s *sweep) more(x *Exit, targets map[int]bool) {
	end := int(x.Places[0].PC-s.Entry) + len(x.Places[0].code)
	for o := int(x.Places[0].PC - s.Entry); len(x.Places) < maxPlaces && !targets[o]; {
		to := o
		if o = s.before(o); o < 0 {
			return
		}
		in := insn.Decode(s.Code[o:])
		n := in.Len
		if n != to-o || !movable(in) {
			return
		}
		// A debugger may overwrite the start of the next.
		if n >= jumpBytes {
			x.Places = append(x.Places, s.place(o, end))
		}
	}
}

// place makes a Place of the instructions in [from, to).
func (s *sweep) place(from, to int) Place {
	p := Place{PC: s.Entry + uintptr(from), code: s.Code[from:to]}
	for o := from; o < to; {
		in := insn.Decode(s.Code[o:])
		end := o + in.Len
		if in.Base == insn.RIP {
			p.fixes = append(p.fixes, fix{o + in.DispAt - from, end - from, s.Entry + uintptr(end) + uintptr(in.Disp)})
		}
		o = end
	}
	return p
}

// movable says whether an instruction does the same at another address, without
// any chance of a fault: the runtime makes a panic of a fault only in code it knows.
func movable(in insn.Inst) bool {
	switch in.Op {
	case insn.Nop:
		return true
	case insn.Lea:
		return !in.SP && !in.Addr32
	case insn.Mov, insn.Move, insn.Xor:
		known := in.Base == insn.RSP || in.Base == insn.RIP
		return !in.SP && (!in.Mem || known && in.Index == insn.None && !in.Segment && !in.Addr32)
	}
	return false
}
