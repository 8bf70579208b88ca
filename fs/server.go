package fs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/ispyd/ispyd/nodes"
)

// Options say what a [Server] serves, and to whom.
type Options struct {
	// Root is the tree. It must not be nil.
	Root nodes.Dir
	// Limits bound what clients can take; zero fields mean the defaults.
	Limits Limits
	// ReadOnly refuses all writing.
	ReadOnly bool
	// AllowRemote allows writing to peers of whom the kernel does not tell
	// who they are: those that come over TCP.
	AllowRemote bool
	// AuditReads has the reading of files and directories recorded, too.
	AuditReads bool
	// Records gets the record of each operation; nil keeps none.
	Records *Records
	// Secret says that what is written to the variable of this path is not to be
	// recorded; nil means that all is.
	Secret func(path string) bool
	// Logger gets refused connections, panics and audited operations; nil
	// means none. It is never waited for.
	Logger *slog.Logger
}

// Server serves a tree over 9P2000.L. Its methods may be called at once from
// many goroutines.
type Server struct {
	lim         Limits
	readOnly    bool
	allowRemote bool
	auditReads  bool
	records     *Records
	secret      func(path string) bool
	leases      *nodes.Leases
	log         *logQueue
	root        *place
	uid, gid    uint32
	started     time.Time
	closeTime   time.Duration

	ctx    context.Context
	cancel context.CancelFunc

	watch   watch
	held    budget
	foreign tasks // goroutines that run the code of nodes

	mu        sync.Mutex
	closed    bool
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	running   sync.WaitGroup // a connection each
}

// NewServer returns a Server of the tree at o.Root.
func NewServer(o Options) *Server {
	s := &Server{
		lim:         o.Limits.withDefaults(),
		readOnly:    o.ReadOnly,
		allowRemote: o.AllowRemote,
		auditReads:  o.AuditReads,
		records:     o.Records,
		secret:      o.Secret,
		log:         newLogQueue(o.Logger),
		uid:         uint32(os.Geteuid()),
		gid:         uint32(os.Getegid()),
		started:     time.Now(),
		closeTime:   closeTime,
		listeners:   make(map[net.Listener]struct{}),
		conns:       make(map[*conn]struct{}),
	}
	if s.records == nil {
		s.records = NewRecords()
	}
	s.leases = nodes.NewLeases(s.leaseEnded)
	s.records.settings.attach(s.leases)
	s.held.limit = s.lim.Held
	s.watch.srv = s
	s.root = newRoot(o.Root)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// The reasons why nothing can be written.
var (
	errReadOnly = nodes.Errorf(nodes.ErrReadOnly, "nothing can be written: readonly = true in the configuration")
	errRemote   = nodes.Errorf(nodes.ErrDisabled, "nothing can be written over TCP, where nobody knows who writes, unless the configuration says allow-remote = true")
)

// now is the server's clock in nanoseconds.
func (s *Server) now() int64 { return int64(time.Since(s.started)) }

// refusesWrites returns why nothing can be written on the connection, nil if
// something can.
func (c *conn) refusesWrites() error {
	switch {
	case c.srv.readOnly:
		return errReadOnly
	case !c.local && !c.srv.allowRemote:
		return errRemote
	}
	return nil
}

// Serve accepts connections on l, which is best one of [Listen], and returns nil
// when the server has been closed. Otherwise the error is that of l; what is
// served goes on. Serve closes l.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		l.Close()
		return nil
	}
	s.listeners[l] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, l)
		s.mu.Unlock()
		l.Close()
	}()
	delay := time.Duration(0)
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			delay = 0
			s.accept(nc)
		case s.ctx.Err() != nil:
			return nil
		case !passing(err):
			return fmt.Errorf("fs: accept on %s: %w", l.Addr(), err)
		default:
			// The program is out of files, say: it may have some again.
			delay = min(max(2*delay, 5*time.Millisecond), time.Second)
			s.log.limited("accept", slog.LevelWarn, "cannot accept connections", slog.Any("error", err))
			if !s.wait(delay) {
				return nil
			}
		}
	}
}

// passing reports whether a failed Accept may be tried again.
func passing(err error) bool {
	for _, e := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// wait waits for d, and returns false if the server is closed meanwhile.
func (s *Server) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// accept begins to serve nc, if its peer may connect and there is room.
func (s *Server) accept(nc net.Conn) {
	peer, local, err := identify(nc)
	if err == nil && local {
		err = mayConnect(peer)
	}
	c := newConn(s, nc, peer, local)
	if err != nil {
		s.refuse(c, err.Error(), "refused peer")
		return
	}
	if err := s.admit(c); err != nil {
		s.refuse(c, err.Error(), "refused full")
		return
	}
	c.live.Add(1)
	go c.reader((*conn).handshake)
}

func (s *Server) refuse(c *conn, why, kind string) {
	s.log.connection(c, "refused: "+why, kind)
	c.end(nil)
}

// minIdle is how long a connection must have been idle to give way to another.
const minIdle = time.Second

// admit makes room for c, if need be by closing the connection that has been
// idle longest.
func (s *Server) admit(c *conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("the server is being closed")
	}
	if len(s.conns) >= s.lim.Conns {
		old := s.idlest()
		if old == nil {
			return fmt.Errorf("there are %d connections, and none of them idle", s.lim.Conns)
		}
		delete(s.conns, old)
		s.log.connection(old, "closed: it was idle, and another needs its place", "gave way")
		go old.end(nil)
	}
	s.conns[c] = struct{}{}
	s.running.Add(1)
	return nil
}

// idlest returns the connection that may give way to another.
func (s *Server) idlest() *conn {
	var oldest *conn
	longest := minIdle
	for c := range s.conns {
		if d, ok := c.idle(); ok && d >= longest {
			oldest, longest = c, d
		}
	}
	return oldest
}

// forget takes note that nothing of c runs any more.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.running.Done()
}

// closeTime is how long Close waits for code behind nodes that does not return.
const closeTime = 5 * time.Second

// Close ends all connections, closes the listeners (which removes their
// sockets), ends all leases, which puts their values back, and waits for its
// goroutines. If code behind a node ignores that its
// context has ended, Close gives up on it after 5 s and says so. It may be
// called again.
func (s *Server) Close() error {
	s.cancel()
	s.mu.Lock()
	s.closed = true
	listeners := s.listeners
	s.listeners = map[net.Listener]struct{}{}
	conns := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	for l := range listeners {
		l.Close()
	}
	for _, c := range conns {
		c.end(nil)
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.closeTime)
	defer cancel()
	err := s.leases.Close(ctx)
	s.records.settings.detach(s.leases)
	return errors.Join(err, s.settle(ctx))
}

// settle waits until nothing of the server runs.
func (s *Server) settle(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return errors.New("fs: connections still run the code of nodes that does not return")
	}
	if n := s.foreign.wait(ctx); n > 0 {
		return fmt.Errorf("fs: %d operations still run: the code of their nodes ignores that its context has ended", n)
	}
	s.log.flush(ctx)
	return nil
}
