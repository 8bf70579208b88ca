//go:build !(linux && amd64)

package returns

import (
	"errors"
	"fmt"
	"runtime"
	"time"
)

// Probe is a probe in a function; there are none here.
type Probe struct{}

func unsupported() error {
	return fmt.Errorf("probes work on linux/amd64 alone, this is %s/%s: %w", runtime.GOOS, runtime.GOARCH, errors.ErrUnsupported)
}

// InsertError fails with errors.ErrUnsupported.
func InsertError(Function, ErrorOptions) (*Probe, error) { return nil, unsupported() }

// Observe fails with errors.ErrUnsupported.
func Observe(Function, ObserveOptions) (*Probe, error) { return nil, unsupported() }

// Close does nothing.
func Close() error { return nil }

// Remove fails with errors.ErrUnsupported.
func (*Probe) Remove() error { return unsupported() }

// SetLimit does nothing.
func (*Probe) SetLimit(float64, int) {}

// SetShare does nothing.
func (*Probe) SetShare(float64) {}

// Function is empty.
func (*Probe) Function() string { return "" }

// Plan is nil.
func (*Probe) Plan() *Plan { return nil }

// Since is the zero time.
func (*Probe) Since() time.Time { return time.Time{} }

// Stats are all 0.
func (*Probe) Stats() Stats { return Stats{} }

// ReadString reads nothing here.
func (Value) ReadString(int) (string, bool) { return "", false }
