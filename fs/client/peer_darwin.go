package client

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerOf asks the kernel who listened on the socket that we are connected to
// (LOCAL_PEERCRED and LOCAL_PEERPID, unix(4)).
func peerOf(c *net.UnixConn) (Peer, error) {
	peer := Peer{UID: -1, PID: -1}
	raw, err := c.SyscallConn()
	if err != nil {
		return peer, err
	}
	var cred *unix.Xucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
		if pid, err := unix.GetsockoptInt(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERPID); err == nil && pid > 0 {
			peer.PID = pid
		}
	}); err != nil {
		return peer, err
	}
	if credErr != nil {
		return peer, credErr
	}
	peer.UID = int(cred.Uid)
	return peer, nil
}
