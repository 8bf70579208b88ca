// Package console is the plugin that evaluates Go in the running program: its package
// variables, functions, methods and types, exported or not, are in scope without
// anything registered.
//
// It is off unless the configuration says [console] enabled = true, and refuses to be
// on where the kernel does not tell who asks, unless allow-remote is set too. Whoever
// can write to console/session can do what the program can do.
//
// What is written to the file session is one request; what is read is its answer. The
// state lives as long as the file is open. A request that begins with a colon is one
// of the commands that :help lists; everything else is Go. Each evaluation is in the
// file audit, as every write is, and in the program's log.
//
// A call of the program that neither returns nor can be stopped is left behind, and the
// session goes on; who was not there to read so is told with the next answer. A function
// that the session has given to the program, as a handler or to a timer, does nothing
// and returns zero values when the session has ended: the log says so once for each.
//
// Package eval says what a session cannot do to the program, and what can still end it.
package console

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ispyd/ispyd/internal/eval"
	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

const doc = "Go evaluated in the program, with its variables, functions and types"

// Plugin is the directory console.
var Plugin = plugins.Plugin{Name: "console", Doc: doc, Open: open}

// settings is the plugin's section of the configuration.
type settings struct {
	// Enabled turns the plugin on.
	Enabled bool `toml:"enabled"`
	// AllowRemote turns it on also where the kernel does not tell who asks.
	AllowRemote bool `toml:"allow-remote"`
	// Timeout ends an evaluation.
	Timeout time.Duration `toml:"timeout"`
	// Output is the most that one evaluation may write, in bytes.
	Output int `toml:"output"`
	// Memory is how many bytes the heap and the stacks may grow during one evaluation.
	Memory int64 `toml:"memory"`
	// Sessions is how many may be open at once.
	Sessions int `toml:"sessions"`
}

func defaults() settings {
	return settings{Timeout: 10 * time.Second, Output: 256 << 10, Memory: 256 << 20, Sessions: 16}
}

// Check implements config.Checker.
func (c *settings) Check() (key []string, err error) {
	fail := func(key, format string, args ...any) ([]string, error) {
		return []string{key}, fmt.Errorf(format, args...)
	}
	switch {
	case c.Timeout < time.Millisecond || c.Timeout > time.Hour:
		return fail("timeout", `must be a duration from "1ms" to "1h0m0s", not %q`, c.Timeout)
	case c.Output < 1<<10 || c.Output > 16<<20:
		return fail("output", "must be from %d to %d bytes, not %d", 1<<10, 16<<20, c.Output)
	case c.Memory < 1<<20:
		return fail("memory", "must be at least %d bytes, not %d", 1<<20, c.Memory)
	case c.Sessions < 1 || c.Sessions > 1000:
		return fail("sessions", "must be from 1 to 1000, not %d", c.Sessions)
	}
	return nil, nil
}

// plugin is one that is open and enabled.
type plugin struct {
	conf settings
	hide *redact.Redactor
	log  *slog.Logger

	evaluations, failures, abandoned atomic.Int64

	mu     sync.Mutex
	open   map[*conversation]bool
	closed bool
}

func open(c plugins.Config) (nodes.Dir, io.Closer, error) {
	p := &plugin{conf: defaults(), hide: c.Redact(), log: c.Logger(), open: map[*conversation]bool{}}
	if err := c.Decode(&p.conf); err != nil {
		return nil, nil, err
	}
	if !p.conf.Enabled {
		return disabled(), nil, nil
	}
	if !p.conf.AllowRemote && !plugins.Local(c) {
		return nil, nil, nodes.Errorf(nodes.ErrDisabled, "Go is evaluated only for those on a unix socket whom the kernel knows: "+
			"set [ispyd] listen to the path of a socket, or [console] allow-remote = true to let everybody who can connect do what the program can do")
	}
	return nodes.Directory("console", doc,
		nodes.Session("session", "evaluates the Go that is written, and shows the answer; :help tells more", p.begin),
		nodes.Value("status", "sessions, evaluations, limits", p.status),
	), p, nil
}

// disabled is the directory of the plugin that is off.
func disabled() nodes.Dir {
	const how = "disabled: set enabled = true in the section [console] of the configuration"
	status := nodes.Static("status", "whether Go is evaluated", []byte(how+"\n"))
	return nodes.Dynamic("console", doc,
		func(_ context.Context, name string) (nodes.Node, error) {
			if name == status.Name() {
				return status, nil
			}
			return nil, nodes.Errorf(fs.ErrNotExist, "the plugin console is %s", how)
		},
		func(context.Context) ([]nodes.Node, error) { return []nodes.Node{status}, nil },
		nodes.Help{Path: status.Name(), Kind: nodes.KindStatic, Doc: status.Doc()},
	)
}

// Status is the file status.
type Status struct {
	Sessions    int    `json:"sessions"`
	Evaluations int64  `json:"evaluations"`
	Failures    int64  `json:"failures"`
	Abandoned   int64  `json:"abandoned"`
	Goroutines  int    `json:"goroutines"`
	Timeout     string `json:"timeout"`
	Output      int    `json:"output_bytes"`
	Memory      int64  `json:"memory_bytes"`
	MaxSessions int    `json:"max_sessions"`
}

func (p *plugin) status(context.Context) (Status, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Status{
		Sessions: len(p.open), Evaluations: p.evaluations.Load(), Failures: p.failures.Load(), Abandoned: p.abandoned.Load(),
		Timeout: p.conf.Timeout.String(), Output: p.conf.Output, Memory: p.conf.Memory, MaxSessions: p.conf.Sessions,
	}
	for c := range p.open {
		s.Goroutines += c.s.Goroutines()
	}
	return s, nil
}

func (p *plugin) begin(ctx context.Context) (nodes.Conversation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return nil, nodes.Errorf(fs.ErrClosed, "the server is closing")
	case len(p.open) >= p.conf.Sessions:
		return nil, nodes.Errorf(nodes.ErrBusy, "%d sessions are open, console.sessions allows no more", len(p.open))
	}
	c := &conversation{p: p, peer: nodes.PeerFrom(ctx), turn: make(chan struct{}, 1)}
	c.s = eval.NewSession(&eval.Live{Hide: p.hide}, eval.Options{
		Timeout: p.conf.Timeout, Output: p.conf.Output, Memory: p.conf.Memory, Abandoned: &p.abandoned, Told: c.told,
	})
	p.open[c] = true
	return c, nil
}

// Close ends all sessions.
func (p *plugin) Close() error {
	p.mu.Lock()
	p.closed = true
	var list []*conversation
	for c := range p.open {
		list = append(list, c)
	}
	p.mu.Unlock()
	for _, c := range list {
		c.Close()
	}
	return nil
}
