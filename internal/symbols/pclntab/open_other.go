//go:build !(linux && amd64 && go1.26 && !go1.27)

package pclntab

import (
	"errors"
	"fmt"
	"runtime"
)

// Open returns the table of the running program: only on linux/amd64, with a
// verified Go version.
func Open() (*Table, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return nil, fmt.Errorf("linux/amd64 alone, this is %s/%s: %w", runtime.GOOS, runtime.GOARCH, errors.ErrUnsupported)
	}
	if _, err := Current(); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%s is not among the build tags of the verified versions: %w", runtime.Version(), errors.ErrUnsupported)
}
