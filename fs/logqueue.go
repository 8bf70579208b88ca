package fs

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ispyd/ispyd/nodes"
)

// logQueue takes messages for the program's Logger without ever waiting for it:
// the program's log may block, be slow, or panic. A goroutine hands them on,
// and exists only while there are any.
type logQueue struct {
	handler slog.Handler
	off     bool // nobody listens
	// noDebug is until when, in nanoseconds since 1970, the handler is known
	// not to want debug messages: a failed operation each would make one.
	noDebug atomic.Int64

	mu      sync.Mutex
	queue   []slog.Record
	dropped int
	done    chan struct{} // closed when the goroutine ends; nil where there is none
	limits  map[string]*rate
}

// maxQueue is the number of messages that wait.
const maxQueue = 256

// rate bounds one kind of message.
type rate struct {
	last       time.Time
	suppressed int
}

// Of one kind of message one a second is logged, and maxRates kinds are known
// at a time.
const (
	rateInterval = time.Second
	maxRates     = 64
)

func newLogQueue(l *slog.Logger) *logQueue {
	h := slog.DiscardHandler
	if l != nil {
		h = l.Handler()
	}
	return &logQueue{handler: h, off: h == slog.DiscardHandler, limits: make(map[string]*rate)}
}

// add queues a message, or drops it where too many wait.
func (q *logQueue) add(level slog.Level, msg string, attrs ...slog.Attr) {
	now := time.Now()
	if q.off || level <= slog.LevelDebug && now.UnixNano() < q.noDebug.Load() {
		return
	}
	r := slog.NewRecord(now, level, "ispyd: "+msg, 0)
	r.AddAttrs(attrs...)
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == maxQueue {
		q.dropped++
		return
	}
	q.queue = append(q.queue, r)
	if q.done == nil {
		q.done = make(chan struct{})
		go q.drain(q.done)
	}
}

// limited is add for messages of which a client could cause any number.
func (q *logQueue) limited(kind string, level slog.Level, msg string, attrs ...slog.Attr) {
	now := time.Now()
	q.mu.Lock()
	l := q.limits[kind]
	if l == nil {
		if len(q.limits) == maxRates {
			clear(q.limits)
		}
		l = &rate{}
		q.limits[kind] = l
	}
	if now.Sub(l.last) < rateInterval {
		l.suppressed++
		q.mu.Unlock()
		return
	}
	if l.suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", l.suppressed))
	}
	l.last, l.suppressed = now, 0
	q.mu.Unlock()
	q.add(level, msg, attrs...)
}

// connection logs what happened to a connection.
func (q *logQueue) connection(c *conn, what, kind string) {
	q.limited(kind, slog.LevelWarn, "connection "+what,
		slog.Int("uid", c.peer.UID), slog.Int("pid", c.peer.PID), slog.String("addr", c.peer.Addr))
}

// panicked logs a panic of our own.
func (q *logQueue) panicked(where string, v any) {
	q.limited("panic "+where, slog.LevelError, "panic in "+where,
		slog.String("panic", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())))
}

func (q *logQueue) drain(done chan struct{}) {
	for {
		q.mu.Lock()
		if q.dropped > 0 && len(q.queue) < maxQueue {
			r := slog.NewRecord(time.Now(), slog.LevelWarn, "ispyd: log messages were dropped", 0)
			r.AddAttrs(slog.Int("dropped", q.dropped))
			q.queue = append(q.queue, r)
			q.dropped = 0
		}
		if len(q.queue) == 0 {
			q.queue, q.done = nil, nil
			q.mu.Unlock()
			close(done)
			return
		}
		r := q.queue[0]
		q.queue = q.queue[1:]
		q.mu.Unlock()
		nodes.Protect(func() error { return q.handle(r) })
	}
}

// debugAgain is how long the handler is not asked again whether it wants debug
// messages.
const debugAgain = time.Second

// handle hands r on, if it is wanted. Even to ask may take long.
func (q *logQueue) handle(r slog.Record) error {
	ctx := context.Background()
	if q.handler.Enabled(ctx, r.Level) {
		return q.handler.Handle(ctx, r)
	}
	if r.Level <= slog.LevelDebug {
		q.noDebug.Store(time.Now().Add(debugAgain).UnixNano())
	}
	return nil
}

// flush waits until nothing is queued, as long as ctx lasts.
func (q *logQueue) flush(ctx context.Context) {
	q.mu.Lock()
	done := q.done
	q.mu.Unlock()
	if done == nil {
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}
