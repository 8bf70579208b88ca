// Package runtime is the plugin that shows the Go runtime: goroutines, memory,
// collector, metrics, settings, and how the program was built. Nothing that its
// directories list stops the program for longer than a moment; goroutines.full,
// which does, is not listed.
package runtime

import (
	"context"
	"io"
	goruntime "runtime"
	"runtime/debug"

	"github.com/ispyd/ispyd/internal/goroutines"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

const doc = "the Go runtime: goroutines, memory, collector, metrics, settings, build"

// Plugin is the directory runtime. Its section of the configuration has one key,
// introspection, which is true by default.
var Plugin = plugins.Plugin{Name: "runtime", Doc: doc, Open: open}

// config is the plugin's section of the configuration.
type config struct {
	// Introspection lets dumps look up who created a goroutine, and its labels,
	// in the runtime's own structures, through /proc/self/mem. It is on; off is for
	// systems that raise an alarm when a program opens this file.
	Introspection bool `toml:"introspection"`
}

func open(c plugins.Config) (nodes.Dir, io.Closer, error) {
	conf := config{Introspection: true}
	if err := c.Decode(&conf); err != nil {
		return nil, nil, err
	}
	goroutines.Introspection(conf.Introspection)
	children := append(facts(), newDumper(c).nodes()...)
	children = append(children,
		nodes.Value("memory", "what Go's memory is made of: sizes in bytes, with their meaning (runtime/metrics)", memory),
		nodes.Value("gc", "what the garbage collector has done and costs, with the meaning (runtime/metrics)", gc),
		metricsDir(),
		settingsDir(),
		nodes.Ctl("ctl", "acts on the runtime",
			nodes.Verb{Name: "gc", Doc: "run a garbage collection and wait for its end", Run: collect},
			nodes.Verb{Name: "freeosmemory", Doc: "run a garbage collection and give as much memory back to the system as possible", Run: free}),
	)
	return nodes.Directory("runtime", doc, children...), nil, nil
}

func collect(context.Context, []string) error {
	goruntime.GC()
	return nil
}

func free(context.Context, []string) error {
	debug.FreeOSMemory()
	return nil
}
