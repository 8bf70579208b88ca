package returns

import (
	"encoding/binary"

	"github.com/ispyd/ispyd/internal/abi"
	"github.com/ispyd/ispyd/internal/probes/exits"
)

var le = binary.LittleEndian

// intEncoding are the numbers by which instructions name the integer registers.
var intEncoding = [abi.IntRegs]byte{0, 3, 1, 7, 6, 8, 9, 10, 11}

const opRET = 0xc3

// stubExtra is more than any stub needs beside the code that it moves.
const stubExtra = 64

// errorStub does what the code before the RET does, and goes to routine unless the error is nil.
func errorStub(code []byte, err *abi.Param, site, routine uintptr) []byte {
	b := append(make([]byte, 0, len(code)+stubExtra), code...)
	if l := err.Leaves[0]; l.Where == abi.InInt {
		r, rex := intEncoding[l.N], byte(0x48)
		if r >= 8 {
			rex |= 5
		}
		b = append(b, rex, 0x85, 0xc0|(r&7)<<3|r&7) // TESTQ r, r
	} else {
		b = append(b, 0x48, 0x83, 0xbc, 0x24) // CMPQ off(SP), $0
		b = le.AppendUint32(b, uint32(8+l.N))
		b = append(b, 0)
	}
	b = append(b, 0x75, 1, opRET) // JNE over the RET
	return jumpTo(b, site, routine)
}

// observeStub does what the code before the RET does and goes to routine, which comes back
// to the RET at the end; cont is its offset.
func observeStub(code []byte, site, routine uintptr) (stub []byte, cont int) {
	b := append(make([]byte, 0, len(code)+stubExtra), code...)
	b = jumpTo(b, site, routine)
	return append(b, opRET), len(b)
}

// entryStub does the stack check. If the stack has to grow it goes where the
// function does, which comes to the check again; else to routine, which comes back
// to what follows the check. at is the stub's own address.
func entryStub(at uintptr, check *exits.Check, site, routine uintptr) (code []byte, cont int) {
	b := append(make([]byte, 0, stubExtra), check.Code[:]...)
	jump := func(to uintptr, op ...byte) {
		b = append(b, op...)
		b = le.AppendUint32(b, uint32(int32(int64(to)-int64(at)-int64(len(b))-4)))
	}
	jump(check.More, 0x0f, 0x86) // JBE
	b = jumpTo(b, site, routine)
	cont = len(b)
	jump(check.Enough, 0xe9) // JMP
	return b, cont
}

func jumpTo(b []byte, site, routine uintptr) []byte {
	b = le.AppendUint64(append(b, 0x49, 0xbc), uint64(site))    // MOVQ $site, R12
	b = le.AppendUint64(append(b, 0x49, 0xbd), uint64(routine)) // MOVQ $routine, R13
	return append(b, 0x41, 0xff, 0xe5)                          // JMP R13
}
