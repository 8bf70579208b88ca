//go:build unix

// Package sysname names error numbers and signals as the system's headers do
// (ENOENT, SIGTSTP). Where there are no such names, numbers stand for them.
package sysname

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Errno is the name of an error number, "" if it has none.
func Errno(e syscall.Errno) string { return unix.ErrnoName(e) }

// Signal is the name of a signal, "" if it has none.
func Signal(n int) string { return unix.SignalName(syscall.Signal(n)) }
