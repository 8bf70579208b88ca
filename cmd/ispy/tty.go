package main

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// isTerminal says whether a person types there.
func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), getTermios)
	return err == nil
}
