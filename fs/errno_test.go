package fs_test

import (
	"context"
	"errors"
	"fmt"
	stdfs "io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/hugelgupf/p9/linux"

	"github.com/ispyd/ispyd/fs"
	"github.com/ispyd/ispyd/nodes"
)

func TestErrno(t *testing.T) {
	for _, c := range []struct {
		err  error
		want linux.Errno
	}{
		{nil, 0},
		{stdfs.ErrNotExist, 2},
		{stdfs.ErrExist, 17},
		{stdfs.ErrPermission, 13},
		{stdfs.ErrInvalid, 22},
		{stdfs.ErrClosed, 9},
		{nodes.ErrBusy, 16},
		{nodes.ErrNotSupported, 95},
		{nodes.ErrDisabled, 13},
		{nodes.ErrReadOnly, 13},
		{nodes.ErrTooLarge, 90},
		{nodes.ErrTimeout, 110},
		{nodes.ErrPanic, 5},
		{&nodes.PanicError{Value: 1}, 5},
		{context.Canceled, 4},
		{context.DeadlineExceeded, 110},
		{os.ErrDeadlineExceeded, 110},
		{errors.ErrUnsupported, 95},
		{errors.New("anything"), 5},
		{nodes.Errorf(nodes.ErrBusy, "a text"), 16},
		{fmt.Errorf("more: %w", nodes.Errorf(stdfs.ErrExist, "a text")), 17},
		{errors.Join(errors.New("one"), nodes.ErrTimeout), 110},
		// An errno is itself, though Go takes EPERM for ErrPermission.
		{syscall.EPERM, 1},
		{fmt.Errorf("wrapped: %w", syscall.ENOSPC), 28},
		{&os.PathError{Op: "open", Path: "x", Err: syscall.ENOTEMPTY}, 39},
		{fmt.Errorf("wrapped: %w", linux.ELOOP), 40},
		{nodes.Errorf(linux.ENOTDIR, "a text"), 20},
		{syscall.Errno(0), 5},
	} {
		if got := fs.Errno(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
	for e, want := range map[uint32]string{22: "EINVAL", 11: "EAGAIN", 95: "EOPNOTSUPP", 133: "EHWPOISON", 134: "errno134", 0: "errno0"} {
		if got := fs.ErrnoName(e); got != want {
			t.Errorf("%d is %s, want %s", e, got, want)
		}
	}
}
