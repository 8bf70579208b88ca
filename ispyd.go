// Package ispyd lets people look inside a running Go program, and act on it,
// with nothing more than files.
//
// A program embeds it with one line:
//
//	srv, err := ispyd.Start("ispyd.toml")
//	if err != nil {
//		log.Print(err) // the program goes on without it
//	}
//	defer srv.Close()
//
// Start publishes a tree of files, process/pid, runtime/goroutines and so on,
// over 9P2000.L on the socket that the file names. The command ispy is a shell
// over the trees of all programs that use the same file, ispymount mounts them,
// and any 9P2000.L client can read them.
//
// # The program comes first
//
// An idle Server uses no CPU. Start returns an error rather than panicking,
// exiting or blocking, and a program that ignores the error runs as before: the
// methods of a nil *Server do nothing. No signal handler is installed, no global
// of the program's is touched. What a client can make the library use, in memory,
// time, connections and output, is bounded.
//
// The environment variable ISPYD=off makes Start return a Server that does
// nothing, without reading the configuration.
//
// # Plugins
//
// Each directory of the tree is a plugin's. Those that are built in are chosen
// by the configuration; others are values passed to Start. Package plugins says
// how to write one, package nodes what a tree is made of.
package ispyd

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/ispyd/ispyd/fs"
	"github.com/ispyd/ispyd/internal/config"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

// Options are what [New] makes a Server of.
type Options struct {
	// File is the path of the configuration.
	File string
	// Config is the text of the configuration, used where File is "".
	Config string
	// Plugins are mounted beside those that the configuration selects.
	Plugins []plugins.Plugin
	// Logger is told what happens: refused connections, failed operations,
	// writes. It may be slow: it never holds anything up. Nil logs nothing.
	Logger *slog.Logger
}

// Server serves the tree of this program. All methods may be called by several
// goroutines at once and on a nil *Server.
type Server struct {
	addr    string
	root    *nodes.Folder
	server  *fs.Server
	logger  *slog.Logger
	closers []io.Closer

	closing sync.Once
	err     error // of Close
	served  chan struct{}
}

// Start serves the tree as the configuration file says, with the built-in
// plugins that it selects and the given ones. On an error, which names the file,
// the line and the key where one of them is at fault, it has started nothing and
// the Server is nil.
func Start(file string, extra ...plugins.Plugin) (*Server, error) {
	return New(Options{File: file, Plugins: extra})
}

// New is [Start] with options.
func New(o Options) (s *Server, err error) {
	if strings.EqualFold(os.Getenv("ISPYD"), "off") {
		return &Server{}, nil
	}
	defer func() {
		if v := recover(); v != nil {
			s, err = nil, fmt.Errorf("panic while starting: %v", v)
		}
		if err != nil {
			err = fmt.Errorf("ispyd: %w", err)
		}
	}()
	var file *config.File
	if o.File != "" {
		file, err = config.Read(o.File)
	} else {
		file, err = config.Parse("config", []byte(o.Config))
	}
	if err != nil {
		return nil, err
	}
	c, err := readConfig(file, o.Plugins)
	if err != nil {
		return nil, err
	}
	s = &Server{logger: o.Logger, served: make(chan struct{})}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if err := s.start(c); err != nil {
		return nil, err
	}
	return s, nil
}

// start opens the plugins and the socket.
func (s *Server) start(c *configuration) (err error) {
	defer func() {
		if err != nil {
			s.closePlugins()
		}
	}()
	records := fs.NewRecords()
	s.root, err = s.buildTree(c, records)
	if err != nil {
		return err
	}
	l, err := fs.Listen(c.addr)
	if err != nil {
		return c.file.Wrap([]string{mainSection, "listen"}, err)
	}
	s.addr = addrOf(l)
	s.server = fs.NewServer(fs.Options{
		Root:        s.root,
		Limits:      c.limits,
		ReadOnly:    c.ReadOnly,
		AllowRemote: c.AllowRemote,
		AuditReads:  c.AuditReads,
		Records:     records,
		Secret:      func(path string) bool { return c.redact.Name(path[strings.LastIndexByte(path, '/')+1:]) },
		Logger:      s.logger,
	})
	go func() {
		defer close(s.served)
		if err := s.server.Serve(l); err != nil {
			s.logger.Error("ispyd stopped serving", "addr", s.addr, "err", err)
		}
	}()
	return nil
}

// Addr returns where the tree is served: the path of a unix socket, or
// host:port with the port that was chosen. It is "" where nothing is served.
func (s *Server) Addr() string {
	if s == nil {
		return ""
	}
	return s.addr
}

// Publish adds a node to the root of the tree, for a program that shows
// something of its own without a plugin. The error is fs.ErrExist where the name
// is taken. Nothing is published, and no error is returned, where nothing is
// served.
func (s *Server) Publish(n nodes.Node) error {
	if s == nil || s.root == nil {
		return nil
	}
	if err := s.root.Add(n); err != nil {
		return fmt.Errorf("ispyd: Publish: %w", err)
	}
	return nil
}

// Close ends all connections and what they are doing, removes the socket, puts
// back the settings that were changed for a time, closes the plugins and waits for
// the library's goroutines. Where the code behind a file that a client uses ignores
// that its context has ended, Close gives up on it after 5 s and says so. It may be
// called more than once.
func (s *Server) Close() error {
	if s == nil || s.server == nil {
		return nil
	}
	s.closing.Do(func() {
		s.err = s.server.Close()
		<-s.served
		s.err = errors.Join(s.err, s.closePlugins())
	})
	return s.err
}

// closePlugins closes them in the reverse order of their opening.
func (s *Server) closePlugins() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, nodes.Protect(s.closers[i].Close))
	}
	s.closers = nil
	return errors.Join(errs...)
}
