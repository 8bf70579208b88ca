//go:build unix

package debugger

import (
	"io/fs"
	"os"
	"syscall"
)

// ours reports whether a file belongs to the user that the program runs as.
func ours(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}
