package main

import (
	"context"
	"io"
	"path"
	"strings"
	"time"

	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/internal/nearest"
)

// shell is what commands work on: the namespace, where one is in it, and where
// to write.
type shell struct {
	config  *client.Config
	timeout time.Duration
	stdout  io.Writer
	stderr  io.Writer

	cwd    string // "/" or "/14905/runtime"
	conns  map[string]*connection
	listed []string // names as servers last numbered them
	done   bool     // exit was typed at the top
}

// connection is a server that has been dialled.
type connection struct {
	*client.Conn
	docs map[string]string // by path in the tree, once asked for
}

func newShell(config *client.Config, timeout time.Duration, stdout, stderr io.Writer) *shell {
	return &shell{config: config, timeout: timeout, stdout: stdout, stderr: stderr, cwd: "/", conns: map[string]*connection{}}
}

func (sh *shell) close() {
	for _, c := range sh.conns {
		c.Close()
	}
}

// prompt is (ispyd), or (ispyd:14905) inside a program's tree.
func (sh *shell) prompt() string {
	if server, _ := split(sh.cwd); server != "" {
		return "(ispyd:" + server + ") "
	}
	return "(ispyd) "
}

// run runs one command.
func (sh *shell) run(ctx context.Context, line words) error {
	name := line[0]
	c, ok := lookup(name)
	if !ok {
		if name == redirect {
			return usagef("> stands behind echo TEXT")
		}
		return usagef("%s: unknown command%s; help lists them", name, nearest.Hint(name, commandNames()))
	}
	for _, w := range line[1:] {
		if w == redirect && name != "echo" {
			return usagef("%s: only echo writes to a file: echo TEXT > PATH", name)
		}
	}
	return c.run(sh, ctx, line[1:])
}

// abs is a path as the person types it, as one from the top.
func (sh *shell) abs(name string) string {
	if !path.IsAbs(name) {
		name = path.Join(sh.cwd, name)
	}
	return path.Clean(name)
}

// split cuts an absolute path into the server's name and the path in its tree.
func split(abs string) (server, name string) {
	server, name, _ = strings.Cut(strings.TrimPrefix(abs, "/"), "/")
	return server, name
}

// open returns the server that the path leads to, dialled, and the path in its
// tree. The server is nil for the top, where the servers are.
func (sh *shell) open(ctx context.Context, arg string) (c *connection, server, name string, err error) {
	server, name = split(sh.abs(arg))
	if server == "" {
		return nil, "", "", nil
	}
	c, err = sh.dial(ctx, server)
	return c, server, name, err
}

// dial returns the connection to the server, a new one where there is none or
// it has ended.
func (sh *shell) dial(ctx context.Context, name string) (*connection, error) {
	if c := sh.conns[name]; c != nil {
		select {
		case <-c.Done():
			c.Close()
			delete(sh.conns, name)
		default:
			return c, nil
		}
	}
	live, err := sh.config.Live(ctx, name)
	if len(live) == 0 {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, sh.noServer(ctx, name, err)
	}
	conn, err := live[0].Dial(ctx, client.Options{Timeout: sh.timeout})
	if err != nil {
		return nil, within(name, err)
	}
	c := &connection{Conn: conn}
	sh.conns[name] = c
	return c, nil
}

// noServer says why there is no server of that name, and which there are.
func (sh *shell) noServer(ctx context.Context, name string, err error) error {
	servers, lerr := sh.config.Servers(ctx)
	if err == nil {
		err = lerr
	}
	for _, s := range servers {
		if s.Name == name && s.Err != nil {
			return within(name, s.Err)
		}
	}
	if err != nil {
		return err
	}
	if there := usable(servers); there != "" {
		return unreachablef("there is no program %s, but %s", name, there)
	}
	return unreachablef("there is no program %s; no program listens at %s", name, at(sh.config))
}

// usable names the servers that can be connected to, for an error.
func usable(servers []client.Server) string {
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
