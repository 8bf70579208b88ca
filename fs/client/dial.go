package client

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path"
	"strconv"
	"syscall"
	"time"

	"github.com/ispyd/ispyd/internal/peercred"
	"github.com/ispyd/ispyd/internal/rendezvous"
)

// Options say how to connect. The zero value is a sensible choice.
type Options struct {
	// Timeout bounds each operation, dialling too, beside its context. Only
	// reading and writing slow files is not bounded. Default 5 s.
	Timeout time.Duration
	// Msize is the size of the largest message to ask for, in bytes, 8 KiB
	// to 1 MiB. The server may grant less. Default 128 KiB.
	Msize uint32
	// Root is a directory that the address of a unix socket is looked up
	// beneath, as if it were the root directory: /proc/PID/root for a
	// process in a container. Links in it lead nowhere else.
	Root string

	idleAfter time.Duration // see wire.idle
}

func (o Options) withDefaults() Options {
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Msize == 0 {
		o.Msize = 128 << 10
	}
	o.Msize = min(max(o.Msize, 8<<10), 1<<20)
	if o.idleAfter == 0 {
		o.idleAfter = 20 * time.Millisecond
	}
	return o
}

// Peer is who is at the other end.
type Peer struct {
	// UID and PID are those of the process that listens on the unix socket,
	// in our own user and pid namespaces; -1 where they are not known, PID
	// also where that process is not visible in our pid namespace.
	UID, PID int
}

// peerOf asks the kernel who listened on the socket that we are connected to.
// Where it does not tell, the socket's mode must do.
func peerOf(c *net.UnixConn) (Peer, error) {
	if !peercred.Supported {
		return Peer{UID: -1, PID: -1}, nil
	}
	uid, pid, err := peercred.Of(c)
	if pid <= 0 {
		pid = -1
	}
	return Peer{UID: uid, PID: pid}, err
}

// checkPeer refuses a server that is neither ours nor root's: anybody can
// listen where others may write.
func checkPeer(p Peer) error {
	us := os.Geteuid()
	if p.UID < 0 || p.UID == us || p.UID == 0 || us == 0 {
		return nil
	}
	who := "a process"
	if p.PID > 0 {
		who = "process " + strconv.Itoa(p.PID)
	}
	return newError(syscall.EACCES, "%s listens there with user id %d, which is neither yours (%d) nor root's", who, p.UID, us)
}

// connect makes a connection to addr and checks who is there.
func connect(ctx context.Context, addr string, opts Options) (net.Conn, Peer, error) {
	peer := Peer{UID: -1, PID: -1}
	network, err := rendezvous.Network(addr)
	if err != nil {
		return nil, peer, newError(syscall.EINVAL, "%v", err)
	}
	target := addr
	if network == "unix" {
		name, done, err := socketPath(opts.Root, addr)
		if err != nil {
			return nil, peer, dialError(addr, err)
		}
		defer done()
		target = name
	}
	nc, err := new(net.Dialer).DialContext(ctx, network, target)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, peer, context.Cause(ctx)
	case err != nil:
		return nil, peer, dialError(addr, err)
	}
	if uc, ok := nc.(*net.UnixConn); ok {
		if peer, err = peerOf(uc); err == nil {
			err = checkPeer(peer)
		}
	}
	if err != nil {
		nc.Close()
		return nil, peer, err
	}
	return nc, peer, nil
}

// socketPath is a path by which the kernel finds the socket addr beneath root,
// short enough for it, until done is called.
func socketPath(root, addr string) (name string, done func(), err error) {
	full := path.Join(root, addr)
	if root == "" && rendezvous.CheckPath(full) == nil {
		return full, func() {}, nil
	}
	f, err := rendezvous.OpenPath(root, addr)
	if err == nil {
		return rendezvous.HandlePath(f), func() { f.Close() }, nil
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		return "", nil, err
	}
	if full, err = rendezvous.Resolve(root, addr); err != nil {
		return "", nil, err
	}
	return full, func() {}, rendezvous.CheckPath(full)
}

// dialError says why nobody could be reached.
func dialError(addr string, err error) error {
	errno, ok := errors.AsType[syscall.Errno](err)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		if _, _, tcp := net.SplitHostPort(addr); tcp == nil && addr[0] != '/' {
			return newError(errno, "nobody listens there")
		}
		return newError(errno, "nobody listens on this socket any more: its program has ended without removing it")
	case errors.Is(err, fs.ErrNotExist):
		return newError(syscall.ENOENT, "there is no such socket: its program does not run, or has ended")
	case errors.Is(err, fs.ErrPermission):
		return newError(syscall.EACCES, "you may not connect to it: the socket belongs to another user")
	case errors.Is(err, syscall.EAGAIN):
		// A unix socket whose program does not accept: its queue is full.
		return wrap("", "", ErrTimeout)
	case errors.Is(err, syscall.ENOTSOCK):
		return newError(syscall.ENOTSOCK, "this is not a socket")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return wrap("", "", ErrTimeout)
	case ok:
		return newError(errno, "%s", plain(errno))
	}
	e := newError(syscall.EHOSTUNREACH, "%s", reason(err))
	e.cause = err
	return e
}

// reason is err without what net and io/fs put before it.
func reason(err error) string {
	if oe, ok := errors.AsType[*net.OpError](err); ok {
		return oe.Err.Error()
	}
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}
