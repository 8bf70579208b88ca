//go:build !unix

package sysname

import (
	"strconv"
	"syscall"
)

func Errno(e syscall.Errno) string { return "error " + strconv.FormatUint(uint64(e), 10) }

func Signal(n int) string { return "signal " + strconv.Itoa(n) }
