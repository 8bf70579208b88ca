// Package exits finds where a function compiled by Go for amd64 checks its stack
// and where it returns, and says why that cannot be relied upon where it cannot.
//
// It decodes the whole function. The sweep is right when it ends exactly where the
// function's tables end and every branch lands on an instruction; then no RET is
// missed. Every RET must come after the epilogue that the assembler writes
// (cmd/internal/obj/x86/obj6.go): ADDQ $frame, SP; POPQ BP; RET, where NOPs may
// come before the RET so that it does not lie across 32 bytes (asm6.go, padJump).
//
// The four bytes behind the first of each place are to be the distance of a jump.
// A debugger that is attached later overwrites the start of an instruction, and
// the jump would go astray if that were one of the four. Debuggers choose where a
// line of source begins, and every RET. So no place has the start of another
// instruction in it but two: the POPQ behind the ADDQ and the JBE behind the CMPQ
// of the stack check, which the assembler makes of one instruction, the RET and
// the function's TEXT, so that no line begins between. Only a breakpoint at the
// very address of such a POPQ or JBE, which somebody must ask for by number, is
// not to be had with a jump.
package exits

import (
	"encoding/binary"
	"fmt"

	"github.com/ispyd/ispyd/internal/probes/insn"
)

// A Func is the function to look at.
type Func struct {
	// Entry is the address of its first instruction.
	Entry uintptr
	// Code is its code, from Entry to the end of what its tables cover: without
	// the padding after it.
	Code []byte
	// SPDelta returns by how many bytes the stack pointer is below where it was at
	// the function's first instruction, when pc is reached: the pcsp table. ok is
	// false when the table does not know.
	SPDelta func(pc uintptr) (delta int, ok bool)
}

// An Exit is where the function returns.
type Exit struct {
	Ret   uintptr // the address of the RET
	Frame int     // bytes of the frame that the epilogue releases, the saved BP among them
	// Places are where a jump can take the place of an instruction, each on all
	// ways to this RET. The first is the epilogue's ADDQ; the others are there
	// because the jump's distance, the bytes behind it, is not ours to choose.
	Places []Place
}

// A Check is the comparison by which a function makes sure, before anything else,
// that its stack suffices (obj6.go, stacksplit). The arguments are where the
// caller put them.
type Check struct {
	// PC is the address of CMPQ SP, 16(R14) or, for large frames, CMPQ R12, 16(R14).
	// It may be the function's entry, and is passed again after the stack has grown.
	PC uintptr
	// Code is that instruction; it does the same at any address.
	Code [4]byte
	// More is where the JBE behind it goes to have the stack grow, Enough what
	// follows.
	More, Enough uintptr
}

// Exits is what a sweep has found.
type Exits struct {
	Exits []Exit
	// Check is nil if the function does not check its stack, as small ones that
	// call nothing.
	Check *Check
}

const (
	popBP = 0x5d
	ret   = 0xc3

	// maxCode bounds what is decoded; the largest function of a large program
	// has some 100 KB.
	maxCode = 4 << 20
)

// Scan looks at the whole function. The error is a *[Refusal].
func Scan(f Func) (*Exits, error) {
	switch {
	case len(f.Code) == 0:
		return nil, &Refusal{Undecodable, -1, "no code"}
	case len(f.Code) > maxCode:
		return nil, &Refusal{Undecodable, -1, fmt.Sprintf("%d bytes of code", len(f.Code))}
	}
	s := sweep{Func: f, starts: make([]uint64, len(f.Code)/64+1), compare: -1}
	if err := s.run(); err != nil {
		return nil, err
	}
	out := new(Exits)
	for _, o := range s.rets {
		x, err := s.exit(o)
		if err != nil {
			return nil, err
		}
		out.Exits = append(out.Exits, x)
	}
	if len(out.Exits) == 0 {
		return nil, &Refusal{NeverReturns, -1, ""}
	}
	if err := s.branches(out.Exits); err != nil {
		return nil, err
	}
	out.Check = s.check()
	s.places(out)
	return out, nil
}

type sweep struct {
	Func
	starts   []uint64 // a bit for each offset at which an instruction begins
	rets     []int    // offsets
	targets  []branch
	compare  int  // offset of the CMPQ of the stack check, -1: none
	indirect bool // there is a jump table, whose targets are not known
}

type branch struct{ from, to int }

func (s *sweep) isStart(o int) bool { return s.starts[o/64]>>(o%64)&1 != 0 }

func (s *sweep) delta(o int) (int, bool) { return s.SPDelta(s.Entry + uintptr(o)) }

func (s *sweep) run() error {
	inPrologue := true
	for o := 0; o < len(s.Code); {
		b := s.Code[o:]
		s.starts[o/64] |= 1 << (o % 64)
		in := insn.Decode(b)
		n := in.Len
		if n == 0 {
			return &Refusal{Undecodable, o, fmt.Sprintf("% x", b[:min(len(b), 8)])}
		}
		if o+n > len(s.Code) {
			return &Refusal{Undecodable, o, "the last instruction crosses the end"}
		}
		if inPrologue {
			inPrologue = s.prologue(o, n, in.Op)
		}
		if err := s.flow(o, n, in); err != nil {
			return err
		}
		o += n
	}
	return nil
}

// prologue looks for the stack check; false ends the search. Little comes before
// it (obj6.go, stacksplit).
func (s *sweep) prologue(o, n int, op insn.Op) bool {
	switch op {
	case insn.Lea, insn.Mov, insn.Sub, insn.JB, insn.Nop:
		return true
	case insn.Cmp:
		if n == 4 && s.Code[o+1] == 0x3b && s.Code[o+2] == 0x66 && s.Code[o+3] == 0x10 && (s.Code[o] == 0x49 || s.Code[o] == 0x4d) {
			s.compare = o
			return false
		}
		return true // of SP with what it is while the goroutine is preempted
	}
	return false
}

