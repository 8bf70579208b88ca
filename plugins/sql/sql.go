// Package sql is the plugin that shows the databases that the program talks to: who
// holds which connection since when, and which statements run. It is passed to
// Start, and the program opens its databases through it:
//
//	srv, err := ispyd.Start("ispyd.toml", sql.Plugin)
//	...
//	db, err := sql.Open("orders", "pgx", dsn)
//
// The first argument names the pool in the tree. [OpenDB] and [Wrap] take a
// driver.Connector. They work without the plugin too: then nobody looks.
//
// The driver is called as database/sql would call it, and what it lacks is not
// claimed to be there. The exceptions are [database/sql.Conn.Raw], whose function is
// given a connection that [Unwrap] makes the driver's own, and errors of statements
// that the operator has cancelled, which are [ErrCanceledByOperator] beside what
// they are.
//
// # What is shown
//
// The text of a statement has its literals replaced by ? and its comments left
// out; in double quotes are identifiers, but for drivers for MySQL, where strings
// are. Arguments are never kept. Errors lose what they quote, unless the statement
// has it. Of a statement that returns rows the time runs until the rows are closed;
// those that nobody closes are in active for ever, as the connection they hold is.
package sql

import (
	"context"
	"io"
	"time"

	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/trigger"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

const doc = "the databases that the program talks to: who holds which connection since when, and what runs"

// Plugin is the directory sql. Its section of the configuration has the keys slow
// (how long a statement takes that is kept in slow, "1s"), recent and slow-recent
// (how many ended statements each of the two keeps, 100), statements (how many
// are counted apart, 500) and stacks (whether who takes a connection leaves his
// stack, true), for each pool. They hold from the opening on.
var Plugin = plugins.Plugin{Name: "sql", Doc: doc, Open: open}

// config is the plugin's section of the configuration.
type config struct {
	Slow       inflight.Duration `toml:"slow"`
	Recent     int               `toml:"recent"`
	SlowRecent int               `toml:"slow-recent"`
	Statements int               `toml:"statements"`
	Stacks     bool              `toml:"stacks"`
}

// The defaults of the configuration.
var defaults = config{Slow: inflight.Duration(time.Second), Recent: 100, SlowRecent: 100, Statements: 500, Stacks: true}

// Check implements config.Checker.
func (c *config) Check() (key []string, err error) {
	return inflight.CheckConfig(inflight.Bound{Key: "recent", Value: c.Recent, Most: 100_000},
		inflight.Bound{Key: "slow-recent", Value: c.SlowRecent, Most: 100_000}, inflight.Bound{Key: "statements", Value: c.Statements, Most: 10_000})
}

func open(c plugins.Config) (nodes.Dir, io.Closer, error) {
	conf := defaults
	if err := c.Decode(&conf); err != nil {
		return nil, nil, err
	}
	known.configure(conf)
	v := &view{c.Redact()}
	closers := inflight.Closer{
		trigger.RegisterEach("sql.slow", "age of the oldest statement that runs, those whose rows are being read aside", trigger.Seconds, oldestRunning, newestOver),
		trigger.Register("sql.held", "longest time that somebody has held a connection", trigger.Seconds, longestHeld),
		trigger.Evidence("sql.holders", func(ctx context.Context, w io.Writer) error {
			for _, p := range known.list() {
				if _, err := io.WriteString(w, "# pool "+nodes.Escape(p.name)+"\n"); err != nil {
					return err
				}
				if err := v.holdersText(p, w); err != nil {
					return err
				}
			}
			return nil
		}),
	}
	return v.pools(), closers, nil
}
