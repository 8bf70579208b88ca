package fs

import "golang.org/x/sys/unix"

// hungUp reports whether the peer of fd has closed its end.
func hungUp(fd uintptr) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(p, 0)
	return err == nil && n > 0
}
