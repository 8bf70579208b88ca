package client

import (
	"context"
	"syscall"
)

// WriteAt is [File.Write] at an offset of the caller's, for those who hand the
// file on, as a mount does: an error has no text of the server's, which stays
// to be read on this open file from wherever its reader stands.
func (f *File) WriteAt(ctx context.Context, p []byte, off int64) (int, error) {
	switch most := f.MaxWrite(); {
	case off < 0:
		return 0, wrap("write", f.path, newError(syscall.EINVAL, "the offset is negative"))
	case len(p) > most:
		return 0, wrap("write", f.path, newError(syscall.EMSGSIZE,
			"%d bytes; a write holds whole commands and is not split, and this server takes %d bytes at once", len(p), most))
	}
	n := 0
	err := f.do(ctx, "write", func() (err error) {
		n, err = f.f.WriteAt(p, off)
		return err
	})
	switch {
	case err != nil:
		return 0, wrap("write", f.path, err)
	case n < len(p):
		return n, wrap("write", f.path, newError(syscall.EIO, "the server took %d of %d bytes", n, len(p)))
	}
	return n, nil
}
