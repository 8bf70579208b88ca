package log

import (
	"context"
	"log/slog"
)

// Handler wraps the handler of a program's logger, so that ispyd can show what is
// logged and set the level. A record goes on to next unchanged.
//
// Until somebody writes log/level, next alone decides what is logged. From then on
// the level that was written decides, and records that it lets through go to next
// even if its Enabled says no: those of log/slog take them; a handler that looks at
// the level again in Handle must be made with the lowest level that will be asked
// for.
//
// While a server shows the log, each record that is logged is also made into a
// line: slog.LogValuer, json.Marshaler and the like are asked once more, in the
// goroutine that logs, with no lock held. Values given to Logger.With are asked at
// that time.
func Handler(next slog.Handler) slog.Handler {
	switch h := next.(type) {
	case nil:
		next = slog.DiscardHandler
	case *handler:
		return h
	}
	next = withoutLoop(next)
	return &handler{next: next, root: newRoot(next), group: top}
}

// handler is what Handler returns, and what its With methods make of it.
type handler struct {
	next  slog.Handler
	root  *root
	group *group // of the level
	// context is what the With methods have added, for lines: groups, and
	// attributes that do not change any more.
	context []contextual
}

// contextual is a group, or attributes.
type contextual struct {
	group string
	attrs []slog.Attr
}

// Enabled implements slog.Handler. While no level is set it costs one atomic load
// beside that of the wrapped handler.
func (h *handler) Enabled(ctx context.Context, l slog.Level) bool {
	if overrides.Load() == 0 {
		return h.next.Enabled(ctx, l)
	}
	if least, ok := leastLevel(ctx, h.group); ok {
		return l >= least
	}
	return h.next.Enabled(ctx, l)
}

// Handle implements slog.Handler. The line is kept before the program's handler
// gets the record: if that hangs, it is there.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if s := current.Load(); s != nil {
		s.take(ctx, h, r)
	}
	return h.next.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return h.with(h.next.WithAttrs(attrs), h.group, contextual{attrs: freeze(attrs)})
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.with(h.next.WithGroup(name), h.group.child(name), contextual{group: name})
}

func (h *handler) with(next slog.Handler, g *group, c contextual) *handler {
	return &handler{next: next, root: h.root, group: g, context: append(h.context[:len(h.context):len(h.context)], c)}
}
