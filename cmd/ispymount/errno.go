//go:build linux

package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

const (
	eNotConn  = fuse.Status(syscall.ENOTCONN)
	eTimedOut = fuse.Status(syscall.ETIMEDOUT)
	eStale    = fuse.Status(syscall.ESTALE)
	eMsgSize  = fuse.Status(syscall.EMSGSIZE)
)

// errno is what the kernel is told of err: the server's own number where it
// gave one.
func errno(err error) fuse.Status {
	var number syscall.Errno
	switch {
	case err == nil:
		return fuse.OK
	case errors.Is(err, context.Canceled):
		return fuse.EINTR
	case errors.As(err, &number) && number != 0:
		return fuse.Status(number)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return eTimedOut
	case errors.Is(err, net.ErrClosed), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return eNotConn
	case errors.Is(err, fs.ErrNotExist):
		return fuse.ENOENT
	case errors.Is(err, fs.ErrPermission):
		return fuse.EACCES
	case errors.Is(err, fs.ErrInvalid):
		return fuse.EINVAL
	}
	return fuse.EIO
}

// lost says that err is the end of the connection and not an answer.
func lost(s fuse.Status) bool {
	switch syscall.Errno(s) {
	case syscall.ENOTCONN, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED, syscall.ECONNREFUSED:
		return true
	}
	return false
}
