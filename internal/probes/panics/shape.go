package panics

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ispyd/ispyd/internal/symbols/pclntab"
)

// shape is where things are in gopanic, in bytes from its start.
type shape struct {
	site   int // CMPQ, which becomes the jump
	branch int // JBE
	resume int // PUSHQ BP
	guard  int // how far below SP the check looks
}

// shapeOf recognises the start of gopanic, its check of the stack. Nothing but
// these instructions may come before the frame is set up:
//
//	[LEAQ -guard(SP), R12]
//	CMPQ R12 or SP, 16(R14)
//	JBE  …
//	PUSHQ BP
//	MOVQ SP, BP
//
// The comparison is four bytes; the fourth of the jump's distance is the first
// of JBE: 0f or 76, 0.25 or 1.98 GB ahead. PUSHQ BP would do as well, but there
// debuggers put the breakpoint of a function on the last of the five bytes, the
// first behind the prologue, and would send the jump astray.
func shapeOf(code []byte) (shape, error) {
	var s shape
	at := 0
	take := func(wild int, bytes ...byte) bool {
		if len(code)-at < len(bytes)+wild || string(code[at:at+len(bytes)]) != string(bytes) {
			return false
		}
		at += len(bytes) + wild
		return true
	}
	small := false
	switch {
	case take(1, 0x4c, 0x8d, 0x64, 0x24):
		s.guard = -int(int8(code[at-1]))
	case take(4, 0x4c, 0x8d, 0xa4, 0x24):
		s.guard = -int(int32(binary.LittleEndian.Uint32(code[at-4:])))
	default:
		small = true
	}
	s.site = at
	known := s.guard >= 0 && (!small && take(0, 0x4d, 0x3b, 0x66, 0x10) || small && take(0, 0x49, 0x3b, 0x66, 0x10))
	s.branch = at
	known = known && (take(4, 0x0f, 0x86) || take(1, 0x76))
	s.resume = at
	if !known || !take(0, 0x55, 0x48, 0x89, 0xe5) {
		return shape{}, fmt.Errorf("runtime.gopanic starts with % x, not with a check of the stack and a frame", code[:min(len(code), 24)])
	}
	return s, nil
}

// confirm checks that gopanic itself asks for what enter asks for, at the same
// places: patch releases may differ from what the table of versions says.
func confirm(code []byte, v pclntab.Version) error {
	for _, c := range []struct {
		what    string
		present bool
	}{
		{"g.m", has(code, []byte{0x49, 0x8b}, 0x46, byte(v.GM))},
		{"m.curg", has(code, []byte{0x48, 0x39}, 0x80, le32(v.MCurg)...) || has(code, []byte{0x4c, 0x39}, 0x80, le32(v.MCurg)...)},
		{"m.mallocing", has(code, []byte{0x83}, 0xb8, append(le32(v.MMallocing), 0)...)},
		{"m.preemptoff", has(code, []byte{0x48, 0x83}, 0xb8, append(le32(v.MPreemptoff), 0)...)},
		{"m.locks", has(code, []byte{0x83}, 0xb8, append(le32(v.MLocks), 0)...)},
	} {
		if !c.present {
			return errors.New("runtime.gopanic does not look at " + c.what + " where expected")
		}
	}
	return nil
}

func le32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }

// has looks for an instruction: opcode, a ModRM byte that is modrm but for the
// registers that the compiler chose, and the rest. For 46 (a displacement of one
// byte from R14) the destination is free, for b8 (a comparison with a constant)
// the base, for 80 both.
func has(code, opcode []byte, modrm byte, rest ...byte) bool {
	mask := map[byte]byte{0x46: 0xc7, 0xb8: 0xf8, 0x80: 0xc0}[modrm]
	n := len(opcode)
	for i := 0; i+n+1+len(rest) <= len(code); i++ {
		if string(code[i:i+n]) == string(opcode) && code[i+n]&mask == modrm&mask && string(code[i+n+1:i+n+1+len(rest)]) == string(rest) {
			return true
		}
	}
	return false
}
