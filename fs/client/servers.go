package client

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/ispyd/ispyd/internal/procstate"
)

// Server is one server, or what one left.
type Server struct {
	// Name is how it is listed: its pid, or host.pid where the pattern has
	// the host name. In a container that is the pid there.
	Name string
	// Addr is the address, for [Dial], whose Options need the same Root.
	Addr string
	// PID is its pid in our own pid namespace, 0 where that is not known.
	PID int
	// UID is its user, -1 where that is not known.
	UID int
	// Command is the name of its executable, "" where that is not known.
	Command string
	// Started is when it started; zero where that is not known.
	Started time.Time
	// State is what is known of it in words that go on "it is": running,
	// stopped (SIGTSTP), throttled. It is "running" too of one that answers
	// and of which nothing else is known.
	State string
	// Stale says that its socket is there but nobody listens on it.
	Stale bool
	// Err is why it cannot be used, nil where it can: it is stale, or denied
	// to us, or not to be reached. A frozen server can be used, once it thaws.
	Err error

	root string
}

// Dial connects to the server: see [Dial].
func (s Server) Dial(ctx context.Context, opts Options) (*Conn, error) {
	opts.Root = s.root
	return Dial(ctx, s.Addr, opts)
}

// at most so many servers are asked at once.
const maxAsked = 64

// Servers lists the servers by host name and pid. Each is asked on its own, and
// waited for no longer than Timeout: one that is frozen is listed as such and
// holds up nobody. The error says what could not be looked at, beside what was
// found.
func (c *Config) Servers(ctx context.Context) ([]Server, error) {
	if c.pattern.Network() == "tcp" {
		s := Server{Addr: c.Listen, UID: -1}
		s.Addr, _ = c.pattern.Expand(0, "")
		c.ask(ctx, &s)
		if s.Name == "" {
			s.Name = s.Addr
		}
		return []Server{s}, nil
	}
	found, err := c.pattern.Glob(c.Root)
	servers := make([]Server, len(found))
	slots := make(chan struct{}, maxAsked)
	var wg sync.WaitGroup
	for i, f := range found {
		servers[i] = Server{Addr: f.Path, UID: -1, root: c.Root}
		if f.PID > 0 {
			servers[i].Name = strconv.Itoa(f.PID)
		}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			s := &servers[i]
			c.ask(ctx, s)
			if s.Name == "" && s.PID > 0 {
				s.Name = strconv.Itoa(s.PID)
			}
			if f.Hostname != "" {
				s.Name = strings.TrimSuffix(f.Hostname+"."+s.Name, ".")
			}
		})
	}
	wg.Wait()
	servers = slices.DeleteFunc(servers, func(s Server) bool { return errors.Is(s.Err, fs.ErrNotExist) })
	c.markThrottled(ctx, servers)
	name(servers)
	return servers, err
}

// ask finds out about one server.
func (c *Config) ask(ctx context.Context, s *Server) {
	opts := Options{Timeout: c.Timeout, Msize: 8 << 10, Root: c.Root}.withDefaults()
	ctx, cancel := context.WithTimeoutCause(ctx, opts.Timeout, ErrTimeout)
	defer cancel()
	nc, peer, err := connect(ctx, s.Addr, opts)
	if peer.PID > 0 {
		s.PID = peer.PID
	}
	s.UID = peer.UID
	halted := c.look(s)
	switch {
	case err == nil:
		if !halted {
			c.shake(ctx, nc, peer, s, opts)
		} else {
			nc.Close()
		}
	case errors.Is(err, syscall.ECONNREFUSED):
		s.Stale = c.pattern.Network() == "unix"
		s.Err = wrap("dial", s.Addr, err)
	case errors.Is(err, ErrTimeout) && c.pattern.Network() == "unix":
		s.State = cmp.Or(s.State, "not answering")
	default:
		s.Err = wrap("dial", s.Addr, err)
	}
}

// look asks the kernel about the process, and says whether it can answer.
func (c *Config) look(s *Server) (halted bool) {
	p, ok := procstate.System.Read(s.PID)
	if ok {
		s.Command, s.Started, s.State = p.Command, p.Started, p.String()
	}
	return ok && p.Halted()
}

// shake asks the server itself: whether it answers, and where its name is not
// known otherwise, for its pid.
func (c *Config) shake(ctx context.Context, nc net.Conn, peer Peer, s *Server, opts Options) {
	session, err := startSession(ctx, nc, peer, opts)
	if err == nil && s.Name == "" && s.PID <= 0 {
		var text string
		if text, err = session.tail(newWithin(ctx, opts.Timeout), "pid", 32); err == nil {
			if pid, perr := strconv.Atoi(strings.TrimSpace(text)); perr == nil && pid > 0 {
				s.Name = strconv.Itoa(pid)
			}
		} else if !errors.Is(err, errLost) && !errors.Is(err, ErrTimeout) {
			err = nil // another kind of tree
		}
	}
	if session != nil {
		session.close()
	}
	switch {
	case err == nil:
		s.State = cmp.Or(s.State, "running")
	case errors.Is(err, ErrTimeout) && c.pattern.Network() == "unix":
		if s.State == "" || s.State == "running" {
			s.State = "not answering"
		}
	default:
		s.Err = wrap("dial", s.Addr, err)
	}
}

// markThrottled says so of servers whose cgroup is being throttled.
func (c *Config) markThrottled(ctx context.Context, servers []Server) {
	var pids []int
	for _, s := range servers {
		if s.Err == nil && s.PID > 0 {
			pids = append(pids, s.PID)
		}
	}
	throttled := procstate.System.Throttled(ctx, pids)
	for i := range servers {
		if s := &servers[i]; throttled[s.PID] && s.Err == nil {
			s.State += ", throttled (the CPU limit of its cgroup)"
		}
	}
}

// name gives those a name that have none, and makes the names differ: sockets
// without a pid in their path may belong to programs that each are pid 1.
func name(servers []Server) {
	taken := make(map[string]bool)
	for i := range servers {
		s := &servers[i]
		if s.Name == "" {
			s.Name = strings.TrimSuffix(s.Addr[strings.LastIndexByte(s.Addr, '/')+1:], ".sock")
		}
		base := s.Name
		for n := 2; taken[s.Name]; n++ {
			s.Name = base + "-" + strconv.Itoa(n)
		}
		taken[s.Name] = true
	}
}
