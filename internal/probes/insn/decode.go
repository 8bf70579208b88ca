package insn

import "encoding/binary"

// decoder is an instruction, and what has been seen of it.
type decoder struct {
	Inst
	b  []byte
	at int

	rex    byte // 0: none
	rep    byte // the last of F2 and F3; 0: none
	data16 bool
	lock   bool

	twoByte, threeByte bool // which map the opcode is of
	opcode             byte
	modRM              bool // there is one, of which the next three are, without REX
	mod, reg, rm       byte
}

func (d *decoder) has(bit byte) bool { return d.rex&bit != 0 }

// next returns the next byte; what is behind the end makes the instruction too long.
func (d *decoder) next() byte {
	d.at++
	if d.at > len(d.b) {
		return 0
	}
	return d.b[d.at-1]
}

func (d *decoder) decode() bool {
	op := d.prefixes()
	what := byte('-')
	switch {
	case op != 0x0f:
		what = oneByte[op]
	default:
		d.twoByte = true
		op = d.next()
		switch op {
		case 0x38, 0x3a:
			d.threeByte = true
			opcodes, letter := &threeByte38, byte('m')
			if op == 0x3a {
				opcodes, letter = &threeByte3A, 'B'
			}
			op = d.next()
			if opcodes[op>>6]>>(op&63)&1 != 0 {
				what = letter
			}
		default:
			what = twoByte[op]
		}
	}
	d.opcode = op
	if d.at > len(d.b) || what == '-' {
		return false
	}
	switch what {
	case 'm', 'B', 'Z', 't', 'T':
		if !d.operand() || !d.defined() {
			return false
		}
	case 'r':
		d.next()
	}
	if d.lock && !(d.modRM && d.Mem) {
		return false // only what changes memory can be locked
	}
	if !d.immediate(what) {
		return false
	}
	if d.at <= len(d.b) {
		d.classify()
	}
	return true
}

// prefixes reads all before the opcode, and its first byte (SDM 2.1.1 and 2.2.1).
func (d *decoder) prefixes() byte {
	for {
		switch c := d.next(); c {
		case 0xf0:
			d.lock = true
		case 0xf2, 0xf3:
			d.rep = c
		case 0x26, 0x2e, 0x36, 0x3e: // segments without meaning in 64-bit mode
		case 0x64, 0x65:
			d.Segment = true
		case 0x66:
			d.data16 = true
		case 0x67:
			d.Addr32 = true
		default:
			if c&0xf0 == 0x40 {
				d.rex = c
				c = d.next()
			}
			return c
		}
	}
}

// operand reads ModRM, SIB and the displacement (SDM 2.1.3 to 2.1.5, 2.2.1.6).
func (d *decoder) operand() bool {
	c := d.next()
	d.modRM, d.mod, d.reg, d.rm = true, c>>6, c>>3&7, c&7
	if d.mod == 3 {
		return true
	}
	d.Mem = true
	base := d.rm
	if d.rm == 4 {
		sib := d.next()
		base = sib & 7
		index := sib >> 3 & 7
		if d.has(rexX) {
			index |= 8
		}
		if index != 4 { // RSP is no index
			d.Index = Reg(index)
		}
	}
	size := [...]int{0, 1, 4}[d.mod]
	switch {
	case base == 5 && d.mod == 0:
		size = 4
		if d.rm == 5 {
			d.Base = RIP
		}
	case d.has(rexB):
		d.Base = Reg(base | 8)
	default:
		d.Base = Reg(base)
	}
	switch d.at += size; {
	case d.at > len(d.b):
		return false
	case size == 1:
		d.Disp = int32(int8(d.b[d.at-1]))
	case size == 4:
		d.DispAt = d.at - 4
		d.Disp = int32(binary.LittleEndian.Uint32(d.b[d.DispAt:]))
	}
	return true
}

// defined looks whether the opcode is defined with its ModRM.
func (d *decoder) defined() bool {
	forms := oneByteForms[:]
	switch {
	case d.threeByte:
		return true
	case d.twoByte:
		forms = twoByteForms[:]
		switch d.opcode {
		case 0x78: // EXTRQ and INSERTQ of AMD have immediates
			if d.rep != 0 || d.data16 {
				return false
			}
		case 0xb8: // JMPE of another architecture
			if d.rep != 0xf3 {
				return false
			}
		}
	case d.opcode&^7 == 0xd8 && d.mod == 3:
		return x87[d.opcode&7]>>(d.reg<<3|d.rm)&1 != 0
	}
	for _, f := range forms {
		if f.from <= d.opcode && d.opcode <= f.to {
			if d.mod == 3 {
				return f.reg>>d.reg&1 != 0
			}
			return f.mem>>d.reg&1 != 0
		}
	}
	return true
}

// immediate reads what comes last.
func (d *decoder) immediate(what byte) bool {
	z := 4
	if d.data16 && !d.has(rexW) {
		z = 2
	}
	switch what {
	case 'b', 'B':
		d.at++
	case 'w':
		d.at += 2
	case 'e':
		d.at += 3
	case 'z', 'Z':
		d.at += z
	case 'v':
		if d.has(rexW) {
			z = 8
		}
		d.at += z
	case 'o':
		d.Mem = true
		d.at += 8
		if d.Addr32 {
			d.at -= 4
		}
	case 't':
		if d.reg < 2 {
			d.at++
		}
	case 'T':
		if d.reg < 2 {
			d.at += z
		}
	case 'j':
		d.Rel = int32(int8(d.next()))
	case 'J':
		if d.at += 4; d.at <= len(d.b) {
			d.Rel = int32(binary.LittleEndian.Uint32(d.b[d.at-4:]))
		}
	}
	// Intel's processors ignore the prefix on a relative branch, AMD's do not.
	return !(what == 'j' || what == 'J') || z == 4
}
