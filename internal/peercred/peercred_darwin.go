package peercred

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Supported says that this system tells.
const Supported = true

// Of returns uid and pid of the peer: LOCAL_PEERCRED and LOCAL_PEERPID, unix(4).
func Of(sc syscall.Conn) (uid, pid int, err error) {
	uid, pid = -1, -1
	err = control(sc, func(fd int) error {
		cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
		if err != nil {
			return err
		}
		uid = int(cred.Uid)
		if p, err := unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID); err == nil {
			pid = p
		}
		return nil
	})
	return uid, pid, err
}
