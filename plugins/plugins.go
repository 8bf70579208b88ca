// Package plugins holds the type of a plugin and the configuration given to it.
//
// A plugin publishes one directory of the tree. It needs this package and
// package nodes, nothing else:
//
//	var Plugin = plugins.Plugin{
//		Name: "cache",
//		Doc:  "the page cache",
//		Open: func(plugins.Config) (nodes.Dir, io.Closer, error) {
//			return nodes.Directory("cache", "the page cache",
//				nodes.Value("entries", "pages held", func(context.Context) (int, error) { return cache.Len(), nil }),
//			), nil, nil
//		},
//	}
package plugins

import (
	"io"
	"log/slog"

	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/nodes"
)

// Plugin is a directory of the tree and how to make it.
type Plugin struct {
	// Name is the directory's name in the tree and the name of the plugin's
	// section in the configuration: lower case, one word.
	Name string
	// Doc is one line of documentation.
	Doc string
	// Open makes the directory. It must return quickly and do no work of
	// its own: an idle plugin costs nothing. The Closer, if not nil, is
	// closed once, when the server closes. A panic in Open, or an error,
	// leaves the plugin's directory with one file that says so; the
	// program and the other plugins go on.
	Open func(Config) (nodes.Dir, io.Closer, error)
}

// Config is what the configuration says to one plugin.
type Config interface {
	// Decode decodes the plugin's own section into the struct that v points
	// to, with toml tags. Keys that the struct lacks and values of a wrong
	// type are errors that name file, line and key. Without a section v is
	// left as it is, so defaults are set before.
	Decode(v any) error
	// Redact hides secrets as the configuration asks.
	Redact() *redact.Redactor
	// Logger is the program's logger for ispyd, never nil.
	Logger() *slog.Logger
}

// Local reports whether those who can reach the plugin are known to the kernel: the
// tree is served on a unix socket, on a system that tells who connects. What must
// not be shown to everybody asks before it is. A Config that does not say, by a
// method Local, is not.
func Local(c Config) bool {
	l, ok := c.(interface{ Local() bool })
	return ok && l.Local()
}
