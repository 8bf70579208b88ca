package fs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"github.com/hugelgupf/p9/linux"

	"github.com/ispyd/ispyd/nodes"
)

// sentinels says which errno stands for which error.
var sentinels = []struct {
	err   error
	errno linux.Errno
}{
	{fs.ErrNotExist, linux.ENOENT},
	{fs.ErrExist, linux.EEXIST},
	{fs.ErrPermission, linux.EACCES},
	{fs.ErrInvalid, linux.EINVAL},
	{fs.ErrClosed, linux.EBADF},
	{nodes.ErrBusy, linux.EBUSY},
	{nodes.ErrNotSupported, linux.EOPNOTSUPP},
	{nodes.ErrDisabled, linux.EACCES},
	{nodes.ErrReadOnly, linux.EACCES},
	{nodes.ErrTooLarge, linux.EMSGSIZE},
	{nodes.ErrTimeout, linux.ETIMEDOUT},
	{nodes.ErrPanic, linux.EIO},
	{context.Canceled, linux.EINTR},
	{context.DeadlineExceeded, linux.ETIMEDOUT},
	{os.ErrDeadlineExceeded, linux.ETIMEDOUT},
	{errors.ErrUnsupported, linux.EOPNOTSUPP},
}

// Errno returns the number that stands for err in 9P2000.L: that of Linux, on
// every platform. An errno that err wraps stands for itself, then come the
// sentinels of io/fs, package nodes and context; all else is EIO.
func Errno(err error) linux.Errno {
	if err == nil {
		return 0
	}
	var l linux.Errno
	if errors.As(err, &l) && l != 0 {
		return l
	}
	var s syscall.Errno
	if errors.As(err, &s) && s != 0 {
		if l := ofSystem(s); l != 0 {
			return l
		}
	}
	for _, e := range sentinels {
		if errors.Is(err, e.err) {
			return e.errno
		}
	}
	return linux.EIO
}

// errnoName is how records show an errno.
func errnoName(e linux.Errno) string {
	if int(e) < len(errnoNames) && errnoNames[e] != "" {
		return errnoNames[e]
	}
	return "errno" + strconv.Itoa(int(e))
}
