package peercred

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Supported says that this system tells.
const Supported = true

// Of returns uid and pid of the peer when it called connect(2), or listen(2)
// where we are the client: SO_PEERCRED, unix(7). A process that is not visible in
// our pid namespace has the pid 0.
func Of(sc syscall.Conn) (uid, pid int, err error) {
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
