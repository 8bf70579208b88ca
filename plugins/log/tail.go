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
	liners sync.Pool // of *liner
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
	defer func() { recover() }()
	l, ok := s.liners.Get().(*liner)
	if !ok {
		l = newLiner(s.format, s.hide.attr)
	}
	line, err := l.line(ctx, h.context, r)
	if err != nil {
		return
	}
	if len(line) > maxLine {
		line = s.shortened(r, len(line))
	}
	if s.ring != nil {
		s.ring.Append(line)
	}
	req.Log(line)
	if l.buf.Cap() <= 2*maxLine {
		s.liners.Put(l)
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
