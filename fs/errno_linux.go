package fs

import (
	"syscall"

	"github.com/hugelgupf/p9/linux"
)

func ofSystem(e syscall.Errno) linux.Errno { return linux.Errno(e) }
