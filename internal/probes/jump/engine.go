//go:build linux && amd64

package jump

import (
	"bytes"
	"errors"
	"fmt"
	"sort"
	"sync"

	"github.com/ispyd/ispyd/internal/symbols/pclntab"
)

// mu guards what follows, and the changing of code.
var (
	mu       sync.Mutex
	running  *engine
	sites    = map[uintptr]*Site{}
	landings []uintptr // sorted
	pages    = map[uintptr]bool{}
)

// engine is what has been verified of this process.
type engine struct {
	table *pclntab.Table
	image *image
}

// start verifies once what cannot change. It is called with mu held.
func start() (*engine, error) {
	if running != nil {
		return running, nil
	}
	registered := make(chan error, 1)
	go func() { registered <- register() }() // it waits, the rest computes
	t, err := pclntab.Open()
	if err != nil {
		return nil, err
	}
	im, err := openImage()
	if err != nil {
		return nil, fmt.Errorf("the executable file: %w", err)
	}
	e := &engine{t, im}
	// The start of the code tells whether this is the file that runs.
	m := t.Module()
	b, err := im.read(m.Text, m.Text+min(pageSize, m.Etext-m.Text))
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(b, memory(m.Text, m.Text+uintptr(len(b)))) {
		return nil, fmt.Errorf("the code in memory is not that of %s: %w", exePath, errors.ErrUnsupported)
	}
	if err := <-registered; err != nil {
		return nil, err
	}
	running = e
	return e, nil
}

// Prepare does what the first site would wait for, some 10 ms while the kernel
// gets ready for barriers. It changes no code.
func Prepare() error {
	mu.Lock()
	defer mu.Unlock()
	_, err := start()
	return err
}

// Code returns the bytes that the executable file has for the addresses [lo, hi)
// of the running program: its code without anybody's changes.
func Code(lo, hi uintptr) ([]byte, error) {
	mu.Lock()
	e, err := start()
	mu.Unlock()
	if err != nil {
		return nil, err
	}
	return e.image.read(lo, hi)
}

// Patched lists the bytes that are changed at the moment, by address.
func Patched() []Patch {
	mu.Lock()
	defer mu.Unlock()
	var out []Patch
	for _, s := range sorted() {
		if s.armed {
			out = append(out, Patch{s.addr, funcName(s.addr)})
		}
	}
	return out
}

// Close restores every site. They can be armed again.
func Close() error { return Restore(all()...) }

func all() []*Site {
	mu.Lock()
	defer mu.Unlock()
	return sorted()
}

// maxDifferences bounds what Verify returns.
const maxDifferences = 1000

// Verify compares the program's code with the executable file. It returns what
// differs, by address, at most 1000 bytes: nothing after Close.
func Verify() ([]Difference, error) {
	mu.Lock()
	defer mu.Unlock()
	e, err := start()
	if err != nil {
		return nil, err
	}
	const piece = 1 << 18
	var out []Difference
	m := e.table.Module()
	for lo := m.Text; lo < m.Etext; lo += piece {
		file, err := e.image.read(lo, min(lo+piece, m.Etext))
		if err != nil {
			return nil, err
		}
		now := memory(lo, lo+uintptr(len(file)))
		if bytes.Equal(file, now) {
			continue
		}
		for i, b := range file {
			if a := lo + uintptr(i); now[i] != b && len(out) < maxDifferences {
				s := sites[a]
				out = append(out, Difference{a, funcName(a), now[i], b, s != nil && s.armed})
			}
		}
	}
	return out, nil
}

func funcName(addr uintptr) string {
	f, _ := running.table.Func(addr)
	return f.Name()
}

// sorted returns the sites by address.
func sorted() []*Site {
	out := make([]*Site, 0, len(sites))
	for _, s := range sites {
		out = append(out, s)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].addr < out[j].addr })
	return out
}
