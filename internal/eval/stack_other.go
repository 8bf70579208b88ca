//go:build !amd64 && !arm64

package eval

func stackLarge() bool { return false }

// Counting takes time: it is done where the program calls the session. The session's
// own calls are counted by the thread.
func stackFull(back bool) bool { return back && manyFrames() }
