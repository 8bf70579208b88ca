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

	"github.com/ispyd/ispyd/internal/bytesize"
	"github.com/ispyd/ispyd/internal/tracing"
	"github.com/ispyd/ispyd/nodes"
)

// window is how much a flight recorder keeps: at least Age, and as many bytes as
// make that, up to Bytes or what one second of the program fills.
type window struct {
	Age   time.Duration
	Bytes bytesize.Size
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

// mode is who decides whether the recorder is on: the setting flight.
type mode string

const (
	auto mode = "auto" // triggers: it is on while there are any
	on   mode = "on"   // somebody has started it
	off  mode = "off"  // somebody has stopped it: triggers leave it so
)

// recorder is the flight recorder of profile/flight.
type recorder struct {
	logger *slog.Logger

	// turn is held by who starts, stops or reads fr, which is not safe for use
	// by several goroutines.
	turn chan struct{}
	fr   *trace.FlightRecorder
	end  func() // ends the guard
	// unplan calls off what starts a recorder again that has stopped by itself;
	// nil where nothing does. It is called by who holds turn.
	unplan func()
	first  time.Duration // until the first try

	mu     sync.Mutex
	status status        // its Mode is written by who holds turn
	window window        // of the last start
	pause  time.Duration // until the next try
}

// status is how the recorder stands.
type status struct {
	State string        `json:"state"` // on or off
	Since time.Time     `json:"since,omitzero"`
	Age   string        `json:"age,omitempty"`   // what it keeps at least
	Bytes bytesize.Size `json:"bytes,omitempty"` // in as many bytes
	By    string        `json:"by,omitempty"`    // who started or stopped it
	Note  string        `json:"note,omitempty"`  // why it is off where nobody stopped it
	Mode  mode          `json:"mode"`            // who decides: auto, on, off
	// Captures says where captures go if not into the directory that is theirs.
	Captures string `json:"captures,omitempty"`
}

func newRecorder(l *slog.Logger) *recorder {
	return &recorder{logger: l, turn: make(chan struct{}, 1), first: reviveFirst, status: status{State: "off", Mode: auto}}
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

// set notes the status; it keeps the mode.
func (r *recorder) set(s status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Mode = r.status.Mode
	r.status = s
}

// setMode is called by who holds turn.
func (r *recorder) setMode(m mode) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status.Mode = m
}

// setting returns what people have set: the mode, and the window of mode on. It is
// so also where the recorder has stopped by itself.
func (r *recorder) setting() (mode, window) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status.Mode, r.window
}

// why says why nothing is recorded, "" where something is.
func (r *recorder) why() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch s := r.status; {
	case s.State == "on":
		return ""
	case s.Note != "":
		return "the flight recorder is off: " + s.Note
	case s.Mode == off:
		return "the flight recorder is off, stopped by " + s.By + ": write \"flight auto\" to profile/ctl to give it back to the triggers"
	}
	return "the flight recorder is off: write \"flight start\" to profile/ctl first"
}

// start has the last moments recorded from now on, until somebody says otherwise; a
// recorder that is on begins anew.
func (r *recorder) start(ctx context.Context, w window, by string) error {
	if err := r.acquire(ctx); err != nil {
		return err
	}
	defer r.release()
	if err := r.startLocked(ctx, w, by); err != nil {
		return err
	}
	r.setMode(on)
	return nil
}

// stop ends the recording, until somebody says otherwise.
func (r *recorder) stop(ctx context.Context, by string) error {
	if err := r.acquire(ctx); err != nil {
		return err
	}
	defer r.release()
	r.stopLocked(by, "")
	r.set(status{State: "off", Since: time.Now().Round(0), By: by})
	r.setMode(off)
	return nil
}

// triggers is who turns the recorder on and off in mode auto.
const triggers = "triggers"

// auto gives the recorder to the triggers, which want it or not. What has been
// recorded stays where the window does.
func (r *recorder) auto(ctx context.Context, w window, wanted func() bool) error {
	if err := r.acquire(ctx); err != nil {
		return err
	}
	defer r.release()
	r.setMode(auto)
	switch {
	case !wanted():
		r.stopLocked(triggers, "there are no triggers")
		r.set(status{State: "off", Since: time.Now().Round(0), By: triggers})
		return nil
	case r.fr != nil && r.window == w:
		s, _ := r.now(ctx)
		s.By = triggers
		r.set(s)
		return nil
	}
	r.stopLocked(triggers, "")
	return r.armLocked(ctx, w)
}

// arm starts the recorder for a trigger, if it is off and nobody has stopped it.
func (r *recorder) arm(ctx context.Context, w window) error {
	if err := r.acquire(ctx); err != nil {
		return err
	}
	defer r.release()
	if m, _ := r.setting(); r.fr != nil || m != auto {
		return nil
	}
	return r.armLocked(ctx, w)
}

func (r *recorder) armLocked(ctx context.Context, w window) error {
	err := r.startLocked(ctx, w, triggers)
	if err != nil {
		r.set(status{State: "off", Since: time.Now().Round(0), By: triggers, Note: err.Error()})
	}
	return err
}

// disarm stops the recorder where it is the triggers' and they want it no more.
func (r *recorder) disarm(ctx context.Context, wanted func() bool) error {
	if err := r.acquire(ctx); err != nil {
		return err
	}
	defer r.release()
	if m, _ := r.setting(); m == auto && !wanted() {
		r.stopLocked(triggers, "the last trigger was removed")
	}
	return nil
}

// close ends the recording for good.
func (r *recorder) close() error {
	if err := r.acquire(context.Background()); err != nil {
		return err
	}
	defer r.release()
	r.stopLocked("Close", "")
	return nil
}

func (r *recorder) startLocked(ctx context.Context, w window, by string) error {
	if tracing.Fatal() {
		return errFatal
	}
	if late := turn(); late > outOfCPU {
		return nodes.Errorf(nodes.ErrBusy, "the program is so short of CPU that a goroutine waits %s for its turn: a flight recorder would take memory without bound", late.Round(time.Millisecond))
	}
	r.stopLocked(by, "it could not be started again")
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
	r.set(status{State: "on", Since: time.Now().Round(0), Age: w.Age.String(), Bytes: w.Bytes, By: by})
	return nil
}

// stopLocked ends the recording; without one it does nothing. note says why, where
// nobody has asked for it.
func (r *recorder) stopLocked(by, note string) {
	if r.unplan != nil {
		r.unplan()
		r.unplan = nil
		if r.fr == nil {
			r.set(status{State: "off", Since: time.Now().Round(0), By: by, Note: note})
		}
	}
	if r.fr == nil {
		return
	}
	r.end()
	r.fr.Stop()
	r.fr = nil
	tracing.Recorder.Unlock()
	r.set(status{State: "off", Since: time.Now().Round(0), By: by, Note: note})
}

// read returns the last moments as a trace.
func (r *recorder) read(ctx context.Context) ([]byte, error) {
	if err := r.acquire(ctx); err != nil {
		return nil, err
	}
	defer r.release()
	if r.fr == nil {
		return nil, nodes.Errorf(fs.ErrNotExist, "%s", r.why())
	}
	var b bytes.Buffer
	if _, err := r.fr.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("reading the flight recorder: %w", err)
	}
	return b.Bytes(), nil
}
