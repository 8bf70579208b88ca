package exits

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/arch/x86/x86asm"
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

// places adds to each exit the places beside its epilogue's ADDQ: the POPQ, and
// what comes before the ADDQ in the same basic block and can be executed elsewhere.
// None may have a byte that another place's jump may change in its distance.
func (s *sweep) places(x *Exits) {
	// The bytes that the first places and the frame's set-up need for themselves.
	taken := map[int]bool{}
	for i := range x.Exits {
		first := int(x.Exits[i].Places[0].PC - s.Entry)
		for o := first; o < first+jumpBytes; o++ {
			taken[o] = true
		}
	}
	if s.hasSetup {
		for o := s.setup; o < s.setup+jumpBytes; o++ {
			taken[o] = true
		}
	}
	targets := map[int]bool{}
	for _, b := range s.targets {
		targets[b.to] = true
	}
	for i := range x.Exits {
		s.more(&x.Exits[i], taken, targets)
	}
}

func (s *sweep) more(x *Exit, taken, targets map[int]bool) {
	first := x.Places[0]
	add := int(first.PC - s.Entry)
	pop := add + len(first.code) - 1
	free := func(o int) bool {
		if o+jumpBytes > len(s.Code) {
			return false // the rest would be another function's
		}
		for i := o; i < o+jumpBytes; i++ {
			if taken[i] && (i < add || i > pop) {
				return false
			}
		}
		return true
	}
	if free(pop) {
		x.Places = append(x.Places, Place{PC: s.Entry + uintptr(pop), code: s.Code[pop : pop+1]})
	}
	if s.indirect {
		return // a jump table may lead to any instruction
	}
	for o := add; len(x.Places) < maxPlaces && !targets[o]; {
		to := o
		if o = s.before(o); o < 0 {
			return
		}
		in, n := decode(s.Code[o:])
		if n != to-o || !movable(in) {
			return
		}
		if free(o) {
			x.Places = append(x.Places, s.place(o, pop+1))
		}
	}
}

// place makes a Place of the instructions in [from, to).
func (s *sweep) place(from, to int) Place {
	p := Place{PC: s.Entry + uintptr(from), code: s.Code[from:to]}
	for o := from; o < to; {
		in, n := decode(s.Code[o:])
		if in.PCRel != 0 {
			at := o + in.PCRelOff
			d := int64(int32(binary.LittleEndian.Uint32(s.Code[at:])))
			p.fixes = append(p.fixes, fix{at - from, o + n - from, s.Entry + uintptr(o+n) + uintptr(d)})
		}
		o += n
	}
	return p
}

// movable says whether an instruction does the same at another address, without
// any chance of a fault: the runtime makes a panic of a fault only in code it knows.
func movable(in x86asm.Inst) bool {
	switch in.Op {
	case x86asm.MOV, x86asm.MOVZX, x86asm.MOVSX, x86asm.MOVSXD, x86asm.LEA, x86asm.XOR, x86asm.NOP,
		x86asm.MOVUPS, x86asm.MOVAPS, x86asm.MOVSS, x86asm.MOVSD_XMM, x86asm.MOVQ, x86asm.MOVD, x86asm.XORPS:
	default:
		return false
	}
	if in.PCRel != 0 && in.PCRel != 4 {
		return false
	}
	for _, a := range in.Args {
		switch a := a.(type) {
		case x86asm.Mem:
			if in.Op == x86asm.NOP || in.Op == x86asm.LEA && a.Base != x86asm.RIP {
				continue
			}
			known := a.Base == x86asm.RSP || a.Base == x86asm.RIP && in.PCRel == 4
			if !known || a.Index != 0 || a.Segment != 0 {
				return false
			}
		case x86asm.Reg:
			if a == x86asm.RSP || a == x86asm.ESP || a >= x86asm.ES && a <= x86asm.GS || a >= x86asm.CR0 {
				return false
			}
		}
	}
	return true
}
