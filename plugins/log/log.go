// Package log is the plugin that shows the program's log and sets its level. The
// program wraps its own slog handler once, wherever it makes it:
//
//	slog.SetDefault(slog.New(log.Handler(slog.NewJSONHandler(os.Stderr, nil))))
//
// That works before the ispyd server starts, after it has closed, and without it:
// then everything goes to the program's handler as if it were not wrapped. While
// a server runs, log/level and log/levels set what is logged, and log/tail keeps
// the last lines, redacted, for whoever comes to look.
package log

import (
	"context"
	"fmt"
	"io"
	"io/fs"

	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

const doc = "the program's log (log/slog): level, last lines"

// Plugin is the directory log. Its section of the configuration has two keys: tail,
// the bytes of log lines that are kept (262144, at most 67108864; 0 keeps none), and
// format, "json" or "text", that of these lines. If several servers of a program
// show its log, the settings of the one that was started first count.
var Plugin = plugins.Plugin{Name: "log", Doc: doc, Open: open}

// config is the plugin's section of the configuration.
type config struct {
	Tail   tailSize   `toml:"tail"`
	Format lineFormat `toml:"format"`
}

// tailSize is a number of bytes.
type tailSize int

const (
	defaultTail = 256 << 10
	minTail     = 1 << 10
	maxTail     = 64 << 20
)

// UnmarshalTOML takes a number of bytes within the bounds, or 0.
func (t *tailSize) UnmarshalTOML(v any) error {
	n, ok := v.(int64)
	if !ok || n != 0 && (n < minTail || n > maxTail) {
		return fmt.Errorf("must be a number of bytes from %d to %d, or 0 to keep none", minTail, maxTail)
	}
	*t = tailSize(n)
	return nil
}

// lineFormat is the format of the lines.
type lineFormat string

const (
	formatJSON lineFormat = "json"
	formatText lineFormat = "text"
)

// UnmarshalTOML takes the name of a format.
func (f *lineFormat) UnmarshalTOML(v any) error {
	s, _ := v.(string)
	*f = lineFormat(s)
	if *f != formatJSON && *f != formatText {
		return fmt.Errorf("must be %q or %q", formatJSON, formatText)
	}
	return nil
}

func open(c plugins.Config) (nodes.Dir, io.Closer, error) {
	conf := config{Tail: defaultTail, Format: formatJSON}
	if err := c.Decode(&conf); err != nil {
		return nil, nil, err
	}
	s := acquire(newSink(conf, c.Redact()))
	const levels = "debug, info, warn, error, forms like info+2, or default, which leaves it to the program's handler"
	return nodes.Directory("log", doc,
		levelVar("level", "the least level that is logged: "+levels+", as it does until this is written; none where the program has not wrapped its handler", top),
		levelsDir("levels", "the least level of each logger group (slog's WithGroup), a file each: "+levels),
		tailNode(s),
		nodes.Ctl("ctl", "acts on the log",
			nodes.Verb{Name: "request", Args: "ID level [for=DURATION]",
				Doc: "set the least level for one request in flight: " + levels, Run: requestVerb}),
	), closer{}, nil
}

// closer lets go of the sink.
type closer struct{}

func (closer) Close() error {
	release()
	return nil
}

func tailNode(s *sink) nodes.Node {
	const name = "tail"
	if s.ring == nil {
		return nodes.Static(name, "the last lines of the log (not kept)", []byte("not kept: tail = 0 in the section [log] of the configuration\n"))
	}
	what := "a JSON object each"
	if s.format == formatText {
		what = "key=value pairs"
	}
	return nodes.Stream(name, "the last lines of the log, "+what+", secrets hidden by the names of the attributes", s.ring)
}

// requestVerb sets the level of one request.
func requestVerb(ctx context.Context, args []string) error {
	args, lease, err := nodes.CutFor(args)
	if err != nil {
		return err
	}
	if len(args) != 2 {
		return nodes.Errorf(fs.ErrInvalid, "request: the form is: request ID level [for=DURATION]")
	}
	var l level
	if err := l.UnmarshalText([]byte(args[1])); err != nil {
		return err
	}
	return setRequest(ctx, args[0], l, lease)
}
