// Package grpc is the plugin that shows the gRPC calls that the program has in hand:
// those that a server with [ServerOptions] serves, and those that go out through
// a connection with [DialOptions]. It is passed to Start:
//
//	srv, err := ispyd.Start("ispyd.toml", grpc.Plugin)
//	...
//	server := gogrpc.NewServer(append(options, grpc.ServerOptions()...)...)
//	conn, err := gogrpc.NewClient(target, append(options, grpc.DialOptions()...)...)
//
// Both work without the plugin too: then nobody looks.
//
// # What is known when
//
// A call is shown from the moment that the server knows its method until its handler
// has returned; calls of methods that nobody serves are not seen. Messages and
// bytes are counted as they are received and sent; bytes are those of the messages
// as they go over the wire, after compression, without HTTP/2's own. Outgoing calls
// are shown attempt by attempt: a retried one ends and another begins.
//
// The goroutine of the handler has the profiler label ispyd.request=ID and those
// that it starts inherit it, as with package http; looking for them takes a
// dump of all goroutines, which is kept for ten times as long as it took to take,
// two seconds at most.
package grpc

import (
	"context"
	"io"
	"time"

	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/trigger"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

const doc = "the gRPC calls that the program has in hand: who calls what, since when, and where it is stuck"

// Plugin is the directory grpc. Its section of the configuration has the keys slow
// (how long a unary call takes that is kept in slow, "1s"), recent and slow-recent
// (how many ended calls each of the two keeps, 100) and methods (how many methods
// are counted apart, 500). They hold for outgoing calls too, and from the
// opening on.
var Plugin = plugins.Plugin{Name: "grpc", Doc: doc, Open: open}

// config is the plugin's section of the configuration.
type config struct {
	Slow       inflight.Duration `toml:"slow"`
	Recent     int               `toml:"recent"`
	SlowRecent int               `toml:"slow-recent"`
	Methods    int               `toml:"methods"`
}

// The defaults of the configuration.
var defaults = config{Slow: inflight.Duration(time.Second), Recent: 100, SlowRecent: 100, Methods: 500}

// Check implements config.Checker.
func (c *config) Check() (key []string, err error) {
	return inflight.CheckConfig(inflight.Bound{Key: "recent", Value: c.Recent, Most: 100_000},
		inflight.Bound{Key: "slow-recent", Value: c.SlowRecent, Most: 100_000}, inflight.Bound{Key: "methods", Value: c.Methods, Most: 10_000})
}

func open(c plugins.Config) (nodes.Dir, io.Closer, error) {
	conf := defaults
	if err := c.Decode(&conf); err != nil {
		return nil, nil, err
	}
	incoming.configure(conf)
	outgoing.configure(conf)
	v := &view{redact: c.Redact(), dumps: new(inflight.Dumps)}
	t := inflight.Table[entry]{Redact: v.redact, Columns: columns}
	closers := inflight.Closer{
		v.dumps.Drop,
		trigger.RegisterEach("grpc.slow", "age of the oldest unary call in flight", trigger.Seconds, oldest, newestOver),
		trigger.Evidence("grpc.active", func(_ context.Context, w io.Writer) error { return t.WriteText(w, incoming.active()) }),
	}
	dir := nodes.Directory("grpc", doc, append(v.nodes(incoming, t),
		inflight.Outliving(v.redact),
		nodes.Directory("outgoing", "the calls that the program itself waits for, over connections with DialOptions", v.nodes(outgoing, t)...),
	)...)
	return dir, closers, nil
}
