//go:build !linux && !darwin

package fs

import (
	"errors"
	"syscall"
)

// credentials are not to be had: unix sockets serve nobody.
func credentials(syscall.Conn) (uid, pid int, err error) { return -1, -1, errors.ErrUnsupported }
