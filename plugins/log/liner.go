package log

import (
	"bytes"
	"context"
	"log/slog"
)

// liner makes lines of records, one at a time, with a handler of log/slog. One
// serves all loggers: what their With methods have added comes with each record,
// because many a program makes a logger for each request, and logs little with it.
type liner struct {
	buf   bytes.Buffer
	h     slog.Handler
	attrs []slog.Attr // room for those of one record
}

// lowestOfAll is a level for handlers that are given what another has let
// through already.
const lowestOfAll = slog.Level(-1 << 30)

func newLiner(f lineFormat, replace func([]string, slog.Attr) slog.Attr) *liner {
	l := &liner{}
	o := &slog.HandlerOptions{Level: lowestOfAll, ReplaceAttr: replace}
	if f == formatText {
		l.h = slog.NewTextHandler(&l.buf, o)
	} else {
		l.h = slog.NewJSONHandler(&l.buf, o)
	}
	return l
}

// line makes the line of a record in the context of a logger. It is good until the
// next call.
func (l *liner) line(ctx context.Context, context []contextual, r slog.Record) ([]byte, error) {
	l.buf.Reset()
	if len(context) > 0 {
		n := slog.NewRecord(r.Time, r.Level, r.Message, 0)
		n.AddAttrs(l.inside(context, r)...)
		r = n
	}
	err := l.h.Handle(ctx, r)
	// What the program has logged is not kept from the collector.
	clear(l.attrs)
	l.attrs = l.attrs[:0]
	return l.buf.Bytes(), err
}

// inside returns the attributes of r in the context, as the one list that is given
// to a handler without it. It takes room from l.attrs.
func (l *liner) inside(context []contextual, r slog.Record) []slog.Attr {
	start := len(l.attrs)
	for i, c := range context {
		if c.group == "" {
			l.attrs = append(l.attrs, c.attrs...)
			continue
		}
		at := len(l.attrs)
		l.attrs = append(l.attrs, slog.Attr{Key: c.group})
		inner := l.inside(context[i+1:], r)
		l.attrs[at].Value = slog.GroupValue(inner...)
		return l.attrs[start : at+1]
	}
	r.Attrs(func(a slog.Attr) bool {
		l.attrs = append(l.attrs, a)
		return true
	})
	return l.attrs[start:]
}
