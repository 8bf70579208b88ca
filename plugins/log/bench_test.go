package log

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/ispyd/ispyd/internal/request"
)

// own is a handler of the program's.
func own() slog.Handler {
	return slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelInfo})
}

// BenchmarkDisabled is what a call costs whose level is off, beside slog alone.
func BenchmarkDisabled(b *testing.B) {
	ctx := context.Background()
	for _, c := range []struct {
		name    string
		h       slog.Handler
		prepare func(b *testing.B)
	}{
		{name: "slog", h: own()},
		{name: "wrapped", h: Handler(own())},
		{name: "wrapped and served", h: Handler(own()), prepare: func(b *testing.B) { tree(b, "") }},
		{name: "level set", h: Handler(own()), prepare: func(b *testing.B) { top.set(level{level: slog.LevelInfo}) }},
		{name: "level of another request set", h: Handler(own()), prepare: func(b *testing.B) {
			r := request.New("bench")
			s := &leveled{r: r}
			s.set(level{level: slog.LevelDebug})
			b.Cleanup(func() { s.set(level{own: true}); r.Done() })
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			if c.prepare != nil {
				c.prepare(b)
			}
			b.Cleanup(func() { top.set(level{own: true}) })
			l := slog.New(c.h)
			b.ReportAllocs()
			for b.Loop() {
				l.LogAttrs(ctx, slog.LevelDebug, "message", slog.Int("n", 1))
			}
		})
	}
}

// BenchmarkLine is what a record that is logged costs, to a handler that throws its
// line away, beside slog alone.
func BenchmarkLine(b *testing.B) {
	ctx := context.Background()
	for _, c := range []struct {
		name, config string
		wrap         bool
	}{
		{name: "slog"},
		{name: "wrapped", wrap: true},
		{name: "wrapped, tail=0", wrap: true, config: "[log]\ntail = 0\n"},
		{name: "wrapped, tail", wrap: true, config: "[log]\ntail = 262144\n"},
		{name: "wrapped, tail as text", wrap: true, config: "[log]\nformat = \"text\"\n"},
	} {
		h := own()
		if c.wrap {
			h = Handler(h)
		}
		for _, what := range []string{"record", "new With for each"} {
			b.Run(c.name+"/"+what, func(b *testing.B) {
				if c.config != "" {
					tree(b, c.config)
				}
				l := slog.New(h)
				b.ReportAllocs()
				for b.Loop() {
					l := l
					if what != "record" {
						l = l.With("request", 17, "route", "/items/{id}")
					}
					l.LogAttrs(ctx, slog.LevelInfo, "request served", slog.String("method", "GET"), slog.String("path", "/items/4711"),
						slog.Int("status", 200), slog.Duration("took", 1234567))
				}
			})
		}
	}
}
