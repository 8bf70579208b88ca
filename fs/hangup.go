package fs

import (
	"net"
	"syscall"
	"time"
)

// watchHangup returns a channel that is closed when the peer has closed its end
// of nc, even though there is unread data before that. Where that cannot be
// told the channel is nil. Nothing may be read from nc until stop has returned.
func watchHangup(nc net.Conn) (gone <-chan struct{}, stop func()) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nil, func() {}
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return nil, func() {}
	}
	hung := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Read calls its function whenever something happens at nc that
		// could concern a reader; a hangup does.
		if rc.Read(hungUp) == nil {
			close(hung)
		}
	}()
	return hung, func() {
		nc.SetReadDeadline(time.Unix(1, 0))
		<-done
		nc.SetReadDeadline(time.Time{})
	}
}
