package ispyd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/ispyd/ispyd/fs"
	"github.com/ispyd/ispyd/internal/bind"
	"github.com/ispyd/ispyd/internal/config"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

// pluginLine is a line of the file plugins.
type pluginLine struct {
	Name  string `json:"name"`
	State string `json:"state"`
	Doc   string `json:"doc"`
}

// buildTree makes the root directory and opens the plugins.
func (s *Server) buildTree(c *configuration, records *fs.Records) (*nodes.Folder, error) {
	root := nodes.Directory("", "what ispyd shows of this program",
		records.Errors(), records.Audit(), records.Settings(),
		nodes.Value("pid", "process id, as the program sees it", func(context.Context) (int, error) { return os.Getpid(), nil }),
	)
	var lines []pluginLine
	for _, p := range c.plugins {
		dir, state, err := s.openPlugin(c, p, records)
		if err != nil {
			return nil, err
		}
		if err := root.Add(dir); err != nil {
			return nil, fmt.Errorf("plugin %s: %w", p.Name, err)
		}
		lines = append(lines, pluginLine{p.Name, state, p.Doc})
	}
	for _, m := range c.mounts {
		doc := m.Doc
		if doc == "" {
			doc = "the tree of the 9P server at " + m.Addr
		}
		b := bind.New(m.Name, doc, m.Addr, m.Timeout)
		s.closers = append(s.closers, b)
		if err := root.Add(b); err != nil {
			return nil, c.file.Errorf([]string{m.Name}, "%v", err)
		}
		lines = append(lines, pluginLine{m.Name, "on", doc})
	}
	for _, n := range []nodes.Node{
		nodes.Readme("README", "what every file of this tree is: path, kind, doc", root),
		nodes.Value("plugins", "the plugins of this program, a line each: name, state, doc", func(context.Context) ([]pluginLine, error) { return lines, nil }),
	} {
		if err := root.Add(n); err != nil {
			return nil, fmt.Errorf("a plugin cannot be called %s: %w", n.Name(), err)
		}
	}
	return root, nil
}

// openPlugin returns the plugin's directory. What is wrong in the configuration
// is an error; a plugin that fails otherwise has a directory that says so.
func (s *Server) openPlugin(c *configuration, p plugins.Plugin, records *fs.Records) (dir nodes.Node, state string, err error) {
	if !nodes.ValidName(p.Name) || p.Open == nil {
		return nil, "", fmt.Errorf("plugin %q: it has no valid name, or no Open", p.Name)
	}
	var closer io.Closer
	err = nodes.Protect(func() (err error) {
		var d nodes.Dir
		d, closer, err = p.Open(pluginConfig{c, p.Name, s.logger.With("plugin", p.Name), records})
		if err == nil && d == nil {
			err = errors.New("its Open returned no directory")
		}
		if err == nil && d.Name() != p.Name {
			err = fmt.Errorf("its Open returned a directory called %q", d.Name())
		}
		dir = d
		return err
	})
	if closer != nil {
		s.closers = append(s.closers, closer)
	}
	if err == nil {
		return dir, "on", nil
	}
	var wrong *config.Error
	if errors.As(err, &wrong) {
		return nil, "", err
	}
	s.logger.Error("a plugin cannot be opened", "plugin", p.Name, "err", err)
	text := nodes.AppendEscaped([]byte("plugin "+p.Name+": "), err.Error())
	return nodes.Directory(p.Name, p.Doc,
		nodes.Static("error", "why this plugin is not there", append(text, '\n'))), "failed: " + err.Error(), nil
}

// addrOf returns a listener's address as clients write it.
func addrOf(l net.Listener) string { return l.Addr().String() }
