//go:build !linux

package goroutines

import "errors"

// selfMemory is only to be had on Linux.
type selfMemory struct{ pointers, first, second []uint64 }

func openSelfMemory() (*selfMemory, error) {
	return nil, errors.ErrUnsupported
}

func (*selfMemory) close()                             {}
func (*selfMemory) words(uint64, []uint64) error       { return errors.ErrUnsupported }
func (*selfMemory) some(uint64, []uint64) (int, error) { return 0, errors.ErrUnsupported }
func (*selfMemory) bytes(uint64, []byte) error         { return errors.ErrUnsupported }
func (*selfMemory) untouched(uint64, uint64) bool      { return false }
func (*selfMemory) variables() ([]region, error)       { return nil, errors.ErrUnsupported }

// region is a stretch of memory.
type region struct{ from, to uint64 }
