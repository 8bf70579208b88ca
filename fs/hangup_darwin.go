package fs

import "golang.org/x/sys/unix"

// hungUp reports whether the peer of fd has closed its end: poll(2) then gives
// POLLHUP, whatever is asked for.
func hungUp(fd uintptr) bool {
	p := []unix.PollFd{{Fd: int32(fd)}}
	n, err := unix.Poll(p, 0)
	return err == nil && n > 0
}
