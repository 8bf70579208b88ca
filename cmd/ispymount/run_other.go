//go:build !linux

package main

import (
	"fmt"
	"io"
	"runtime"
)

// run says what there is instead.
func run(_ options, _, stderr io.Writer) int {
	fmt.Fprintf(stderr, "ispymount: needs Linux and its FUSE; on %s use ispy, or mount the 9P address with a 9P client\n", runtime.GOOS)
	return exitError
}
