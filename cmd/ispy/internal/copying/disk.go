package copying

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/internal/bundle"
)

// toDisk copies one file to the local disk.
func (cp *copier) toDisk(ctx context.Context, from, to string) error {
	f, err := cp.Space.Open(ctx, from, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	fill := func(w io.Writer) error {
		_, err := f.WriteTo(w)
		return err
	}
	switch there, err := os.Stat(to); {
	case err == nil && there.IsDir():
		return DiskError(to, syscall.EISDIR)
	case err == nil && !there.Mode().IsRegular():
		// A device or a pipe is written to, never replaced.
		return DiskError(to, overwrite(to, fill))
	case err == nil && sameFile(from, there):
		return DiskError(to, errors.New("is the file that is to be copied"))
	}
	root, err := os.OpenRoot(filepath.Dir(to))
	if err != nil {
		return DiskError(to, err)
	}
	defer root.Close()
	return DiskError(to, bundle.Put(root, filepath.Base(to), fill))
}

func sameFile(from string, there os.FileInfo) bool {
	p, ok := space.Local(from)
	if !ok {
		return false
	}
	info, err := os.Stat(p)
	return err == nil && os.SameFile(info, there)
}

func overwrite(to string, fill func(io.Writer) error) error {
	f, err := os.OpenFile(to, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(fill(f), f.Close())
}

// DiskError names the local file in an error of the local disk; that of what was
// read stays as it is.
func DiskError(to string, err error) error {
	if err == nil {
		return nil
	}
	if source, ok := errors.AsType[*client.Error](err); ok {
		return source
	}
	err = bundle.Reason(err)
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		errno = syscall.EIO
	}
	return &client.Error{Op: "write", Path: space.LocalPrefix + to, Errno: errno, Text: err.Error()}
}
