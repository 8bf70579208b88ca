package verb

import (
	"os"

	"golang.org/x/sys/unix"
)

// ReaderGone says that nobody reads Stdout any more: it is a pipe, and its other
// end is closed. Verbs that wait before they write ask for it.
func (c *Call) ReaderGone() bool {
	f, ok := c.Stdout.(*os.File)
	if !ok {
		return false
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	gone := false
	conn.Control(func(fd uintptr) { //nolint:errcheck // a closed file has no reader to ask for
		fds := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(fds, 0)
		gone = err == nil && n > 0 && fds[0].Revents&unix.POLLERR != 0
	})
	return gone
}
