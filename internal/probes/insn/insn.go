// Package insn tells of the machine code of 64-bit x86 how long each instruction is
// and, of the few instructions that matter to one who wants to know where a function
// branches and returns, which it is and what its operands are.
//
// The source is the Intel Software Developer's Manual, volume 2: chapter 2 for the
// layout (prefixes, ModRM, SIB, displacement, immediate), appendix A for the tables.
// What they do not define in 64-bit mode is not decoded, nor is what processors do
// not agree about, so that a caller refuses code rather than misreads it.
package insn

// An Op is what an instruction does, as far as that is told apart.
type Op uint8

const (
	Other  Op = iota // none of those below
	Vector           // encoded with VEX or EVEX, and neither branches nor returns
	Ret              // near, with or without an operand
	FarRet           // a far return, IRET, SYSRET, SYSEXIT
	Call             // of any kind; Inst.Rel is set if it is relative
	Jump             // relative
	JumpTo           // through a register or memory
	FarJump
	JB
	JBE
	Branch // any other conditional relative jump, LOOP and JRCXZ among them
	Nop    // 90 or 0F 1F /0
	Cmp
	Sub
	Lea
	Xor  // also XORPS
	Mov  // between general registers, memory and immediates, without conversion
	Move // MOVZX, MOVSX, MOVSXD, and simple moves of vector registers
)

// A Reg is the number of a general register: 4 is RSP.
type Reg int8

const (
	None Reg = -1
	RSP  Reg = 4
	RIP  Reg = 16
)

// An Inst is an instruction.
type Inst struct {
	Len int // in bytes; 0: not decoded
	Op  Op
	// Rel is where a relative jump or call goes, from the end of the instruction.
	Rel int32
	// The rest is of the operands. Mem: one is memory, or an address as LEA's.
	Mem         bool
	Base, Index Reg // of Mem; None without
	Segment     bool
	Addr32      bool  // addresses have 32 bits
	Disp        int32 // of Mem
	DispAt      int   // offset in the instruction of Disp, 0 if it has none of four bytes
	SP          bool  // the stack pointer is a register operand; told of Mov, Move, Lea and Xor only
}

const (
	rexB = 1 << iota
	rexX
	rexR
	rexW
)

// maxLen is the length that no instruction exceeds (SDM 2.3.11).
const maxLen = 15

// Decode decodes the instruction at the start of b.
func Decode(b []byte) Inst {
	if len(b) == 0 {
		return Inst{}
	}
	if b[0] == 0xc4 || b[0] == 0xc5 || b[0] == 0x62 {
		n := vexLen(b)
		if n > maxLen {
			n = 0
		}
		return Inst{Len: n, Op: Vector, Base: None, Index: None}
	}
	b = b[:min(len(b), maxLen)]
	d := decoder{b: b, Inst: Inst{Base: None, Index: None}}
	if !d.decode() || d.at > len(b) {
		return Inst{}
	}
	d.Len = d.at
	return d.Inst
}
