//go:build unix

package fs

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/ispyd/ispyd/nodes"
)

// checkDir refuses a directory in which others could replace the socket.
func checkDir(dir string, info os.FileInfo) error {
	own := uint32(os.Geteuid())
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != own && st.Uid != 0 {
		return nodes.Errorf(os.ErrPermission, "the directory %s belongs to uid %d, who could replace the socket; "+
			"it must belong to uid %d or root", dir, st.Uid, own)
	}
	const othersWrite = 0o022
	if info.Mode().Perm()&othersWrite != 0 && info.Mode()&os.ModeSticky == 0 {
		return nodes.Errorf(os.ErrPermission, "others can write to the directory %s (mode %#o) and replace the socket; "+
			"name a directory below it, which is then made with mode 0700, or take their permission away", dir, info.Mode().Perm())
	}
	return nil
}

// private gives the socket its mode before it has a name. Linux makes the file
// with the mode of the socket (unix_bind, less umask); systems that know no mode of
// sockets get it by chmod afterwards.
func private(_, _ string, rc syscall.RawConn) error {
	return rc.Control(func(fd uintptr) { syscall.Fchmod(int(fd), 0o600) })
}

// lockTries times lockPause is how long another may hold the lock of a
// directory. In /tmp anybody can: then it must do without.
const (
	lockTries = 20
	lockPause = 50 * time.Millisecond
)

// lockDir locks dir against other programs that look for a place for their
// socket in it.
func lockDir(dir string) (unlock func()) {
	f, err := os.Open(dir)
	if err != nil {
		return func() {}
	}
	for range lockTries {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			break
		}
		time.Sleep(lockPause)
	}
	return func() { f.Close() }
}

// explainBind says what is wrong with the directory of a socket that cannot be
// made.
func explainBind(dir string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nodes.Errorf(nodes.ErrBusy, "another process has just made a socket there")
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("no room for a socket in %s: %w", dir, errnoOf(err))
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("uid %d cannot make a socket in %s: %w", os.Geteuid(), dir, errnoOf(err))
	}
	return err
}

// errnoOf is the errno in err, without net's words around it.
func errnoOf(err error) error {
	var e syscall.Errno
	if errors.As(err, &e) {
		return e
	}
	return err
}
