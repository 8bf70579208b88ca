package fs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/ispyd/ispyd/internal/peercred"
	"github.com/ispyd/ispyd/internal/rendezvous"
	"github.com/ispyd/ispyd/nodes"
)

// Listen listens at addr: the absolute path of a unix socket, or host:port.
//
// A socket has mode 0600. Its directory is made, with mode 0700, where it is
// missing (that one only, not its parents). It must belong to this user or to
// root, and if others can write to it it must be sticky, as /tmp is, for else they
// could put their own socket in the place of this. A socket that nobody listens
// on is replaced; one that somebody does is an error that names the process.
// Closing the Listener removes the socket, if it is still this one.
//
// Of TCP addresses only loopback is taken. Any user of the machine can connect
// to it, so what can be written is refused there unless Options.AllowRemote.
func Listen(addr string) (net.Listener, error) {
	network, err := rendezvous.Network(addr)
	if err != nil {
		return nil, listenError(addr, err)
	}
	var l net.Listener
	if network == "unix" {
		l, err = listenUnix(addr)
	} else {
		l, err = listenTCP(addr)
	}
	if err != nil {
		return nil, listenError(addr, err)
	}
	return l, nil
}

func listenError(addr string, err error) error { return fmt.Errorf("listen on %s: %w", addr, err) }

// lookupTime is how long the name of a host may take to resolve.
const lookupTime = 5 * time.Second

func listenTCP(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	refused := func(what string) error {
		return nodes.Errorf(os.ErrPermission, "%s: whoever reaches it could read and change this program; "+
			"only loopback (localhost, 127.0.0.1, ::1) is taken, until there is TLS with client certificates", what)
	}
	if host == "" {
		return nil, refused("no host means all addresses of this machine")
	}
	ips, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, ip := range ips {
		if !ip.IP.IsLoopback() {
			return nil, refused(ip.String() + " is not loopback")
		}
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", addr)
}

// socket is a listener that removes its socket when it is closed.
type socket struct {
	*net.UnixListener
	path  string
	made  os.FileInfo
	close sync.Once
	err   error
}

// Close implements net.Listener.
func (s *socket) Close() error {
	s.close.Do(func() {
		// First the name, so that nobody connects in vain. Another process
		// may have replaced the socket; its own it keeps.
		if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.made) {
			os.Remove(s.path)
		}
		s.err = s.UnixListener.Close()
	})
	return s.err
}

func listenUnix(path string) (net.Listener, error) {
	path = filepath.Clean(path)
	if err := rendezvous.CheckPath(path); err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	if err := prepareDir(dir); err != nil {
		return nil, err
	}
	// Two programs that start at once must not replace each other's socket.
	unlock := lockDir(dir)
	defer unlock()
	if err := clearWay(path); err != nil {
		return nil, err
	}
	config := net.ListenConfig{Control: private}
	l, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, explainBind(dir, err)
	}
	s := &socket{UnixListener: l.(*net.UnixListener), path: path}
	s.SetUnlinkOnClose(false)
	if err := os.Chmod(path, 0o600); err != nil {
		os.Remove(path)
		l.Close()
		return nil, err
	}
	if s.made, err = os.Lstat(path); err != nil {
		l.Close()
		return nil, err
	}
	return s, nil
}

// prepareDir makes dir where it is missing, and checks that the socket would be
// safe in it.
func prepareDir(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, os.ErrNotExist) {
		err = os.Mkdir(dir, 0o700)
		switch {
		case err == nil, errors.Is(err, os.ErrExist):
		case errors.Is(err, os.ErrNotExist):
			return fmt.Errorf("the directory %s does not exist, and neither does the one above it: %w", dir, os.ErrNotExist)
		default:
			return fmt.Errorf("cannot make the directory of the socket: %w", err)
		}
		info, err = os.Stat(dir)
	}
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return nodes.Errorf(os.ErrInvalid, "%s is not a directory", dir)
	}
	return checkDir(dir, info)
}

// liveTime is how long the holder of a socket may take to accept.
const liveTime = 2 * time.Second

// clearWay removes a socket that nobody listens on.
func clearWay(path string) error {
	found, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case found.Mode().Type() != os.ModeSocket:
		return nodes.Errorf(os.ErrExist, "%s exists and is not a socket", path)
	}
	c, err := net.DialTimeout("unix", path, liveTime)
	switch {
	case err == nil:
		defer c.Close()
		return inUse(c.(*net.UnixConn))
	case errors.Is(err, os.ErrNotExist):
		return nil
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, os.ErrDeadlineExceeded):
		return nodes.Errorf(nodes.ErrBusy, "another process listens there, and is too busy to accept")
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("a socket is there, and it cannot be found out whether somebody listens on it: %w", err)
	}
	if now, err := os.Lstat(path); err != nil || !os.SameFile(now, found) {
		return nil // somebody else has removed it
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("a socket that nobody listens on is there, and cannot be removed: %w", err)
	}
	return nil
}

// inUse says who listens at the other end of c.
func inUse(c *net.UnixConn) error {
	who := "another process"
	if _, pid, err := peercred.Of(c); err == nil && pid > 0 {
		who = fmt.Sprintf("process %d", pid)
		if name := executable(pid); name != "" {
			who += " (" + name + ")"
		}
	}
	return nodes.Errorf(nodes.ErrBusy, "%s listens there already; give each program a path of its own, with %%(pid)s in it", who)
}
