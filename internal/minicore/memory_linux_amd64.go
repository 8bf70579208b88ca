package minicore

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// memory reads this process's own memory without ever faulting.
type memory struct {
	pid int
	// file is /proc/self/mem where process_vm_readv is denied, else nil.
	file *os.File
}

// openMemory finds a way that works: a seccomp filter may deny the system call.
func openMemory(pid int) (*memory, error) {
	m := &memory{pid: pid}
	b := []byte{0}
	probe := []unix.RemoteIovec{{Base: addressOf(b), Len: 1}}
	to := make([]byte, 1)
	if _, err := unix.ProcessVMReadv(pid, []unix.Iovec{{Base: &to[0], Len: 1}}, probe, 0); err == nil {
		return m, nil
	} else if f, fileErr := os.Open("/proc/self/mem"); fileErr == nil {
		if _, fileErr = f.ReadAt(to, int64(probe[0].Base)); fileErr == nil {
			m.file = f
			return m, nil
		}
		f.Close()
		return nil, fmt.Errorf("own memory cannot be read: process_vm_readv: %w; /proc/self/mem: %w", err, fileErr)
	} else {
		return nil, fmt.Errorf("own memory cannot be read: process_vm_readv: %w; %w", err, fileErr)
	}
}

// read fills b with what is at addr, or fails.
func (m *memory) read(addr uint64, b []byte) error {
	if n, err := m.readSome(addr, b); err != nil || n < len(b) {
		return fmt.Errorf("%d of %d bytes at %#x: %w", n, len(b), addr, errors.Join(err, io.ErrUnexpectedEOF))
	}
	return nil
}

// readSome reads up to the first address that cannot be read.
func (m *memory) readSome(addr uint64, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if m.file != nil {
		n, err := m.file.ReadAt(b, int64(addr))
		if n > 0 {
			err = nil
		}
		return n, err
	}
	return unix.ProcessVMReadv(m.pid, []unix.Iovec{{Base: &b[0], Len: uint64(len(b))}},
		[]unix.RemoteIovec{{Base: uintptr(addr), Len: len(b)}}, 0)
}

// batch is how many pieces one system call reads: IOV_MAX is 1024.
const batch = 512

// readPieces reads the pieces at the addresses one behind the other into b, and
// calls got with each that could be read.
func (m *memory) readPieces(iov []unix.RemoteIovec, addrs []uint64, b []byte, got func(addr uint64, data []byte)) {
	for len(addrs) > 0 {
		n := min(len(addrs), batch)
		done := 0
		switch {
		case m.file != nil:
			for done < n {
				data := b[done*piece : (done+1)*piece]
				if k, err := m.file.ReadAt(data, int64(addrs[done])); err == nil && k == piece {
					got(addrs[done], data)
				}
				done++
			}
		default:
			iov = iov[:0]
			for _, a := range addrs[:n] {
				iov = append(iov, unix.RemoteIovec{Base: uintptr(a), Len: piece})
			}
			k, err := unix.ProcessVMReadv(m.pid, []unix.Iovec{{Base: &b[0], Len: uint64(n * piece)}}, iov, 0)
			if err != nil {
				k = 0
			}
			for done < k/piece {
				got(addrs[done], b[done*piece:(done+1)*piece])
				done++
			}
			// It stops at what cannot be read; that one is left out.
			if done < n {
				done++
			}
		}
		addrs, b = addrs[done:], b[done*piece:]
	}
}
