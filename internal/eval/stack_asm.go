//go:build amd64 || arm64

package eval

// stackUsed is the distance from the beginning of the goroutine's stack to here, in
// bytes; stacks grow down from the field stack.hi of g (runtime/runtime2.go).
//
//go:noescape
func stackUsed() uintptr

func stackFull(bool) bool { return stackUsed() > maxStack }
func stackLarge() bool    { return stackUsed() > 1<<20 }
