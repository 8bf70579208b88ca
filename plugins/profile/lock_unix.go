//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package profile

import (
	"os"
	"syscall"
)

// hold locks a file as long as it is open: until the program ends, however it does.
// Where the file system has no locks, nobody takes it for unlocked either.
func hold(f *os.File) { syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// unlocked reports whether nobody holds a file: who did has ended.
func unlocked(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil
}
