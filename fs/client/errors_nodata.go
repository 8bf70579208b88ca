//go:build !freebsd && !openbsd && !dragonfly

package client

import (
	"syscall"

	"github.com/hugelgupf/p9/linux"
)

// Some BSDs have no such number; there it is EIO.
func init() { linuxErrnos[linux.ENODATA] = syscall.ENODATA }
