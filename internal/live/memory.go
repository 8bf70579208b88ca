package live

import (
	"encoding/binary"
	"errors"
	"syscall"
)

// errFault is what reading an address ends with that is not there.
var errFault = errors.New("there is no memory at that address")

// Read copies len(b) bytes of this process's memory at addr. Whatever the address
// is, nothing faults.
func Read(addr uintptr, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if addr < 4096 || addr+uintptr(len(b)) < addr {
		return errFault
	}
	err := readMemory(addr, b)
	if err == syscall.EFAULT {
		return errFault
	}
	return err
}

//go:noinline
func word(b []byte) uintptr { return uintptr(binary.LittleEndian.Uint64(b)) }

//go:noinline
func number(b []byte) int { return int(binary.LittleEndian.Uint64(b)) }

//go:noinline
func half(b []byte) uint32  { return binary.LittleEndian.Uint32(b) }
func short(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }

//go:noinline
func wide(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
func words(addr uintptr, n int) ([]byte, error) {
	b := make([]byte, 8*n)
	return b, Read(addr, b)
}
