//go:build !linux || !amd64

package minicore

// Check says why captures do not work here.
func Check() error { return ErrUnsupported }

// Capture takes the goroutine that calls it. Here it fails with [ErrUnsupported].
func Capture(Frame, any, Limits) (*Snapshot, error) { return nil, ErrUnsupported }

// FromCopy takes a goroutine that has run on. Here it fails with
// [ErrUnsupported].
func FromCopy(Copy) (*Snapshot, error) { return nil, ErrUnsupported }

type buffers struct{}

func (*buffers) free() {}
