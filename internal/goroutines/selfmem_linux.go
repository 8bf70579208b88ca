package goroutines

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"unsafe"
)

// selfMemory reads the program's own memory through the kernel. Whatever the
// address, the worst that can happen is an error: nothing here dereferences a
// pointer that it did not get from Go.
type selfMemory struct {
	f, pages                *os.File // /proc/self/mem and, once used, pagemap
	pointers, first, second []uint64 // walk's
}

func openSelfMemory() (*selfMemory, error) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		return nil, errors.ErrUnsupported
	}
	f, err := os.Open("/proc/self/mem")
	if err != nil {
		return nil, err
	}
	return &selfMemory{f: f}, nil
}

func (m *selfMemory) close() {
	m.f.Close()
	if m.pages != nil {
		m.pages.Close()
	}
}

// words fills w with what stands at addr.
func (m *selfMemory) words(addr uint64, w []uint64) error {
	n, err := m.some(addr, w)
	if n == len(w) {
		return nil
	}
	return err
}

// some fills w as far as there is memory at addr, and returns the number of
// whole words.
func (m *selfMemory) some(addr uint64, w []uint64) (int, error) {
	if len(w) == 0 {
		return 0, nil
	}
	n, err := m.read(addr, unsafe.Slice((*byte)(unsafe.Pointer(&w[0])), 8*len(w)))
	return n / 8, err
}

// bytes fills b with what stands at addr.
func (m *selfMemory) bytes(addr uint64, b []byte) error {
	_, err := m.read(addr, b)
	return err
}

func (m *selfMemory) read(addr uint64, b []byte) (int, error) {
	if !isAddress(addr) {
		return 0, errors.New("not an address")
	}
	return m.f.ReadAt(b, int64(addr))
}

// region is a stretch of memory.
type region struct{ from, to uint64 }

// variables returns the memory where the program's package variables are: what
// is mapped, readable and writable, without a gap around a variable of ours.
func (m *selfMemory) variables() ([]region, error) {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var found []region
	mine := uint64(uintptr(unsafe.Pointer(&anchor)))
	holds := false
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var r region
		var perms string
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x %s", &r.from, &r.to, &perms); n != 3 {
			continue
		}
		heap := strings.HasSuffix(lines.Text(), "[heap]")
		if len(found) > 0 && (found[len(found)-1].to != r.from || heap || !strings.HasPrefix(perms, "rw")) {
			if holds {
				break
			}
			found = found[:0]
		}
		if strings.HasPrefix(perms, "rw") && !heap {
			found = append(found, r)
			holds = holds || r.from <= mine && mine < r.to
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if !holds {
		return nil, errors.New("/proc/self/maps does not show where the variables are")
	}
	return found, nil
}

// untouched reports whether a stretch of memory has never been written to, as
// far as the kernel tells: it holds nothing but zeros, and need not be read.
func (m *selfMemory) untouched(from, to uint64) bool {
	if m.pages == nil {
		f, err := os.Open("/proc/self/pagemap")
		if err != nil {
			return false
		}
		m.pages = f
	}
	page := uint64(os.Getpagesize())
	first, last := from/page, (to-1)/page
	entries := make([]uint64, last-first+1)
	b := unsafe.Slice((*byte)(unsafe.Pointer(&entries[0])), 8*len(entries))
	if _, err := m.pages.ReadAt(b, int64(8*first)); err != nil {
		return false
	}
	const present, swapped = 1 << 63, 1 << 62
	return !slices.ContainsFunc(entries, func(e uint64) bool { return e&(present|swapped) != 0 })
}

// anchor is a variable whose address shows where the variables are.
var anchor [1]byte
