package process

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"

	"github.com/ispyd/ispyd/internal/report"
)

const (
	soProtocol = 38
	soDomain   = 39
	afVsock    = 40
	afXDP      = 44
	ipMPTCP    = 262 // what net.Listen opens
)

// describeSocket asks a socket what it is. Between the listing and the asking
// the descriptor may have become another file: then the calls fail or answer
// for that one; they change nothing of either.
func describeSocket(fd int, d *descriptor) {
	domain, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, soDomain)
	if err != nil {
		return
	}
	kind, _ := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TYPE)
	protocol, _ := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, soProtocol)
	d.Kind = socketKind(domain, kind, protocol)
	if addr, err := syscall.Getsockname(fd); err == nil {
		d.Local = report.Word(address(addr))
	}
	connected := false
	if addr, err := syscall.Getpeername(fd); err == nil {
		connected = true
		d.Peer = report.Word(address(addr))
	}
	listening, _ := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	switch {
	case listening != 0:
		d.State = "listen"
	case tcp(protocol) && inet(domain):
		d.State = report.Word(tcpState(fd))
	case connected:
		d.State = "connected"
	}
	if domain == syscall.AF_UNIX && connected {
		if cred, err := syscall.GetsockoptUcred(fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil && cred.Pid > 0 {
			d.detail("peer-pid", strconv.Itoa(int(cred.Pid)))
			d.detail("peer-uid", strconv.Itoa(int(cred.Uid)))
		}
	}
	if protocol == ipMPTCP {
		d.detail("protocol", "mptcp")
	}
	if listening == 0 && (inet(domain) || domain == syscall.AF_UNIX) {
		d.RecvQ = queued(fd, syscall.TIOCINQ)
		d.SendQ = queued(fd, syscall.TIOCOUTQ)
	}
}

func inet(domain int) bool { return domain == syscall.AF_INET || domain == syscall.AF_INET6 }

func tcp(protocol int) bool { return protocol == syscall.IPPROTO_TCP || protocol == ipMPTCP }

func socketKind(domain, kind, protocol int) string {
	suffix := ""
	switch domain {
	case syscall.AF_UNIX:
		switch kind {
		case syscall.SOCK_DGRAM:
			return "unix-dgram"
		case syscall.SOCK_SEQPACKET:
			return "unix-seqpacket"
		}
		return "unix"
	case syscall.AF_NETLINK:
		return "netlink"
	case syscall.AF_PACKET:
		return "packet"
	case afVsock:
		return "vsock"
	case afXDP:
		return "xdp"
	case syscall.AF_INET6:
		suffix = "6"
	case syscall.AF_INET:
	default:
		return "socket-" + strconv.Itoa(domain)
	}
	switch {
	case kind == syscall.SOCK_RAW:
		return "raw" + suffix
	case tcp(protocol):
		return "tcp" + suffix
	case protocol == syscall.IPPROTO_UDP:
		return "udp" + suffix
	case protocol == syscall.IPPROTO_SCTP:
		return "sctp" + suffix
	case protocol == syscall.IPPROTO_ICMP || protocol == syscall.IPPROTO_ICMPV6:
		return "icmp" + suffix
	}
	return "ip" + suffix + "-" + strconv.Itoa(protocol)
}

// address returns an address as it is commonly written.
func address(a syscall.Sockaddr) string {
	switch a := a.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)).String()
	case *syscall.SockaddrInet6:
		ip := netip.AddrFrom16(a.Addr).Unmap()
		if a.ZoneId != 0 && ip.Is6() {
			ip = ip.WithZone(strconv.Itoa(int(a.ZoneId)))
		}
		return netip.AddrPortFrom(ip, uint16(a.Port)).String()
	case *syscall.SockaddrUnix:
		if a.Name == "@" {
			return "" // a socket without a name
		}
		return a.Name
	case *syscall.SockaddrNetlink:
		return "port=" + strconv.FormatUint(uint64(a.Pid), 10)
	}
	return ""
}

// tcpStates are the states of the kernel's net/tcp_states.h, from 1 on.
var tcpStates = [...]string{
	1: "established", "syn-sent", "syn-received", "fin-wait-1", "fin-wait-2", "time-wait",
	"closed", "close-wait", "last-ack", "listen", "closing", "new-syn-received",
}

func tcpState(fd int) string {
	// The kernel fills as much of struct tcp_info as there is room: four bytes,
	// the state first.
	v, err := syscall.GetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_INFO)
	if err != nil {
		return ""
	}
	var info [4]byte
	binary.NativeEndian.PutUint32(info[:], uint32(v))
	if state := int(info[0]); state > 0 && state < len(tcpStates) {
		return tcpStates[state]
	}
	return "state-" + strconv.Itoa(int(info[0]))
}

// queued returns how many bytes wait in a socket's queue.
func queued(fd int, request uintptr) *report.Quantity {
	var n int32
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(&n))); errno != 0 || n < 0 {
		return nil
	}
	q := report.Quantity(n)
	return &q
}
