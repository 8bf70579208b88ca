//go:build !amd64 && !arm64

package eval

import "runtime"

func stackLarge() bool { return false }

// Counting takes time: it is done where the program calls the session. The session's
// own calls are counted by the thread.
func stackFull(back bool) bool { return back && manyFrames() }

// manyFrames says that there are more frames on the stack than maxStack usually has
// room for, for where its size is not known.
func manyFrames() bool {
	var pc [1]uintptr
	return runtime.Callers(50_000, pc[:]) > 0
}
