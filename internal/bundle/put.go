package bundle

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Temporary begins the names of files that are being written.
const Temporary = ".ispy-"

// Put makes the file in the directory, for its owner alone, under its name when
// it is whole. It replaces a file or a link of that name, and follows no link out
// of the directory. A file that fill fails at is not there.
func Put(root *os.Root, name string, fill func(io.Writer) error) error {
	temporary := filepath.Join(filepath.Dir(name), Temporary+rand.Text())
	f, err := create(root, temporary)
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

func create(root *os.Root, name string) (*os.File, error) {
	return root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

// DiskError is a failure of the disk, not of what was to be written there.
type DiskError struct{ Err error }

// Error names no path: those of files that are being written say nothing.
func (e *DiskError) Error() string { return Reason(e.Err).Error() }

// Unwrap returns the disk's error.
func (e *DiskError) Unwrap() error { return e.Err }

// Reason is an error of package os without the path and the operation.
func Reason(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