// check is the stack check, nil if it is not as expected.
func (s *sweep) check() *Check {
	o := s.compare
	if o < 0 || o+jumpBytes > len(s.Code) {
		return nil
	}
	branch := o + 4
	in := insn.Decode(s.Code[branch:])
	if in.Op != insn.JBE || s.Code[branch] != 0x76 && s.Code[branch] != 0x0f {
		return nil
	}
	enough := branch + in.Len
	for _, at := range []int{o, branch, enough} {
		if d, ok := s.delta(at); !ok || d != 0 {
			return nil
		}
	}
	// Nothing may come to the JBE but from the comparison. A jump table is not in a
	// prologue and does not lead there.
	for _, b := range s.targets {
		if b.to == branch {
			return nil
		}
	}
	return &Check{s.Entry + uintptr(o), [4]byte(s.Code[o:branch]), s.Entry + uintptr(enough+int(in.Rel)), s.Entry + uintptr(enough)}
}

// flow records where an instruction returns or branches to.
func (s *sweep) flow(o, n int, in insn.Inst) error {
	switch in.Op {
	case insn.Ret:
		if n != 1 {
			return &Refusal{OddReturn, o, fmt.Sprintf("% x", s.Code[o:o+n])}
		}
		if d, ok := s.delta(o); !ok || d != 0 {
			return &Refusal{OddReturn, o, fmt.Sprintf("%d bytes of frame left", d)}
		}
		s.rets = append(s.rets, o)
	case insn.FarRet:
		return &Refusal{OddReturn, o, fmt.Sprintf("% x", s.Code[o:o+n])}
	case insn.Jump, insn.Branch, insn.JB, insn.JBE:
		t := int64(o) + int64(n) + int64(in.Rel)
		if t < 0 || t >= int64(len(s.Code)) {
			return &Refusal{TailJump, o, ""}
		}
		s.targets = append(s.targets, branch{o, int(t)})
	case insn.FarJump:
		return &Refusal{TailJump, o, fmt.Sprintf("% x", s.Code[o:o+n])}
	case insn.JumpTo:
		s.indirect = true
		// The compiler's jump tables are indexed, or their address is in a register
		// while there is a frame; anything else is a call in tail position.
		d, ok := s.delta(o)
		if in.Mem && in.Index == insn.None || !in.Mem && (!ok || d == 0) {
			return &Refusal{TailJump, o, fmt.Sprintf("% x", s.Code[o:o+n])}
		}
	}
	return nil
}

// branches checks that control reaches an epilogue only at its start.
func (s *sweep) branches(exits []Exit) error {
	inside := make(map[int]bool, 2*len(exits))
	for _, x := range exits {
		for o := int(x.Places[0].PC-s.Entry) + 1; o <= int(x.Ret-s.Entry); o++ {
			inside[o] = true
		}
	}
	for _, b := range s.targets {
		if !s.isStart(b.to) || inside[b.to] {
			return &Refusal{BranchInside, b.from, fmt.Sprintf("to +%#x", b.to)}
		}
	}
	return nil
}

// exit recognises the epilogue before the RET at offset o.
func (s *sweep) exit(o int) (Exit, error) {
	none := &Refusal{NoEpilogue, o, ""}
	pop := s.beforePadding(o)
	if pop <= 0 || s.Code[pop] != popBP {
		return Exit{}, none
	}
	start := s.before(pop)
	if start < 0 {
		return Exit{}, none
	}
	frame := released(s.Code[start:pop])
	if frame <= 0 {
		none.Detail = "POPQ BP without ADDQ"
		return Exit{}, none
	}
	frame += 8 // the saved BP
	if d, ok := s.delta(start); !ok || d != frame {
		return Exit{}, &Refusal{OddReturn, start, fmt.Sprintf("releases %d bytes of a frame of %d", frame, d)}
	}
	if d, ok := s.delta(pop); !ok || d != 8 {
		return Exit{}, &Refusal{OddReturn, pop, fmt.Sprintf("POPQ BP with %d bytes of frame", d)}
	}
	first := Place{PC: s.Entry + uintptr(start), code: s.Code[start : pop+1]}
	return Exit{s.Entry + uintptr(o), frame, []Place{first}}, nil
}

// before returns the offset of the instruction before the one at o, -1 if it is
// the first.
func (s *sweep) before(o int) int {
	for o--; o >= 0 && !s.isStart(o); o-- {
	}
	return o
}

// beforePadding is before, NOPs passed over.
func (s *sweep) beforePadding(o int) int {
	for o = s.before(o); o >= 0; o = s.before(o) {
		if insn.Decode(s.Code[o:]).Op != insn.Nop {
			break
		}
	}
	return o
}

// released is by how many bytes an instruction that releases a frame does so, 0
// if it is another.
func released(b []byte) int {
	switch {
	case len(b) == 4 && b[0] == 0x48 && b[1] == 0x83 && b[2] == 0xc4: // ADDQ $imm8, SP
		return int(int8(b[3]))
	case len(b) == 4 && b[0] == 0x48 && b[1] == 0x83 && b[2] == 0xec: // SUBQ $-128, SP
		return -int(int8(b[3]))
	case len(b) == 7 && b[0] == 0x48 && b[1] == 0x81 && b[2] == 0xc4: // ADDQ $imm32, SP
		return int(int32(binary.LittleEndian.Uint32(b[3:])))
	}
	return 0
}
