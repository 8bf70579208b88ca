//go:build !(linux && amd64)

package panics

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/ispyd/ispyd/internal/probes/jump"
	"github.com/ispyd/ispyd/internal/symbols/pclntab"
)

var version pclntab.Version

// Install fails with errors.ErrUnsupported.
func Install(func(*Panic)) error {
	return fmt.Errorf("panics are hooked on linux/amd64 alone, this is %s/%s: %w", runtime.GOOS, runtime.GOARCH, errors.ErrUnsupported)
}

// Prepare fails with errors.ErrUnsupported.
func Prepare() error { return Install(nil) }

// Remove does nothing.
func Remove() error { return nil }

// Installed is false.
func Installed() bool { return false }

// Swallowed is 0.
func Swallowed() int64 { return 0 }

// Check returns the conditions of package jump: one that is not met.
func Check() []jump.Condition { return jump.Check() }
