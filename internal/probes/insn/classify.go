package insn

// classify says what the instruction is.
func (d *decoder) classify() {
	switch {
	case d.threeByte:
	case d.twoByte:
		d.classify0F()
	default:
		d.Op = d.classifyOneByte()
	}
	switch d.Op {
	case Mov, Move, Lea, Xor:
		d.SP = d.touchesSP()
	}
}

func (d *decoder) classifyOneByte() Op {
	switch op := d.opcode; {
	case op&^7 == 0x28 && op < 0x2e:
		return Sub
	case op&^7 == 0x30 && op < 0x36:
		return Xor
	case op&^7 == 0x38 && op < 0x3e:
		return Cmp
	case op&^3 == 0x80: // group 1
		return [8]Op{5: Sub, 6: Xor, 7: Cmp}[d.reg]
	case op == 0x63:
		return Move
	case op&^0xf == 0x70:
		return jcc(op)
	case op&^3 == 0x88, op&^3 == 0xa0, op&^0xf == 0xb0, op&^1 == 0xc6:
		return Mov
	case op == 0x8d:
		return Lea
	case op == 0x90 && !d.has(rexB) && d.rep != 0xf3: // XCHG with R8, PAUSE
		return Nop
	case op&^1 == 0xc2:
		return Ret
	case op&^1 == 0xca, op == 0xcf:
		return FarRet
	case op&^3 == 0xe0:
		return Branch
	case op == 0xe8:
		return Call
	case op == 0xe9, op == 0xeb:
		return Jump
	case op == 0xff: // group 5
		return [8]Op{2: Call, 3: Call, 4: JumpTo, 5: FarJump}[d.reg]
	}
	return Other
}

func jcc(op byte) Op {
	switch op & 0xf {
	case 2:
		return JB
	case 6:
		return JBE
	}
	return Branch
}

func (d *decoder) classify0F() {
	// Which instruction of four it is (SDM 2.1.2): F2 and F3 come before 66.
	prefix := d.rep
	if prefix == 0 && d.data16 {
		prefix = 0x66
	}
	switch op := d.opcode; {
	case op == 0x07, op == 0x35:
		d.Op = FarRet
	case op == 0x10, op == 0x11:
		if prefix != 0x66 { // MOVUPS, MOVSS, MOVSD
			d.Op = Move
		}
	case op == 0x1f && d.reg == 0:
		d.Op = Nop
	case op == 0x28, op == 0x29, op == 0x6f, op == 0x7f: // MOVAPS, MOVQ
		if prefix == 0 {
			d.Op = Move
		}
	case op == 0x57:
		if prefix == 0 {
			d.Op = Xor
		}
	case op == 0x6e: // MOVD, MOVQ
		if prefix == 0 || prefix == 0x66 {
			d.Op = Move
		}
	case op == 0x7e:
		if prefix != 0xf2 {
			d.Op = Move
		}
	case op == 0xd6:
		if prefix == 0x66 {
			d.Op = Move
		}
	case op&^0xf == 0x80:
		d.Op = jcc(op)
	case op&^1 == 0xb6, op&^1 == 0xbe:
		d.Op = Move
	}
}

// touchesSP reports whether the stack pointer is a register operand. Number 4 of
// the registers of a byte is another, AH, unless there is REX (SDM 2.2.1.2).
func (d *decoder) touchesSP() bool {
	const sp = 4
	op := d.opcode
	byteOp := op&1 == 0 && d.rex == 0
	switch {
	case d.twoByte && op&^9 == 0xb6: // MOVZX, MOVSX
		return d.reg == sp && !d.has(rexR) || d.mod == 3 && d.rm == sp && !d.has(rexB) && !byteOp
	case d.twoByte:
		gp := op == 0x6e || op == 0x7e && d.rep != 0xf3 // others have vector registers only
		return gp && d.mod == 3 && d.rm == sp && !d.has(rexB)
	case op&^0xf == 0xb0:
		return op&7 == sp && !d.has(rexB) && (op >= 0xb8 || d.rex != 0)
	case !d.modRM: // of AX
		return false
	case op == 0x63, op == 0x8d:
		byteOp = false
	}
	if byteOp {
		return false
	}
	group := op&^3 == 0x80 || op&^1 == 0xc6 // reg is no register
	return !group && d.reg == sp && !d.has(rexR) || d.mod == 3 && d.rm == sp && !d.has(rexB)
}
