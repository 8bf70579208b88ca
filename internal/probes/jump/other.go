//go:build !(linux && amd64)

package jump

import (
	"errors"
	"fmt"
	"runtime"
)

func unsupported() error {
	return fmt.Errorf("probes work on linux/amd64 alone, this is %s/%s: %w", runtime.GOOS, runtime.GOARCH, errors.ErrUnsupported)
}

// Site is one instruction that can be turned into a jump; none here.
type Site struct{}

// At fails with errors.ErrUnsupported.
func At(uintptr) (*Site, error) { return nil, unsupported() }

// Addr is 0.
func (*Site) Addr() uintptr { return 0 }

// Landing is 0.
func (*Site) Landing() uintptr { return 0 }

// Original is empty.
func (*Site) Original() [5]byte { return [5]byte{} }

// Aim does nothing.
func (*Site) Aim(uintptr) {}

// Armed is false.
func (*Site) Armed() bool { return false }

// Arm fails with errors.ErrUnsupported.
func Arm(...*Site) error { return unsupported() }

// Restore does nothing.
func Restore(...*Site) error { return nil }

// Stub fails with errors.ErrUnsupported.
func Stub(int, func(uintptr) []byte) (uintptr, error) { return 0, unsupported() }

// Prepare fails with errors.ErrUnsupported.
func Prepare() error { return unsupported() }

// Code fails with errors.ErrUnsupported.
func Code(lo, hi uintptr) ([]byte, error) { return nil, unsupported() }

// Patched is empty.
func Patched() []Patch { return nil }

// Close does nothing.
func Close() error { return nil }

// Verify fails with errors.ErrUnsupported.
func Verify() ([]Difference, error) { return nil, unsupported() }

// Untraced does not look here.
func Untraced() error { return nil }

// Check returns the one condition that is not met.
func Check() []Condition {
	return []Condition{{Name: "platform", Detail: runtime.GOOS + "/" + runtime.GOARCH, Remedy: "run it on linux/amd64"}}
}
