package process

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"

	"github.com/ispyd/ispyd/nodes"
)

// system is where facts are found. The zero value is the running one; tests
// have others.
type system struct {
	root string                          // what stands before /proc and /sys
	cpus func() (gomaxprocs, numcpu int) // nil for the runtime's
}

func (s system) processors() (gomaxprocs, numcpu int) {
	if s.cpus != nil {
		return s.cpus()
	}
	return runtime.GOMAXPROCS(0), runtime.NumCPU()
}

const (
	maxFile = 1 << 20  // more is read of no file but those of a size of its own
	maxMaps = 64 << 20 // of maps
)

// read returns the content of a file of /proc or /sys.
func (s system) read(path string) ([]byte, error) { return s.readUpTo(path, maxFile) }

func (s system) readUpTo(path string, limit int64) ([]byte, error) {
	f, err := os.Open(s.root + path)
	if err != nil {
		return nil, explain(path, err)
	}
	defer f.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(io.LimitReader(f, limit)); err != nil {
		return nil, explain(path, err)
	}
	return b.Bytes(), nil
}

// readable reports whether a file can be opened for reading.
func (s system) readable(path string) bool {
	f, err := os.Open(s.root + path)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// explain makes an error of the kernel's a text for the person.
func explain(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return nodes.Errorf(nodes.ErrNotSupported, "%s is not there: its file system is not mounted, or this kernel does not have it", what)
	case errors.Is(err, fs.ErrPermission):
		return nodes.Errorf(fs.ErrPermission, "%s cannot be read: the process gave up access to its own /proc (a change of user, PR_SET_DUMPABLE), or a security policy forbids it", what)
	}
	return nodes.Errorf(nodes.ErrNotSupported, "%s cannot be read: %v", what, cause(err))
}

// cause strips the path from an error: the text names it.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// malformed is the error of a file whose form is not the one that is known.
func malformed(path string) error {
	return nodes.Errorf(nodes.ErrNotSupported, "%s is not of the form that is known", path)
}
