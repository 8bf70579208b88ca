//go:build !go1.28

package debugger

import "unsafe"

//go:linkname labelPointer runtime/pprof.runtime_getProfLabel
func labelPointer() unsafe.Pointer
