package insn

// vexLen is the length in bytes of the VEX or EVEX instruction at the start of b,
// and 0 when there is none. Little of it depends
// on the opcode: ModRM, SIB and displacement are as everywhere, and few have an
// immediate (Intel SDM volume 2, 2.3 and 2.7).
func vexLen(b []byte) int {
	if len(b) < 3 {
		return 0
	}
	var n int  // bytes before the opcode
	var m byte // opcode map
	switch b[0] {
	case 0xc5:
		n, m = 2, 1
	case 0xc4:
		n, m = 3, b[1]&0x1f
	case 0x62:
		if b[1]&8 != 0 || b[2]&4 == 0 { // reserved, until APX
			return 0
		}
		n, m = 4, b[1]&7
	default:
		return 0
	}
	if len(b) <= n || m == 0 || b[0] != 0x62 && m > 3 || m == 4 || m > 6 {
		return 0
	}
	op := b[n]
	n++
	if m == 1 && op == 0x77 && b[0] != 0x62 { // VZEROUPPER, VZEROALL
		return n
	}
	if len(b) <= n {
		return 0
	}
	mod, rm := b[n]>>6, b[n]&7
	n++
	switch {
	case mod == 3:
	case rm == 4:
		if len(b) <= n {
			return 0
		}
		if mod == 0 && b[n]&7 == 5 {
			n += 4
		}
		n++
	case mod == 0 && rm == 5:
		n += 4
	}
	switch mod {
	case 1:
		n++
	case 2:
		n += 4
	}
	switch {
	case m == 3:
		n++
	case m == 1 && (op >= 0x70 && op <= 0x73 || op == 0xc2 || op >= 0xc4 && op <= 0xc6):
		n++
	}
	if n > len(b) {
		return 0
	}
	return n
}
