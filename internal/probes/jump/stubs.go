//go:build linux && amd64

package jump

import (
	"fmt"
	"syscall"
)

// Stubs lie between these distances above the program's code, out of the way of
// the usual landings and within reach of relative jumps from and to the code.
const (
	stubsFrom  = 0x38000000
	stubsTo    = 0x48000000
	stubsStep  = 1 << 20
	stubsChunk = 1 << 16
	stubAlign  = 16
	// MaxStubs bounds all stubs together, in bytes.
	MaxStubs = 16 << 20
)

// arena is executable memory, under mu. Stubs are never freed.
var arena struct {
	next, end uintptr
	search    uintptr // where to look for the next chunk
	total     uintptr
}

// Stub places code in executable memory from where a relative jump reaches the
// program's code. emit is called with the address, aligned to 16 bytes, and
// returns at most size bytes of code. Stubs stay for the life of the process:
// keep what you made for a place, and use it again.
func Stub(size int, emit func(at uintptr) []byte) (uintptr, error) {
	mu.Lock()
	defer mu.Unlock()
	e, err := start()
	if err != nil {
		return 0, err
	}
	if size <= 0 || size > stubsChunk {
		return 0, fmt.Errorf("a stub of %d bytes: %w", size, syscall.EINVAL)
	}
	need := (uintptr(size) + stubAlign - 1) &^ (stubAlign - 1)
	if arena.next+need > arena.end {
		if err := grow(e.table.Module().Text &^ (stubsStep - 1)); err != nil {
			return 0, err
		}
	}
	at := arena.next
	code := emit(at)
	if len(code) > size {
		return 0, fmt.Errorf("a stub of %d bytes, %d announced: %w", len(code), size, syscall.EINVAL)
	}
	if err := poke(at, code); err != nil {
		return 0, err
	}
	arena.next += need
	return at, nil
}

func grow(text uintptr) error {
	if arena.total+stubsChunk > MaxStubs {
		return fmt.Errorf("%d bytes of stubs in use: %w", arena.total, syscall.ENOSPC)
	}
	var err error
	for at := max(arena.search, text+stubsFrom); at < text+stubsTo; at += stubsChunk {
		if err = mapExecutable(at, stubsChunk); err == nil {
			arena.next, arena.end = at, at+stubsChunk
			arena.search = at + stubsChunk
			arena.total += stubsChunk
			return nil
		}
		at += stubsStep - stubsChunk
	}
	return err
}
