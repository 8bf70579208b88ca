package copying

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/fs/client"
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
		return diskError(to, syscall.EISDIR)
	case err == nil && !there.Mode().IsRegular():
		// A device or a pipe is written to, never replaced.
		return diskError(to, overwrite(to, fill))
	case err == nil && sameFile(from, there):
		return diskError(to, errors.New("is the file that is to be copied"))
	}
	root, err := os.OpenRoot(filepath.Dir(to))
	if err != nil {
		return diskError(to, err)
	}
	defer root.Close()
	return diskError(to, put(root, filepath.Base(to), fill))
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

// put makes the file in the directory, under its name when it is whole. It
// replaces a file or a link of that name, and follows no link out of the
// directory.
func put(root *os.Root, name string, fill func(io.Writer) error) error {
	temporary := filepath.Join(filepath.Dir(name), ".ispy-"+rand.Text())
	f, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = fill(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = root.Rename(temporary, name)
	}
	if err != nil {
		root.Remove(temporary)
	}
	return err
}

// diskError names the local file in an error of the local disk; that of what was
// read stays as it is.
func diskError(to string, err error) error {
	if err == nil {
		return nil
	}
	if source, ok := errors.AsType[*client.Error](err); ok {
		return source
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	} else if e, ok := errors.AsType[*os.LinkError](err); ok {
		err = e.Err
	}
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		errno = syscall.EIO
	}
	return &client.Error{Op: "write", Path: space.LocalPrefix + to, Errno: errno, Text: err.Error()}
}
