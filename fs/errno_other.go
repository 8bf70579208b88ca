//go:build !linux

package fs

import (
	"syscall"

	"github.com/hugelgupf/p9/linux"
)

// linuxOf holds the errno values that Go programs meet on any Unix. Their
// numbers differ between systems, their names do not.
var linuxOf = map[syscall.Errno]linux.Errno{
	syscall.EPERM: linux.EPERM, syscall.ENOENT: linux.ENOENT, syscall.EINTR: linux.EINTR,
	syscall.EIO: linux.EIO, syscall.ENXIO: linux.ENXIO, syscall.E2BIG: linux.E2BIG,
	syscall.EBADF: linux.EBADF, syscall.EAGAIN: linux.EAGAIN, syscall.ENOMEM: linux.ENOMEM,
	syscall.EACCES: linux.EACCES, syscall.EFAULT: linux.EFAULT, syscall.EBUSY: linux.EBUSY,
	syscall.EEXIST: linux.EEXIST, syscall.EXDEV: linux.EXDEV, syscall.ENODEV: linux.ENODEV,
	syscall.ENOTDIR: linux.ENOTDIR, syscall.EISDIR: linux.EISDIR, syscall.EINVAL: linux.EINVAL,
	syscall.ENFILE: linux.ENFILE, syscall.EMFILE: linux.EMFILE, syscall.ENOTTY: linux.ENOTTY,
	syscall.EFBIG: linux.EFBIG, syscall.ENOSPC: linux.ENOSPC, syscall.ESPIPE: linux.ESPIPE,
	syscall.EROFS: linux.EROFS, syscall.EPIPE: linux.EPIPE, syscall.ERANGE: linux.ERANGE,
	syscall.EDEADLK: linux.EDEADLK, syscall.ENAMETOOLONG: linux.ENAMETOOLONG,
	syscall.ENOSYS: linux.ENOSYS, syscall.ENOTEMPTY: linux.ENOTEMPTY, syscall.ELOOP: linux.ELOOP,
	syscall.EPROTO: linux.EPROTO, syscall.EOVERFLOW: linux.EOVERFLOW, syscall.EILSEQ: linux.EILSEQ,
	syscall.ENOTSOCK: linux.ENOTSOCK, syscall.EMSGSIZE: linux.EMSGSIZE,
	syscall.EOPNOTSUPP: linux.EOPNOTSUPP,
	syscall.EADDRINUSE: linux.EADDRINUSE, syscall.EADDRNOTAVAIL: linux.EADDRNOTAVAIL,
	syscall.ENETUNREACH: linux.ENETUNREACH, syscall.ECONNABORTED: linux.ECONNABORTED,
	syscall.ECONNRESET: linux.ECONNRESET, syscall.ENOBUFS: linux.ENOBUFS,
	syscall.ENOTCONN: linux.ENOTCONN, syscall.ETIMEDOUT: linux.ETIMEDOUT,
	syscall.ECONNREFUSED: linux.ECONNREFUSED, syscall.EHOSTUNREACH: linux.EHOSTUNREACH,
	syscall.EALREADY: linux.EALREADY, syscall.EINPROGRESS: linux.EINPROGRESS,
	syscall.ESTALE: linux.ESTALE, syscall.EDQUOT: linux.EDQUOT, syscall.ECANCELED: linux.ECANCELED,
}

func ofSystem(e syscall.Errno) linux.Errno {
	if e == syscall.ENOTSUP { // EOPNOTSUPP's number on some systems, not on others
		return linux.EOPNOTSUPP
	}
	return linuxOf[e]
}
