package profile

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"runtime/trace"
	"time"

	"github.com/ispyd/ispyd/internal/bytesize"
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
			due, used := time.Now().Add(guardEvery), cpuTime()
			select {
			case <-t.C:
			case <-ctx.Done():
				return
			}
			late := max(time.Since(due), turn())
			if stoodStill(late, cpuTime()-used) {
				late = 0
			}
			why := tooMuch(w, late, current(fr), runtimeBuffers()-buffers)
			if why == "" {
				continue
			}
			// Who stops it meanwhile ends ctx before he gives the turn back.
			if r.acquire(ctx) != nil {
				return
			}
			if ctx.Err() == nil {
				s, _ := r.now(ctx)
				r.stopLocked("itself", why)
				r.plan(s, why)
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
		return fmt.Sprintf("stopped by itself: the program does so much that a second of it is more than %s", bytesize.Size(limit))
	case buffers > limit:
		return fmt.Sprintf("stopped by itself: the runtime's trace buffers have grown by more than %s", bytesize.Size(limit))
	}
	return ""
}

// stoodStill reports whether a program that is late has used no more CPU time than it
// can between two looks. It has traced no more then, either: it was stopped, frozen or
// suspended as a whole, and the recorder with it, or the machine was.
func stoodStill(late, used time.Duration) bool {
	return late > outOfCPU && used <= guardEvery*time.Duration(min(runtime.GOMAXPROCS(0), runtime.NumCPU()))+guardEvery
}

// A recorder that has stopped by itself is tried again, first after reviveFirst, then
// after twice as long each time up to reviveMost, until one has lasted for calm.
const (
	reviveFirst = 5 * time.Second
	reviveMost  = 5 * time.Minute
	calm        = time.Minute
)

// plan has a recorder started again that stood as in s and stopped by itself, unless
// somebody says otherwise before. turn is held.
func (r *recorder) plan(s status, why string) {
	if time.Since(s.Since) >= calm {
		r.mu.Lock()
		r.pause = 0
		r.mu.Unlock()
	}
	stopped := time.Now()
	ctx, cancel := context.WithCancel(context.Background())
	r.unplan = cancel
	r.wait(s.By, why)
	r.logger.Warn("ispyd: the flight recorder was stopped", "reason", why, "again", r.pause)
	go func() {
		defer func() { cancel() }()
		for {
			if wait(ctx, r.pauseNow()) != nil || r.acquire(ctx) != nil {
				return
			}
			if ctx.Err() != nil { // he who has ended it has had turn
				r.release()
				return
			}
			err := r.startAgain(s.By, fmt.Sprintf("was off for %s until then: %s", time.Since(stopped).Round(time.Millisecond), why))
			if err == nil {
				r.logger.Info("ispyd: the flight recorder is on again", "after", time.Since(stopped).Round(time.Millisecond))
			} else {
				cancel() // it may be ended by the try itself
				ctx, cancel = context.WithCancel(context.Background())
				r.unplan = cancel
				r.wait(s.By, why)
			}
			r.release()
			if err == nil {
				return
			}
		}
	}()
}

// startAgain starts the recorder as it was, for the same. turn is held.
func (r *recorder) startAgain(by, note string) error {
	ctx, cancel := context.WithTimeout(context.Background(), reviveFirst)
	defer cancel()
	_, w := r.setting()
	if err := r.startLocked(ctx, w, by); err != nil {
		return err
	}
	s, _ := r.now(ctx)
	s.Note = note
	r.set(s)
	return nil
}

// wait notes that the recorder is off, and makes the next pause. turn is held.
func (r *recorder) wait(by, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pause = min(max(2*r.pause, r.first), reviveMost)
	next := time.Now().Add(r.pause)
	r.status.State, r.status.By = "off", "itself"
	r.status.Note = fmt.Sprintf("%s; it is tried again for %s at %s", why, by, next.Format(time.TimeOnly))
}

func (r *recorder) pauseNow() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pause
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
