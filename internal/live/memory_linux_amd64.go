package live

import (
	"os"
	"syscall"
	"unsafe"
)

// sysReadv is process_vm_readv(2).
const sysReadv = 310

var self = os.Getpid()

type iovec struct {
	base uintptr
	len  uint64
}

// readMemory copies len(b) bytes at addr.
func readMemory(addr uintptr, b []byte) error {
	local := iovec{uintptr(unsafe.Pointer(&b[0])), uint64(len(b))}
	remote := iovec{addr, uint64(len(b))}
	n, _, errno := syscall.RawSyscall6(sysReadv, uintptr(self), uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
	switch {
	case errno != 0:
		return errno
	case int(n) != len(b):
		return syscall.EFAULT
	}
	return nil
}
