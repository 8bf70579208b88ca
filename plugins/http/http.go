// Package http is the plugin that shows the HTTP requests that the program has in
// hand: those that come in, for handlers that went through [Wrap], and those that go
// out through a [Transport]. It is passed to Start:
//
//	srv, err := ispyd.Start("ispyd.toml", http.Plugin)
//	...
//	err = nethttp.ListenAndServe(addr, http.Wrap(mux))
//
// Wrap and Transport work without the plugin too: then nobody looks.
//
// # What is known when
//
// A request is shown while its handler runs, with everything that it came with.
// Its header is what the client sent, the first 64 values of it, whatever the handler
// does to its copy. The status is there when the handler has written it, and is the one that the
// client was sent: none where it had gone before. Bytes are
// counted as the handler reads and writes them, those that the kernel copies from a
// file when that is done, those of a hijacked connection not at all. The route is
// known as [Wrap] says.
//
// The goroutines of a request are those with the profiler label
// ispyd.request=ID. Looking for them takes a dump of all goroutines, as
// runtime/goroutines does, without a pause; who reads one request after the other
// is shown the same dump again for ten times as long as it took to take, two
// seconds at most. Goroutines that a handler leaves behind keep the label: they are
// marked so in requests/ID, which can still be opened while the request is in recent or
// slow, and outliving has all of them. Those that serve a connection of a client, as
// net/http's and gRPC's do, have the label of the request that was the first to use it:
// they are left out, and counted.
package http

import (
	"context"
	"io"

	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/trigger"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

const doc = "the HTTP requests that the program has in hand: who asks for what, since when, and where it is stuck"

// Plugin is the directory http. Its section of the configuration has the keys slow
// (how long a request takes that is kept in slow, "1s"), recent and slow-recent (how
// many ended requests each of the two keeps, 100) and routes (how many routes are
// counted apart, 500). They hold for outgoing requests too, and from the opening
// on.
var Plugin = plugins.Plugin{Name: "http", Doc: doc, Open: open}

// config is the plugin's section of the configuration.
type config struct {
	Slow       inflight.Duration `toml:"slow"`
	Recent     int               `toml:"recent"`
	SlowRecent int               `toml:"slow-recent"`
	Routes     int               `toml:"routes"`
}

// Check implements config.Checker.
func (c *config) Check() (key []string, err error) {
	return inflight.CheckConfig(inflight.Bound{Key: "recent", Value: c.Recent, Most: 100_000},
		inflight.Bound{Key: "slow-recent", Value: c.SlowRecent, Most: 100_000}, inflight.Bound{Key: "routes", Value: c.Routes, Most: 10_000})
}

func open(c plugins.Config) (nodes.Dir, io.Closer, error) {
	conf := config{Slow: defaultSlow, Recent: defaultRecent, SlowRecent: defaultRecent, Routes: defaultRoutes}
	if err := c.Decode(&conf); err != nil {
		return nil, nil, err
	}
	incoming.configure(conf)
	outgoing.configure(conf)
	v := &view{redact: c.Redact(), dumps: new(inflight.Dumps)}
	in := v.table(columnsIn)
	closers := inflight.Closer{
		v.dumps.Drop,
		trigger.RegisterEach("http.slow", "age of the oldest request in flight, websockets and event streams aside", trigger.Seconds, oldest, newestOver),
		trigger.Evidence("http.active", func(_ context.Context, w io.Writer) error { return in.WriteText(w, incoming.active()) }),
	}
	dir := nodes.Directory("http", doc, append(v.nodes(incoming, in),
		inflight.Outliving(v.redact),
		nodes.Directory("outgoing", "the requests that the program itself waits for, through Transport",
			v.nodes(outgoing, v.table(columnsOut))...),
	)...)
	return dir, closers, nil
}
