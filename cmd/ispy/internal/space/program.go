package space

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/internal/nearest"
)

// program is a server that has been dialled.
type program struct {
	server client.Server
	conn   *client.Conn

	mu   sync.Mutex
	docs map[string]Doc // by path in the tree
	read time.Time      // when docs were
}

func (p *program) gone() bool {
	select {
	case <-p.conn.Done():
		return true
	default:
		return false
	}
}

// Dial returns the connection to the program of that name, a new one where there
// is none or it has ended. The error says which programs there are.
func (s *Space) Dial(ctx context.Context, name string) (*client.Conn, error) {
	p, err := s.dial(ctx, name)
	if err != nil {
		return nil, err
	}
	return p.conn, nil
}

func (s *Space) dial(ctx context.Context, name string) (*program, error) {
	s.mu.Lock()
	p := s.dialled[name]
	s.mu.Unlock()
	if p != nil && !p.gone() {
		return p, nil
	}
	srv, err := s.find(ctx, name)
	if err != nil {
		return nil, err
	}
	conn, err := srv.Dial(ctx, client.Options{Timeout: s.timeout})
	if err != nil {
		return nil, within(name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.dialled[name]; other != nil {
		if !other.gone() { // somebody was faster
			conn.Close()
			return other, nil
		}
		other.conn.Close()
	}
	p = &program{server: srv, conn: conn}
	s.dialled[name] = p
	return p, nil
}

// find is the live server of that name.
func (s *Space) find(ctx context.Context, name string) (client.Server, error) {
	var live []client.Server
	var err error
	if len(s.configs) == 1 {
		live, err = s.configs[0].Live(ctx, name)
	} else {
		live, err = s.Live(ctx)
	}
	for _, srv := range live {
		if srv.Name == name {
			return srv, nil
		}
	}
	if ctx.Err() != nil {
		return client.Server{}, context.Cause(ctx)
	}
	return client.Server{}, s.missing(ctx, name, err)
}

// missing says why there is no server of that name, and which there are.
func (s *Space) missing(ctx context.Context, name string, err error) error {
	servers, lerr := s.Servers(ctx)
	if err == nil {
		err = lerr
	}
	for _, srv := range servers {
		if srv.Name == name && srv.Err != nil {
			return within(name, srv.Err)
		}
	}
	gone := "there is no program " + name
	if s.Gone(name) {
		gone = "the program " + name + " has gone"
	}
	if _, lerr := os.Lstat("/" + name); lerr == nil {
		gone += " (local:/" + name + "/... is on the local disk)"
	}
	switch there := Names(servers); {
	case there != "":
		return Unreachable(gone + ", but " + there)
	case err != nil:
		return err
	}
	return Unreachable(gone + "; no program listens at " + s.At())
}

// Names lists the servers that can be connected to, for an error.
func Names(servers []client.Server) string {
	var names []string
	for _, s := range servers {
		if s.Err != nil {
			continue
		}
		name := s.Name
		if s.Command != "" {
			name += " (" + s.Command + ")"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// Unreachable is the error of a program that does not exist.
type Unreachable string

func (e Unreachable) Error() string { return string(e) }

// within names the program in an error about a path of its tree: the person knows
// it as /14905/runtime/ctl.
func within(name string, err error) error {
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		return err
	}
	named := *e
	if e.Op == "dial" {
		named.Path = path.Join("/", name) + ": " + e.Path
	} else {
		named.Path = path.Join("/", name, e.Path)
	}
	return &named
}

// near adds to the error about a file that is not there which may have been
// meant.
func (p *program) near(ctx context.Context, name string, err error) error {
	e, ok := errors.AsType[*client.Error](err)
	if !ok || !errors.Is(err, fs.ErrNotExist) || e.Op == "dial" || e.Op == "write" {
		return err // what a ctl does not find is no file
	}
	if better := p.conn.Explain(ctx, err); better != err {
		return better // the server knows what was meant
	}
	dir, base := path.Split(path.Clean("/" + name))
	entries, lerr := p.conn.ReadDir(ctx, dir)
	for errors.Is(lerr, fs.ErrNotExist) && dir != "/" {
		dir, base = path.Split(path.Clean(dir))
		entries, lerr = p.conn.ReadDir(ctx, dir)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	hinted := *e
	hinted.Text += nearest.Hint(base, names)
	return &hinted
}
