//go:build !linux

package rendezvous

import (
	"errors"
	"os"
)

// OpenPath returns a handle on any file on Linux; elsewhere it is
// errors.ErrUnsupported, and [Resolve] has to do.
func OpenPath(root, name string) (*os.File, error) { return nil, errors.ErrUnsupported }

// HandlePath is a path of the file that f is a handle on; "" outside Linux.
func HandlePath(f *os.File) string { return "" }

func openIn(root, name string, dir bool) (*os.File, error) {
	if !dir {
		return nil, errors.ErrUnsupported
	}
	real, err := Resolve(root, name)
	if err != nil {
		return nil, err
	}
	return os.Open(real)
}
