package fs

import (
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/ispyd/ispyd/internal/peercred"
	"github.com/ispyd/ispyd/nodes"
)

// identify tells who is at the other end of nc, and whether it is the kernel
// that says so.
func identify(nc net.Conn) (peer nodes.Peer, local bool, err error) {
	peer = nodes.Peer{UID: -1, PID: -1}
	switch addr := nc.RemoteAddr().(type) {
	case *net.UnixAddr:
		sc, ok := nc.(syscall.Conn)
		if !ok {
			return peer, false, fmt.Errorf("a %T does not tell who the peer is", nc)
		}
		peer.UID, peer.PID, err = peercred.Of(sc)
		if err != nil {
			return peer, false, fmt.Errorf("the kernel does not tell who the peer is: %w", err)
		}
		return peer, true, nil
	case *net.TCPAddr:
		peer.Addr = addr.String()
		if _, plain := nc.(*net.TCPConn); plain && !addr.IP.IsLoopback() {
			return peer, false, fmt.Errorf("%s is not this machine: only loopback is served, until there is TLS", peer.Addr)
		}
	case nil:
	default:
		peer.Addr = addr.String()
	}
	return peer, false, nil
}

// mayConnect refuses peers of another user, except root.
func mayConnect(p nodes.Peer) error {
	if own := os.Geteuid(); p.UID != own && p.UID != 0 {
		return fmt.Errorf("the peer runs as uid %d; only uid %d, that of this program, and root may connect", p.UID, own)
	}
	return nil
}
