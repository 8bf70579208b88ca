// Package runtime shows the Go runtime. This first form is being replaced.
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

// Plugin is the directory runtime.
var Plugin = plugins.Plugin{Name: "runtime", Doc: "the Go runtime", Open: func(plugins.Config) (nodes.Dir, io.Closer, error) {
	return nodes.Directory("runtime", "the Go runtime",
		nodes.Value("version", "Go version", func(context.Context) (string, error) { return goruntime.Version(), nil }),
		nodes.Value("numcpu", "CPUs", func(context.Context) (int, error) { return goruntime.NumCPU(), nil }),
		nodes.Text("goroutines", "every goroutine", func(ctx context.Context, w io.Writer) error {
			d, err := goroutines.Take(ctx)
			if err != nil {
				return err
			}
			return d.WriteText(ctx, w, goroutines.Options{})
		}),
		nodes.Text("stacks", "goroutines by stack", func(ctx context.Context, w io.Writer) error {
			d, err := goroutines.Take(ctx)
			if err != nil {
				return err
			}
			return d.WriteStacks(ctx, w, goroutines.Options{})
		}),
		nodes.Value("memory", "bytes", func(context.Context) (int, error) { return 0, nil }),
		nodes.Directory("settings", "settings", nodes.Var("gogc", "percent", func(context.Context) (int, error) { return 100, nil }, func(context.Context, int) error { return nil })),
		nodes.Ctl("ctl", "acts on the runtime",
			nodes.Verb{Name: "gc", Doc: "run a garbage collection", Run: func(context.Context, []string) error { goruntime.GC(); return nil }},
			nodes.Verb{Name: "freeosmemory", Doc: "gc, and give memory back", Run: func(context.Context, []string) error { debug.FreeOSMemory(); return nil }}),
	), nil, nil
}}
