package live

import (
	"os"
	"sync"
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
	case errno == syscall.EPERM || errno == syscall.ENOSYS:
		return readFile(addr, b) // seccomp forbids it
	case errno != 0:
		return errno
	case int(n) != len(b):
		return syscall.EFAULT
	}
	return nil
}

// selfMem is open for good once it has been needed; -1 where it cannot be.
var selfMem = sync.OnceValue(func() int {
	fd, err := syscall.Open("/proc/self/mem", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
})

// readFile is readMemory by the file that is this process's memory, which is slower.
func readFile(addr uintptr, b []byte) error {
	fd := selfMem()
	if fd < 0 {
		return syscall.EPERM
	}
	n, err := syscall.Pread(fd, b, int64(addr))
	if n != len(b) && (err == nil || err == syscall.EIO || err == syscall.EINVAL) {
		return syscall.EFAULT // also of an address that no file has
	}
	return err
}
