package goroutines

import (
	"bytes"
	"context"
	"fmt"
	"runtime/trace"
	"time"

	"github.com/ispyd/ispyd/internal/tracing"
)

// ourselves is what others of this module call a dump that they wait for.
const ourselves = "a dump of all goroutines"

// slot is one of the two places where the runtime lets a program take an
// execution trace. What the program itself uses is busy.
type slot interface {
	// look writes a whole generation of the trace to d.
	look(d *decoder) error
	// close gives the slot back.
	close()
}

// busy explains why a slot is not to be had.
func busy(err error) error { return fmt.Errorf("the program itself uses the tracer (%w)", err) }

// flightSlot is the flight recorder's. While it is held the program can still
// use trace.Start, and nobody but us can stop our recording. But it keeps in
// memory whatever happens while it is held, without bound.
type flightSlot struct{ fr *trace.FlightRecorder }

func openFlight() (slot, error) {
	if by, ok := tracing.Recorder.TryLock(ourselves); !ok {
		return nil, fmt.Errorf("%s uses the flight recorder", by)
	}
	// The smallest window: the recorder keeps the last generation alone.
	fr := trace.NewFlightRecorder(trace.FlightRecorderConfig{MinAge: time.Nanosecond, MaxBytes: 1})
	if err := fr.Start(); err != nil {
		tracing.Recorder.Unlock()
		return nil, busy(err)
	}
	return flightSlot{fr}, nil
}

func (s flightSlot) look(d *decoder) error {
	if _, err := s.fr.WriteTo(d); err != nil {
		return err
	}
	return d.finish()
}

func (s flightSlot) close() {
	s.fr.Stop()
	tracing.Recorder.Unlock()
}

// traceSlot is that of trace.Start. It costs half of the other, since a flight
// recorder writes a second generation when it stops, and its memory is bounded;
// but while it is held the program's own trace.Start fails.
type traceSlot struct{}

func openTrace() (slot, error) {
	if by, ok := tracing.Tracer.TryLock(ourselves); !ok {
		return nil, fmt.Errorf("%s uses the tracer", by)
	}
	return traceSlot{}, nil
}

func (traceSlot) look(d *decoder) error {
	b := backlog{d: d}
	if err := trace.Start(&b); err != nil {
		return busy(err)
	}
	trace.Stop()
	b.read()
	return d.finish()
}

// backlog keeps what the tracer writes until the trace is complete: the
// tracer's reader should do no more than copy, as long as that is little. It
// runs beside the goroutine that stops the trace, and on two CPUs nothing would
// be left for the program. A trace that becomes large is read as it comes,
// since a program that is short of CPU can keep us from ever stopping it.
type backlog struct {
	d    *decoder
	list [][]byte
	size int
}

// maxBacklog is how many bytes of a trace are kept; a million goroutines that
// do nothing are 17 MB.
const maxBacklog = 16 << 20

func (b *backlog) Write(p []byte) (int, error) {
	if b.size += len(p); b.size > maxBacklog {
		b.read()
		return b.d.Write(p)
	}
	b.list = append(b.list, bytes.Clone(p))
	return len(p), nil
}

// read decodes what was kept.
func (b *backlog) read() {
	for i, p := range b.list {
		b.d.Write(p)
		b.list[i] = nil
	}
	b.list = nil
}

func (traceSlot) close() { tracing.Tracer.Unlock() }

// maxLooks is how often all goroutines are looked at for those that always move.
const maxLooks = 6

// lookAgain is how long the looks may have taken for another to follow.
const lookAgain = time.Second

// fromTrace fills d from a slot.
func (d *Dump) fromTrace(ctx context.Context, s slot, me myself) error {
	began := time.Now()
	first := newDecoder()
	if err := s.look(first); err != nil {
		return err
	}
	d.Cost.Bytes, d.Cost.Looks = first.bytes, 1
	missing := d.fill(first, me)
	// Some were on their way from one state to the next, and the trace did not
	// see them stop anywhere. Another look finds most of them at rest, and is
	// dearer than the first for nobody.
	for len(missing) > 0 && d.Cost.Looks < maxLooks && ctx.Err() == nil && time.Since(began) <= lookAgain {
		next := newDecoder()
		next.sched.want = missing
		if err := s.look(next); err != nil {
			break
		}
		d.Cost.Bytes += next.bytes
		d.Cost.Looks++
		missing = d.refill(next)
	}
	return ctx.Err()
}
