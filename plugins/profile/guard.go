package profile

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"runtime/trace"
	"time"
)

// A flight recorder keeps the current second whole, however much that is, and
// where the program is short of CPU a second of it lasts as long as the recorder
// waits for its turn. So somebody looks, this often, whether it has become too
// much.
const (
	guardEvery = 250 * time.Millisecond
	// outOfCPU is how long a goroutine that is ready to run may wait for its turn.
	outOfCPU = time.Second
	// spare is what the current second, and the runtime's buffers, may take beside
	// the window.
	spare = 64 << 20
)

// guard stops a recorder that takes too much from the program. end ends it.
func (r *recorder) guard(fr *trace.FlightRecorder, w window) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	buffers := runtimeBuffers()
	go func() {
		t := time.NewTicker(guardEvery)
		defer t.Stop()
		for {
			due := time.Now().Add(guardEvery)
			select {
			case <-t.C:
			case <-ctx.Done():
				return
			}
			late := max(time.Since(due), turn())
			why := tooMuch(w, late, current(fr), runtimeBuffers()-buffers)
			if why == "" {
				continue
			}
			// Who stops it meanwhile ends ctx before he gives the turn back.
			if r.acquire(ctx) != nil {
				return
			}
			if ctx.Err() == nil {
				r.stopLocked("itself", why)
				r.logger.Warn("ispyd: the flight recorder was stopped", "reason", why)
			}
			r.release()
			return
		}
	}()
	return cancel
}

// tooMuch says why a recorder must stop, "" if it need not: how late a goroutine
// is, how many bytes the current second has, by how much the runtime's buffers
// have grown.
func tooMuch(w window, late time.Duration, current, buffers int64) string {
	limit := 2*int64(w.Bytes) + spare
	switch {
	case late > outOfCPU:
		return fmt.Sprintf("stopped by itself: the program is so short of CPU that a goroutine waits %s for its turn, and the recorder would take memory without bound", late.Round(time.Millisecond))
	case current > limit:
		return fmt.Sprintf("stopped by itself: the program does so much that a second of it is more than %s", size(limit))
	case buffers > limit:
		return fmt.Sprintf("stopped by itself: the runtime's trace buffers have grown by more than %s", size(limit))
	}
	return ""
}

// turn measures how long a goroutine that is ready to run waits for its turn.
func turn() time.Duration {
	start := time.Now()
	runtime.Gosched()
	return time.Since(start)
}

// runtimeBuffers is what the runtime has in memory of its own for this and that,
// in bytes; trace buffers are the part of it that can grow.
func runtimeBuffers() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/other:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return int64(s[0].Value.Uint64())
}
