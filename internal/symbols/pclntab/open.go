//go:build linux && amd64 && go1.26 && !go1.27

// The build tags name the verified versions, as the table does: a Go that takes
// the linked name away must not break anybody's build.

package pclntab

import (
	"sync"
	"unsafe"
)

// lastmoduledatap is the one way to the tables that the runtime leaves open
// (runtime/symtab.go: "do not remove or change the type signature").
//
//go:linkname lastmoduledatap runtime.lastmoduledatap
var lastmoduledatap *[moduleWords]uint64

var running = sync.OnceValues(func() (*Table, error) {
	v, err := Current()
	if err != nil {
		return nil, err
	}
	return newTable(lastmoduledatap[:], v, func(addr, n uint64) []byte {
		// Read-only data of the program, there as long as it runs.
		at := uintptr(addr)
		return unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), n)
	})
})

// Open returns the table of the running program. It reads memory only, and once.
// The error is errors.ErrUnsupported where the layout is not a verified one:
// another platform or Go version, a program with plugins.
func Open() (*Table, error) { return running() }
