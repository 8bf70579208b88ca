package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/hugelgupf/p9/linux"
	"github.com/ispyd/ispyd/internal/sysname"
)

// ErrTimeout is what an operation fails with when the server does not answer
// in time. errors.Is also knows it as context.DeadlineExceeded,
// os.ErrDeadlineExceeded and syscall.ETIMEDOUT.
var ErrTimeout error = &Error{Errno: syscall.ETIMEDOUT, Text: "timed out"}

// ErrHungUp is what an operation fails with when the server is gone.
var ErrHungUp error = &Error{Errno: syscall.ECONNRESET, Text: "the server has hung up"}

// ErrProtocol is what an operation fails with when the server sends what
// 9P2000.L does not allow.
var ErrProtocol error = &Error{Errno: syscall.EPROTO, Text: "the server does not keep to the protocol"}

// Error is a failed operation.
type Error struct {
	// Op is the operation: dial, walk, open, read, write, list, stat.
	Op string
	// Path is the file's path in the tree, or the server's address.
	Path string
	// Errno is the system's error number, of this platform.
	Errno syscall.Errno
	// Text says what was wrong, the server's own words where it gave some.
	// It is never empty, and names no path but in those words.
	Text string

	cause  error
	remote bool // the number came from the server
}

// Error returns "path: text".
func (e *Error) Error() string {
	if e.Path == "" {
		return e.Text
	}
	return e.Path + ": " + e.Text
}

// Unwrap returns what the error is for errors.Is: the error number, and the
// context's error where that ended the operation.
func (e *Error) Unwrap() []error {
	if e.cause != nil {
		return []error{e.Errno, e.cause}
	}
	return []error{e.Errno}
}

// Is makes up for what syscall.Errno does not know of itself.
func (e *Error) Is(target error) bool {
	switch target {
	case fs.ErrInvalid:
		return e.Errno == syscall.EINVAL
	case fs.ErrClosed:
		return e.Errno == syscall.EBADF
	case context.DeadlineExceeded, ErrTimeout:
		return e.Errno == syscall.ETIMEDOUT
	case context.Canceled:
		return e.Errno == syscall.ECANCELED
	case ErrHungUp:
		return e.Errno == syscall.ECONNRESET
	case ErrProtocol:
		return e.Errno == syscall.EPROTO
	}
	return false
}

// Timeout reports whether time ran out, as net.Error has it.
func (e *Error) Timeout() bool { return e.Errno == syscall.ETIMEDOUT }

func newError(errno syscall.Errno, format string, args ...any) *Error {
	return &Error{Errno: errno, Text: fmt.Sprintf(format, args...)}
}

// wrap makes err the failure of op on path.
func wrap(op, path string, err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		c := *e
		c.Op, c.Path = op, path
		return &c
	}
	var remote linux.Errno
	if errors.As(err, &remote) {
		errno := fromLinux(remote)
		return &Error{Op: op, Path: path, Errno: errno, Text: plain(errno), remote: true}
	}
	switch {
	case errors.Is(err, context.Canceled):
		return &Error{Op: op, Path: path, Errno: syscall.ECANCELED, Text: "cancelled", cause: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Op: op, Path: path, Errno: syscall.ETIMEDOUT, Text: "timed out", cause: err}
	}
	errno := syscall.EIO
	errors.As(err, &errno)
	text := err.Error()
	if err == error(errno) {
		text = plain(errno)
	}
	return &Error{Op: op, Path: path, Errno: errno, Text: text, cause: err}
}

// fromLinux is a Linux error number, which 9P2000.L has, as this platform's
// own; EIO where it has none.
func fromLinux(e linux.Errno) syscall.Errno {
	if local, ok := linuxErrnos[e]; ok {
		return local
	}
	if e > 0 && e <= 34 { // the same on every Unix, but EAGAIN
		return syscall.Errno(e)
	}
	return syscall.EIO
}

var linuxErrnos = map[linux.Errno]syscall.Errno{
	linux.EAGAIN:       syscall.EAGAIN,
	linux.ENAMETOOLONG: syscall.ENAMETOOLONG,
	linux.ENOSYS:       syscall.ENOSYS,
	linux.ENOTEMPTY:    syscall.ENOTEMPTY,
	linux.ELOOP:        syscall.ELOOP,
	linux.EPROTO:       syscall.EPROTO,
	linux.EOVERFLOW:    syscall.EOVERFLOW,
	linux.EBADMSG:      syscall.EBADMSG,
	linux.EMSGSIZE:     syscall.EMSGSIZE,
	linux.EOPNOTSUPP:   syscall.EOPNOTSUPP,
	linux.ECONNREFUSED: syscall.ECONNREFUSED,
	linux.ECONNRESET:   syscall.ECONNRESET,
	linux.ENOTCONN:     syscall.ENOTCONN,
	linux.ETIMEDOUT:    syscall.ETIMEDOUT,
	linux.ESTALE:       syscall.ESTALE,
	linux.EDQUOT:       syscall.EDQUOT,
	linux.ECANCELED:    syscall.ECANCELED,
	linux.ENOBUFS:      syscall.ENOBUFS,
}

// plain says an error number in words that need no manual.
func plain(e syscall.Errno) string {
	if text, ok := plainErrnos[e]; ok {
		return text
	}
	return strings.ToLower(e.Error())
}

var plainErrnos = map[syscall.Errno]string{
	syscall.ENOENT:     "no such file",
	syscall.EACCES:     "permission denied",
	syscall.EPERM:      "not permitted",
	syscall.EIO:        "the server failed to do it",
	syscall.EINVAL:     "not valid",
	syscall.EBUSY:      "busy: somebody else holds it",
	syscall.EBADF:      "not open for that, or closed",
	syscall.EMFILE:     "too many files are open at the server",
	syscall.ENOMEM:     "the server has reached its bound of memory",
	syscall.EMSGSIZE:   "too large for one message",
	syscall.EOPNOTSUPP: "not supported by this program, build or platform",
	syscall.ETIMEDOUT:  "timed out",
	syscall.ECANCELED:  "cancelled",
	syscall.EINTR:      "interrupted",
}

// errnoName is the name of an error number as the records of a server have it.
func errnoName(e syscall.Errno) string {
	if e == syscall.EOPNOTSUPP {
		return "EOPNOTSUPP"
	}
	return sysname.Errno(e)
}
