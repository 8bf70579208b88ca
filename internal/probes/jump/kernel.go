//go:build linux && amd64

package jump

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

const (
	pageSize            = 4096
	mapFixedNoReplace   = 0x100000 // Linux 4.17; older kernels take it for a hint
	sysMembarrier       = 324
	barrierSyncCore     = 1 << 5
	barrierRegisterCore = 1 << 6
	maxTasks            = 4096
	memPath             = "/proc/self/mem"
)

// mapExecutable maps size bytes that can be read and executed, at exactly addr.
func mapExecutable(addr, size uintptr) error {
	got, _, errno := syscall.RawSyscall6(syscall.SYS_MMAP, addr, size, syscall.PROT_READ|syscall.PROT_EXEC,
		syscall.MAP_PRIVATE|syscall.MAP_ANONYMOUS|mapFixedNoReplace, ^uintptr(0), 0)
	switch {
	case errno == syscall.EEXIST:
		return fmt.Errorf("the page at %#x is taken: %w", addr, errors.ErrUnsupported)
	case errno != 0:
		return fmt.Errorf("executable mapping at %#x: %w", addr, errno)
	case got != addr:
		syscall.RawSyscall(syscall.SYS_MUNMAP, got, size, 0)
		return fmt.Errorf("the page at %#x is taken: %w", addr, errors.ErrUnsupported)
	}
	return nil
}

// poke writes code. The file is opened each time: a descriptor that is kept may
// be closed by the host, and be another file when it is wanted.
func poke(addr uintptr, code []byte) error {
	fd, err := syscall.Open(memPath, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: memPath, Err: err}
	}
	defer syscall.Close(fd)
	for {
		n, err := syscall.Pwrite(fd, code, int64(addr))
		if err == syscall.EINTR {
			continue
		}
		if err == nil && (n != len(code) || !bytes.Equal(memory(addr, addr+uintptr(n)), code)) {
			err = errors.New("the write had no effect: is /proc that of another process?")
		}
		if err != nil {
			return &os.PathError{Op: "write", Path: memPath, Err: err}
		}
		return nil
	}
}

// barrier makes every thread of the process serialise its instructions before it returns.
func barrier() error { return membarrier(barrierSyncCore) }

// register announces barriers to the kernel. The first time it may wait for some
// 10 ms, for a grace period of RCU.
func register() error { return membarrier(barrierRegisterCore) }

func membarrier(command uintptr) error {
	if _, _, errno := syscall.Syscall(sysMembarrier, command, 0, 0); errno != 0 {
		return fmt.Errorf("membarrier(%d): %w", command, errno)
	}
	return nil
}

// TracedError says that a debugger or strace is attached. It is syscall.EBUSY.
type TracedError struct {
	PID  int    // of the tracer
	Name string // of the tracer, empty if unknown
}

func (e *TracedError) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("this process is traced by process %d", e.PID)
	}
	return fmt.Sprintf("this process is traced by process %d (%s)", e.PID, e.Name)
}

func (e *TracedError) Unwrap() error { return syscall.EBUSY }

// Untraced returns a *TracedError while any thread of this process is traced.
func Untraced() error {
	// Each thread has a tracer of its own: strace -p without -f takes one alone.
	pid, err := tracerIn("/proc/self/status")
	if err != nil {
		return err
	}
	if pid == 0 {
		dir, err := os.Open("/proc/self/task")
		if err != nil {
			return err
		}
		names, err := dir.Readdirnames(maxTasks)
		dir.Close()
		if err != nil {
			return err
		}
		for _, n := range names {
			// A thread that has ended since has no tracer.
			if pid, err = tracerIn("/proc/self/task/" + n + "/status"); err == nil && pid != 0 {
				break
			}
		}
	}
	if pid == 0 {
		return nil
	}
	comm, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	return &TracedError{pid, string(bytes.TrimSpace(comm))}
}

func tracerIn(path string) (int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	_, b, ok := bytes.Cut(b, []byte("\nTracerPid:"))
	b, _, ok2 := bytes.Cut(b, []byte("\n"))
	pid, err := strconv.Atoi(string(bytes.TrimSpace(b)))
	if !ok || !ok2 || err != nil {
		return 0, fmt.Errorf("%s: no TracerPid", path)
	}
	return pid, nil
}
