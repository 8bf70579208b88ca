//go:build linux && amd64

package jump

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// image is the executable file of this process: what its code should be.
type image struct {
	bias uint64 // address in memory less address in the file
	code []segment
}

type segment struct{ addr, size, off uint64 }

const exePath = "/proc/self/exe"

// auxEntry is AT_ENTRY, the address at which the program was started.
const auxEntry = 9

// Offsets in the ELF header and in program headers, 64 bits.
const (
	elfHeader, elfEntry, elfPhoff, elfPhentsize, elfPhnum = 64, 24, 32, 54, 56

	progHeader, progFlags, progOffset, progAddr, progSize = 56, 4, 8, 16, 32
	progLoad, progExecutable                              = 1, 1
)

// openImage reads the ELF program headers. debug/elf would be more code in the
// host program than these few lines.
func openImage() (*image, error) {
	f, err := os.Open(exePath)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	le := binary.LittleEndian
	h := make([]byte, elfHeader)
	if _, err := f.ReadAt(h, 0); err != nil {
		return nil, err
	}
	if string(h[:5]) != "\x7fELF\x02" || le.Uint16(h[elfPhentsize:]) != progHeader {
		return nil, errors.New("not an ELF file of 64 bits")
	}
	entry, err := auxValue(auxEntry)
	if err != nil {
		return nil, err
	}
	im := &image{bias: entry - le.Uint64(h[elfEntry:])}
	ps := make([]byte, int(le.Uint16(h[elfPhnum:]))*progHeader)
	if _, err := f.ReadAt(ps, int64(le.Uint64(h[elfPhoff:]))); err != nil {
		return nil, err
	}
	for ; len(ps) > 0; ps = ps[progHeader:] {
		if le.Uint32(ps) == progLoad && le.Uint32(ps[progFlags:])&progExecutable != 0 {
			im.code = append(im.code, segment{le.Uint64(ps[progAddr:]) + im.bias, le.Uint64(ps[progSize:]), le.Uint64(ps[progOffset:])})
		}
	}
	return im, nil
}

func auxValue(tag uint64) (uint64, error) {
	b, err := os.ReadFile("/proc/self/auxv")
	if err != nil {
		return 0, err
	}
	for ; len(b) >= 16; b = b[16:] {
		if binary.LittleEndian.Uint64(b) == tag {
			return binary.LittleEndian.Uint64(b[8:]), nil
		}
	}
	return 0, errors.New("/proc/self/auxv: no entry address")
}

// read returns what the file has for the addresses [lo, hi).
func (im *image) read(lo, hi uintptr) ([]byte, error) {
	for _, s := range im.code {
		if uint64(lo) < s.addr || hi < lo || uint64(hi) > s.addr+s.size {
			continue
		}
		fd, err := syscall.Open(exePath, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return nil, &os.PathError{Op: "open", Path: exePath, Err: err}
		}
		defer syscall.Close(fd)
		b := make([]byte, hi-lo)
		for n := 0; n < len(b); {
			m, err := syscall.Pread(fd, b[n:], int64(s.off+uint64(lo)-s.addr)+int64(n))
			if err == syscall.EINTR {
				continue
			}
			if err != nil || m == 0 {
				return nil, &os.PathError{Op: "read", Path: exePath, Err: errors.Join(err, errors.New("code cut short"))}
			}
			n += m
		}
		return b, nil
	}
	return nil, fmt.Errorf("no code of %s at %#x-%#x", exePath, lo, hi)
}

// memory is this process's memory at [lo, hi), which must be mapped and readable.
func memory(lo, hi uintptr) []byte {
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&lo)), hi-lo)
}
