package profile

import (
	"context"
	"fmt"
	"io"
	"runtime/trace"
	"sync"
	"time"

	"github.com/ispyd/ispyd/internal/tracing"
	"github.com/ispyd/ispyd/nodes"
)

// A trace ends early when it has reached traceBytes; what the runtime still has in
// its buffers then comes on top, up to what can be shown.
const traceBytes = 32 << 20

// errFatal is why nothing is traced with GODEBUG=profstackdepth=0.
var errFatal = nodes.Errorf(nodes.ErrNotSupported, "the program runs with GODEBUG=profstackdepth=0, with which any trace would end it")

// takeTrace takes an execution trace.
func takeTrace(ctx context.Context, d time.Duration) ([]byte, error) {
	return takeTraceUpTo(ctx, d, traceBytes)
}

func takeTraceUpTo(ctx context.Context, d time.Duration, size int) ([]byte, error) {
	if tracing.Fatal() {
		return nil, errFatal
	}
	if err := tracing.Tracer.Lock(ctx, "a reader of profile/trace"); err != nil {
		return nil, err
	}
	defer tracing.Tracer.Unlock()
	w := &traceWriter{size: size, full: make(chan struct{})}
	began := time.Now()
	if err := trace.Start(w); err != nil {
		return nil, nodes.Errorf(nodes.ErrBusy, "the program itself takes an execution trace (%v)", err)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	var err error
	select {
	case <-timer.C:
	case <-w.full:
		trace.Log(ctx, "ispyd", fmt.Sprintf("ended after %s of %s: more than %d bytes", time.Since(began).Round(time.Millisecond), d, size))
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	trace.Stop()
	if err != nil {
		return nil, err
	}
	if w.lost > 0 {
		return nil, nodes.Errorf(nodes.ErrTooLarge, "the program does so much that a trace of %s is more than %d bytes: ask for less time", d, nodes.MaxRendering)
	}
	return w.data, nil
}

// traceWriter keeps a trace in memory. It is read after the trace has ended.
type traceWriter struct {
	size int
	full chan struct{} // closed when there are size bytes
	once sync.Once
	data []byte
	lost int
}

var _ io.Writer = (*traceWriter)(nil)

// Write implements io.Writer. It never fails: the tracer would not care.
func (w *traceWriter) Write(p []byte) (int, error) {
	if len(w.data)+len(p) > nodes.MaxRendering {
		w.lost += len(p)
		return len(p), nil
	}
	w.data = append(w.data, p...)
	if len(w.data) >= w.size {
		w.once.Do(func() { close(w.full) })
	}
	return len(p), nil
}
