package fs

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// credentials are those of the peer when it called connect(2), or listen(2)
// where we are the client: SO_PEERCRED, unix(7).
func credentials(sc syscall.Conn) (uid, pid int, err error) {
	var cred *unix.Ucred
	err = control(sc, func(fd int) (err error) {
		cred, err = unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		return err
	})
	if err != nil {
		return -1, -1, err
	}
	return int(cred.Uid), int(cred.Pid), nil
}
