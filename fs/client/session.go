package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"syscall"

	"github.com/hugelgupf/p9/linux"
	"github.com/hugelgupf/p9/p9"
)

// session is one connection to a server, its version agreed on and its root
// attached.
type session struct {
	wire   *wire
	client *p9.Client
	root   p9.File
	peer   Peer

	detached chan struct{} // closed when a shared connection that ended is shared no more
}

// startSession agrees on the version and attaches the root. It owns nc; when ctx
// ends, it gives up.
func startSession(ctx context.Context, nc net.Conn, peer Peer, opts Options) (*session, error) {
	s := &session{wire: newWire(nc, opts), peer: peer, detached: make(chan struct{})}
	stop := context.AfterFunc(ctx, func() { s.wire.kill(errSilent) })
	err := s.shake()
	if err == nil && !stop() {
		err = errSilent
	}
	if err == nil {
		s.wire.mu.Lock()
		s.wire.idle()
		s.wire.mu.Unlock()
		return s, nil
	}
	cause := s.wire.err()
	s.close()
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case cause != nil:
		return nil, lost(cause)
	}
	return nil, err
}

func (s *session) shake() (err error) {
	defer s.recover(&err)
	s.client, err = p9.NewClient(s.wire, p9.WithMessageSize(s.wire.msize))
	if err != nil && s.wire.unknown {
		// A server that knows no extensions of p9 (diod): once more, without.
		s.wire.plain = true
		s.client, err = p9.NewClient(s.wire, p9.WithMessageSize(s.wire.msize))
	}
	if err != nil {
		return protocolError("%v", err)
	}
	s.root, err = s.client.Attach("/")
	if errno, ok := errors.AsType[linux.Errno](err); ok {
		return newError(fromLinux(errno), "the server refuses to show its tree: %v", err)
	}
	if err == nil {
		keep(s.root)
	}
	return err
}

// keep takes the finalizer off a file of p9.Client. It would send a Tclunk from
// the one goroutine that runs all finalizers of the program, which a frozen
// server would hold up. So every file must be closed.
func keep(f p9.File) { runtime.SetFinalizer(f, nil) }

// close hangs up.
func (s *session) close() {
	s.wire.Close()
	s.wire.wait()
}

// payload is how many bytes of a file one message carries.
func (s *session) payload() int {
	s.wire.mu.Lock()
	defer s.wire.mu.Unlock()
	return payload(s.wire.granted)
}

// errLost marks what an operation failed with because its connection ended, or
// never came to be.
var errLost = errors.New("connection lost")

// lost says why a connection ended.
func lost(cause error) error {
	var e Error
	switch protocol, ok := errors.AsType[*Error](cause); {
	case ok:
		e = *protocol
	case errors.Is(cause, errSilent):
		e = *ErrTimeout.(*Error)
	case errors.Is(cause, net.ErrClosed):
		e = *newError(syscall.EBADF, "the connection is closed")
	default:
		e = *ErrHungUp.(*Error)
	}
	e.cause = errors.Join(errLost, cause)
	return &e
}

// do runs f, which makes p9.Client send one request, and bounds it by op: then
// the request is called off at the server. It returns the server's error number
// as a linux.Errno, io.EOF, why op is over, or why the connection ended.
func (s *session) do(op within, f func() error) (err error) {
	if err := op.over(); err != nil {
		return err
	}
	r, err := s.wire.begin(op)
	if err != nil {
		return err
	}
	if op.Done() != nil {
		stop := context.AfterFunc(op.Context, func() { s.wire.cancel(r, context.Cause(op.Context)) })
		defer stop()
	}
	err = s.run(r, f)
	if result := s.wire.outcome(r, err); result == nil || result == io.EOF || result != err {
		return result
	}
	if errno, ok := errors.AsType[linux.Errno](err); ok {
		return errno
	}
	if s.wire.err() == nil {
		s.wire.kill(protocolError("%v", err))
	}
	if why := op.over(); why != nil {
		return why
	}
	return lost(s.wire.err())
}

// run calls f between begin and end, and survives it.
func (s *session) run(r *request, f func() error) (err error) {
	defer s.wire.end(r)
	defer s.recover(&err)
	return f()
}

// recover makes a panic of p9.Client the end of the connection.
func (s *session) recover(err *error) {
	if p := recover(); p != nil {
		s.wire.kill(protocolError("%v", p))
		*err = fmt.Errorf("panic: %v", p)
	}
}

// clunk lets go of a file, also when the time for what it was used for is over:
// a server that still answers does so at once.
func (s *session) clunk(f p9.File) {
	s.do(newWithin(context.Background(), s.wire.timeout), f.Close)
}
