//go:build !linux

package eval

// endingCalls are the system calls that may end the process, where they have numbers.
var endingCalls []uint64
