package log

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// withoutLoop returns next, but where it is the handler that slog.Default has at
// first a handler that writes the same lines to where package log writes now.
// slog.SetDefault sends what package log writes to the new handler, so that with a
// wrapped one of the first kind it would come back to package log for ever, under
// its lock: that is how slog deadlocks.
func withoutLoop(next slog.Handler) slog.Handler {
	if fmt.Sprintf("%T", next) != "*slog.defaultHandler" {
		return next
	}
	out := log.New(log.Writer(), log.Prefix(), log.Flags())
	return &standard{out: out, enabled: next.Enabled, free: new(sync.Pool)}
}

// standard writes as the first handler of slog.Default does: level, message,
// attributes.
type standard struct {
	out     *log.Logger
	enabled func(context.Context, slog.Level) bool
	context []contextual
	free    *sync.Pool // of *liner
}

func (h *standard) Enabled(ctx context.Context, l slog.Level) bool { return h.enabled(ctx, l) }

func (h *standard) Handle(ctx context.Context, r slog.Record) error {
	l, ok := h.free.Get().(*liner)
	if !ok {
		l = newLiner(formatText, nil)
	}
	attrs := slog.NewRecord(time.Time{}, r.Level, "", 0)
	r.Attrs(func(a slog.Attr) bool { attrs.AddAttrs(a); return true })
	text, err := l.line(ctx, h.context, attrs)
	if err != nil {
		return err
	}
	level := r.Level.String()
	line := strings.TrimPrefix(strings.TrimSuffix(string(text), "\n"), "level="+level+` msg=""`)
	h.free.Put(l)
	// The caller is behind Handle of ours, and two functions of slog.
	return h.out.Output(5, level+" "+r.Message+line)
}

func (h *standard) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return h.with(contextual{attrs: freeze(attrs)})
}

func (h *standard) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.with(contextual{group: name})
}

func (h *standard) with(c contextual) slog.Handler {
	return &standard{out: h.out, enabled: h.enabled, free: h.free, context: append(h.context[:len(h.context):len(h.context)], c)}
}
