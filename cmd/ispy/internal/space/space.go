// Package space is the namespace that ispy works in: / holds the programs that
// listen, by name, /PID/… is the tree of one, dialled when it is first used, and
// local:PATH is the local disk.
package space

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ispyd/ispyd/fs/client"
)

// Space is the namespace. Its methods are called by any number of goroutines at
// once. Paths are absolute unless said otherwise.
type Space struct {
	configs []*client.Config
	timeout time.Duration

	mu      sync.Mutex
	dialled map[string]*program
}

// New makes the namespace of the programs that the configurations lead to. Each
// operation on one of them takes at most the time-out.
func New(configs []*client.Config, timeout time.Duration) *Space {
	return &Space{configs: configs, timeout: timeout, dialled: map[string]*program{}}
}

// Close hangs up.
func (s *Space) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.dialled {
		p.conn.Close()
	}
	clear(s.dialled)
}

// Abs is a path as a person types it in the directory dir, as one from the top.
// What begins with local: stays as it is.
func Abs(dir, name string) string {
	if _, ok := Local(name); ok {
		return name
	}
	if !path.IsAbs(name) {
		name = path.Join(dir, name)
	}
	return path.Clean(name)
}

// Split cuts a path into the program's name and the path in its tree; both are
// "" for the top.
func Split(abs string) (program, name string) {
	program, name, _ = strings.Cut(strings.TrimPrefix(path.Clean(abs), "/"), "/")
	return program, name
}

// LocalPrefix begins a path of the local disk, relative to the directory that
// ispy was started in unless a slash follows.
const LocalPrefix = "local:"

// Local is the path on the local disk that the name stands for, if it does: after
// local:, for devices, and for the pipes that the interpreter makes of <(...).
func Local(name string) (string, bool) {
	if p, ok := strings.CutPrefix(name, LocalPrefix); ok {
		return cmp.Or(p, "."), true
	}
	if strings.HasPrefix(name, "/dev/") || strings.HasPrefix(name, filepath.Join(os.TempDir(), "sh-interp-")) {
		return name, true
	}
	return "", false
}

// Servers lists the programs, live and stale, of all configurations. The error
// says what could not be looked at, beside what was found.
func (s *Space) Servers(ctx context.Context) ([]client.Server, error) {
	return s.list(func(c *client.Config) ([]client.Server, error) { return c.Servers(ctx) })
}

// Live lists the programs that listen, and asks them nothing: see
// [client.Config.Live].
func (s *Space) Live(ctx context.Context) ([]client.Server, error) {
	return s.list(func(c *client.Config) ([]client.Server, error) { return c.Live(ctx, "") })
}

// list asks all configurations, at once where there are several. A name that
// another address has already gets the number of its configuration: 14905@2.
func (s *Space) list(ask func(*client.Config) ([]client.Server, error)) ([]client.Server, error) {
	found := make([][]client.Server, len(s.configs))
	errs := make([]error, len(s.configs))
	var wg sync.WaitGroup
	for i, c := range s.configs {
		wg.Go(func() { found[i], errs[i] = ask(c) })
	}
	wg.Wait()
	var all []client.Server
	addrs := map[string]bool{}
	names := map[string]bool{}
	for i, servers := range found {
		for _, srv := range servers {
			if addrs[srv.Addr] {
				continue
			}
			if names[srv.Name] {
				srv.Name += "@" + strconv.Itoa(i+1)
			}
			addrs[srv.Addr], names[srv.Name] = true, true
			all = append(all, srv)
		}
	}
	return all, errors.Join(errs...)
}

// At is where the configurations say that programs are.
func (s *Space) At() string {
	var at []string
	for _, c := range s.configs {
		if c.Root != "" {
			at = append(at, c.Listen+" in "+c.Root)
		} else {
			at = append(at, c.Listen)
		}
	}
	return strings.Join(at, ", ")
}

// Gone says that the program has been used and has ended since, or hung up.
func (s *Space) Gone(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.dialled[name]
	return p != nil && p.gone()
}

// Known returns what is known of a program that has been used, gone or not.
func (s *Space) Known(name string) (client.Server, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.dialled[name]
	if p == nil {
		return client.Server{}, false
	}
	return p.server, true
}

// Dialled names the programs that have been used.
func (s *Space) Dialled() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name := range maps.Keys(s.dialled) {
		names = append(names, name)
	}
	return names
}

// Root is the directory that sockets are looked up beneath, "" for none.
func (s *Space) Root() string {
	for _, c := range s.configs {
		if c.Root != "" {
			return c.Root
		}
	}
	return ""
}
