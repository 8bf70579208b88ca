package profile

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"runtime/trace"
	"sync"
	"time"

	"github.com/ispyd/ispyd/internal/tracing"
	"github.com/ispyd/ispyd/nodes"
)

// window is how much a flight recorder keeps: at least Age, and as many bytes as
// make that, up to Bytes or what one second of the program fills.
type window struct {
	Age   time.Duration
	Bytes size
}

// String is the value of a lease: "10s 10MiB".
func (w window) String() string { return w.Age.String() + " " + w.Bytes.String() }

// The bounds of a window.
const (
	minAge   = 100 * time.Millisecond
	maxAge   = time.Hour
	minBytes = 64 << 10
	maxBytes = 32 << 20 // the last second comes on top, up to what can be shown
)

// recorder is the flight recorder of profile/flight.
type recorder struct {
	logger *slog.Logger

	// turn is held by who starts, stops or reads fr, which is not safe for use
	// by several goroutines.
	turn chan struct{}
	fr   *trace.FlightRecorder
	end  func() // ends the guard

	mu     sync.Mutex
	status status
	window window // while it is on
	armed  bool   // on because a trigger wanted it
}

// status is how the recorder stands.
type status struct {
	State string    `json:"state"` // on or off
	Since time.Time `json:"since,omitzero"`
	Age   string    `json:"age,omitempty"`   // what it keeps at least
	Bytes size      `json:"bytes,omitempty"` // in as many bytes
	By    string    `json:"by,omitempty"`    // who started or stopped it
	Note  string    `json:"note,omitempty"`  // why it is off where nobody stopped it
}

func newRecorder(l *slog.Logger) *recorder {
	return &recorder{logger: l, turn: make(chan struct{}, 1), status: status{State: "off"}}
}

func (r *recorder) acquire(ctx context.Context) error {
	select {
	case r.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *recorder) release() { <-r.turn }

// now returns the status.
func (r *recorder) now(context.Context) (status, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status, nil
}

// set notes the status.
func (r *recorder) set(s status, armed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status, r.armed = s, armed
}

// running returns the window, and whether the recorder is on, and for triggers
// alone.
func (r *recorder) running() (w window, on, armed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.window, r.status.State == "on", r.armed
}

// start has the last moments recorded from now on; one that records another
// window begins anew.
func (r *recorder) start(ctx context.Context, w window, by string) error {
	return r.restart(ctx, w, by, false)
}

// restart is start, for triggers where armed is set: it then ends with them.
func (r *recorder) restart(ctx context.Context, w window, by string, armed bool) error {
	if err := r.acquire(ctx); err != nil {
		return err
	}
	defer r.release()
	return r.startLocked(ctx, w, by, armed)
}

// arm starts the recorder for a trigger, if it is off.
func (r *recorder) arm(ctx context.Context, w window) error {
	if err := r.acquire(ctx); err != nil {
		return err
	}
	defer r.release()
	if r.fr != nil {
		return nil
	}
	err := r.startLocked(ctx, w, "triggers", true)
	if err != nil {
		r.set(status{State: "off", Since: time.Now().Round(0), By: "triggers", Note: err.Error()}, false)
	}
	return err
}

// disarm stops the recorder if it was started by arm.
func (r *recorder) disarm(ctx context.Context) error {
	if err := r.acquire(ctx); err != nil {
		return err
	}
	defer r.release()
	r.mu.Lock()
	armed := r.armed
	r.mu.Unlock()
	if armed {
		r.stopLocked("triggers", "the last trigger was removed")
	}
	return nil
}

func (r *recorder) startLocked(ctx context.Context, w window, by string, armed bool) error {
	if tracing.Fatal() {
		return errFatal
	}
	if late := turn(); late > outOfCPU {
		return nodes.Errorf(nodes.ErrBusy, "the program is so short of CPU that a goroutine waits %s for its turn: a flight recorder would take memory without bound", late.Round(time.Millisecond))
	}
	r.stopLocked(by, "")
	if err := tracing.Recorder.Lock(ctx, "profile/flight"); err != nil {
		return err
	}
	fr := trace.NewFlightRecorder(trace.FlightRecorderConfig{MinAge: w.Age, MaxBytes: uint64(w.Bytes)})
	if err := fr.Start(); err != nil {
		tracing.Recorder.Unlock()
		return nodes.Errorf(nodes.ErrBusy, "the program itself has a flight recorder, and the runtime allows one (%v)", err)
	}
	r.fr = fr
	r.end = r.guard(fr, w)
	r.mu.Lock()
	r.window = w
	r.mu.Unlock()
	r.set(status{State: "on", Since: time.Now().Round(0), Age: w.Age.String(), Bytes: w.Bytes, By: by}, armed)
	return nil
}

// stop ends the recording; without one it does nothing. note says why, where
// nobody has asked for it.
func (r *recorder) stop(ctx context.Context, by, note string) error {
	if err := r.acquire(ctx); err != nil {
		return err
	}
	defer r.release()
	r.stopLocked(by, note)
	return nil
}

func (r *recorder) stopLocked(by, note string) {
	if r.fr == nil {
		return
	}
	r.end()
	r.fr.Stop()
	r.fr = nil
	tracing.Recorder.Unlock()
	r.set(status{State: "off", Since: time.Now().Round(0), By: by, Note: note}, false)
}

// read returns the last moments as a trace.
func (r *recorder) read(ctx context.Context) ([]byte, error) {
	if err := r.acquire(ctx); err != nil {
		return nil, err
	}
	defer r.release()
	if r.fr == nil {
		s, _ := r.now(ctx)
		if s.Note != "" {
			return nil, nodes.Errorf(fs.ErrNotExist, "the flight recorder is off: %s", s.Note)
		}
		return nil, nodes.Errorf(fs.ErrNotExist, "the flight recorder is off: write \"flight start\" to profile/ctl first")
	}
	var b bytes.Buffer
	if _, err := r.fr.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("reading the flight recorder: %w", err)
	}
	return b.Bytes(), nil
}
