//go:build !amd64

package eval

// stubs are functions in assembly, which there are none of here.
var stubs [0]uintptr
