package log

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/nodes"
)

// sink is where the lines go while a server shows the log.
type sink struct {
	format lineFormat
	ring   *nodes.Ring // nil: no tail, only the lines of requests
	hide   *hider
	lost   atomic.Int64 // lines that could not be made
}

// current is the sink, nil while no server shows the log.
var current atomic.Pointer[sink]

var sinkUsers struct {
	sync.Mutex
	n int
}

// acquire makes s the sink, or returns that which there is.
func acquire(s *sink) *sink {
	sinkUsers.Lock()
	defer sinkUsers.Unlock()
	sinkUsers.n++
	if sinkUsers.n > 1 {
		return current.Load()
	}
	current.Store(s)
	return s
}

func release() {
	sinkUsers.Lock()
	defer sinkUsers.Unlock()
	if sinkUsers.n--; sinkUsers.n == 0 {
		current.Store(nil)
	}
}

func newSink(c config, r *redact.Redactor) *sink {
	s := &sink{format: c.Format, hide: newHider(r, c.Format)}
	if c.Tail > 0 {
		s.ring = nodes.NewRing(int(c.Tail))
	}
	return s
}

// maxLine is the number of bytes of one line, maxMessage that of the message that
// is left of a longer one.
const (
	maxLine    = 16 << 10
	maxMessage = 1 << 10
)

// take keeps the record as a line, for the tail and for the request that it
// belongs to. No lock is held while the program's values are asked for their
// text, and none of their panics goes further.
func (s *sink) take(ctx context.Context, h *handler, r slog.Record) {
	req := request.FromContext(ctx)
	if s.ring == nil && req == nil {
		return
	}
	defer func() {
		if recover() != nil {
			s.lost.Add(1)
		}
	}()
	l := h.lines.Load()
	if l == nil || l.sink != s {
		l = &lines{sink: s}
		h.lines.Store(l)
	}
	f := l.get(h)
	if err := f.h.Handle(ctx, r); err != nil {
		s.lost.Add(1)
		return
	}
	line := f.buf.Bytes()
	if len(line) > maxLine {
		line = s.shortened(r, len(line))
	}
	if s.ring != nil {
		s.ring.Append(line)
	}
	req.Log(line)
	if f.buf.Cap() <= 2*maxLine {
		l.free.Put(f)
	}
}

// shortened is what is kept of a record that makes too long a line.
func (s *sink) shortened(r slog.Record, size int) []byte {
	msg := r.Message
	if len(msg) > maxMessage {
		msg = string(bytes.ToValidUTF8([]byte(msg[:maxMessage]), nil)) + "..."
	}
	cut := fmt.Sprintf("%d bytes, more than the %d that are kept", size, maxLine)
	if s.format == formatText {
		return fmt.Appendf(nil, "time=%s level=%s msg=%q cut=%q\n", r.Time.Format(time.RFC3339Nano), r.Level, msg, cut)
	}
	b, _ := json.Marshal(struct {
		Time  time.Time `json:"time"`
		Level string    `json:"level"`
		Msg   string    `json:"msg"`
		Cut   string    `json:"cut"`
	}{r.Time, r.Level.String(), msg, cut})
	return b
}

// lines makes the lines of one handler, for one sink.
type lines struct {
	sink *sink
	free sync.Pool // of *liner
}

// liner makes one line at a time.
type liner struct {
	buf bytes.Buffer
	h   slog.Handler
}

func (l *lines) get(h *handler) *liner {
	if f, ok := l.free.Get().(*liner); ok {
		f.buf.Reset()
		return f
	}
	f := &liner{}
	o := &slog.HandlerOptions{Level: lowestOfAll, ReplaceAttr: l.sink.hide.attr}
	if l.sink.format == formatText {
		f.h = slog.NewTextHandler(&f.buf, o)
	} else {
		f.h = slog.NewJSONHandler(&f.buf, o)
	}
	f.h = inContext(f.h, h.context)
	return f
}

// lowestOfAll is a level for handlers that are asked for what another has let
// through already.
const lowestOfAll = slog.Level(-1 << 30)

// inContext returns h with what the With methods have added.
func inContext(h slog.Handler, context []contextual) slog.Handler {
	for _, c := range context {
		if c.group != "" {
			h = h.WithGroup(c.group)
		} else {
			h = h.WithAttrs(c.attrs)
		}
	}
	return h
}
