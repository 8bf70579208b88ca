package symbols

import (
	"os"
	"syscall"
)

func mapFile(f *os.File, size int) (mapped, error) {
	b, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ, syscall.MAP_SHARED)
	return mapped(b), err
}

// drop gives the pages back; they come again when they are read.
func (m mapped) drop() { syscall.Madvise(m, syscall.MADV_DONTNEED) }

func (m mapped) unmap() { syscall.Munmap(m) }
