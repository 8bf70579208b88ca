// Package peercred asks the kernel who is at the other end of a unix socket.
package peercred

import "syscall"

// control runs f on the file descriptor of a connection.
func control(sc syscall.Conn, f func(fd int) error) error {
	rc, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	if err := rc.Control(func(fd uintptr) { ferr = f(int(fd)) }); err != nil {
		return err
	}
	return ferr
}
