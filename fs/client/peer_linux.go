package client

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerOf asks the kernel who listened on the socket that we are connected to
// (SO_PEERCRED, unix(7)).
func peerOf(c *net.UnixConn) (Peer, error) {
	peer := Peer{UID: -1, PID: -1}
	raw, err := c.SyscallConn()
	if err != nil {
		return peer, err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return peer, err
	}
	if credErr != nil {
		return peer, credErr
	}
	peer.UID = int(cred.Uid)
	if cred.Pid > 0 {
		peer.PID = int(cred.Pid)
	}
	return peer, nil
}
