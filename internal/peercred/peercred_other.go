//go:build !linux && !darwin

package peercred

import (
	"errors"
	"syscall"
)

// Supported says that this system tells.
const Supported = false

// Of fails: this system does not tell.
func Of(syscall.Conn) (uid, pid int, err error) { return -1, -1, errors.ErrUnsupported }
