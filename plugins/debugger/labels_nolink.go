//go:build go1.28

package debugger

import "unsafe"

// labelPointer is to be looked at for each version of Go.
func labelPointer() unsafe.Pointer { return nil }
