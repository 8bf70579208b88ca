package minicore

import (
	"bytes"
	"runtime"
)

// savingFunction is what compiled code calls where an index is out of bounds. It
// saves the registers, to say what the index was (runtime/asm_amd64.s).
const savingFunction = "runtime.panicBounds"

// savingCode is how it does that: the frame of 144 bytes, then AX at 16(SP), CX,
// DX, BX, BP at 56(SP), SI, DI, R8 to R13, R15 at 136(SP). Of other code nothing is
// believed.
var savingCode = []byte("\x55\x48\x89\xe5\x48\x81\xec\x90\x00\x00\x00" +
	"\x48\x89\x44\x24\x10\x48\x89\x4c\x24\x18\x48\x89\x54\x24\x20\x48\x89\x5c\x24\x28" +
	"\x48\x89\x6c\x24\x38\x48\x89\x74\x24\x40\x48\x89\x7c\x24\x48" +
	"\x4c\x89\x44\x24\x50\x4c\x89\x4c\x24\x58\x4c\x89\x54\x24\x60\x4c\x89\x5c\x24\x68" +
	"\x4c\x89\x64\x24\x70\x4c\x89\x6c\x24\x78\x4c\x89\xbc\x24\x88\x00\x00\x00")

const savingFrame = 144

// savedRegisters are the registers that a frame of the saving function has saved.
func savedRegisters(mem *memory, stack []byte, addr uint64, saver Frame) (r Registers, ok bool) {
	if saver.PC == 0 {
		return r, false
	}
	f := runtime.FuncForPC(saver.PC - 1)
	code := make([]byte, len(savingCode))
	if f == nil || mem.read(uint64(f.Entry()), code) != nil || !bytes.Equal(code, savingCode) {
		return r, false
	}
	sp := uint64(saver.BP) - savingFrame
	if sp < addr || sp-addr+savingFrame > uint64(len(stack)) {
		return r, false
	}
	at := func(offset uint64) uint64 { return le.Uint64(stack[sp-addr+offset:]) }
	return Registers{
		RAX: at(16), RCX: at(24), RDX: at(32), RBX: at(40), RSI: at(64), RDI: at(72), R8: at(80), R9: at(88),
		R10: at(96), R11: at(104), R12: at(112), R13: at(120), R15: at(136),
	}, true
}
