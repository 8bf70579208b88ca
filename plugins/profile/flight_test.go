package profile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"runtime"
	"runtime/trace"
	"strings"
	"testing"
	"time"

	"github.com/ispyd/ispyd/internal/goroutines"
	"github.com/ispyd/ispyd/internal/tracing"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

func statusOf(t testing.TB, dir nodes.Dir) (s struct {
	State, Age, By, Note, Mode string
	Bytes                      int64
}) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, dir, "status.json")), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFlight(t *testing.T) {
	dir := tree(t, "")
	_, err := readFile(t.Context(), dir, "flight")
	wantError(t, "off", err, fs.ErrNotExist, `the flight recorder is off: write "flight start" to profile/ctl first`)
	if s := statusOf(t, dir); s.State != "off" {
		t.Errorf("at first: %+v", s)
	}
	ctx := nodes.WithPeer(t.Context(), nodes.Peer{UID: 1, PID: 2})
	if err := writeAs(ctx, dir, "ctl", "flight start 1MiB 2s"); err != nil {
		t.Fatal(err)
	}
	if s := statusOf(t, dir); s.State != "on" || s.Age != "2s" || s.Bytes != 1<<20 || s.By != "uid 1, pid 2" {
		t.Errorf("started: %+v", s)
	}
	if !strings.HasPrefix(read(t, dir, "status"), "state\ton\nsince\t") || !strings.Contains(read(t, dir, "status"), "\nage\t2s\nbytes\t1MiB\n") {
		t.Errorf("status:\n%s", read(t, dir, "status"))
	}
	trace.Log(ctx, "a", "sign")
	for range 2 {
		if n, logs := events(t, read(t, dir, "flight")); n == 0 || !strings.Contains(logs, "a=sign") {
			t.Errorf("flight has %d events, logs %q", n, logs)
		}
	}
	do(t, dir, "flight start 3s") // anew, in another window
	if s := statusOf(t, dir); s.State != "on" || s.Age != "3s" || s.Bytes != 10<<20 {
		t.Errorf("started again: %+v", s)
	}
	// A reader of trace/ gets his trace beside it, and each sees the other's end.
	if n, _ := events(t, read(t, dir, "trace/50ms")); n == 0 {
		t.Error("no trace while the flight recorder is on")
	}
	if n, _ := events(t, read(t, dir, "flight")); n == 0 {
		t.Error("no flight after a trace")
	}
	do(t, dir, "flight stop")
	do(t, dir, "flight stop")
	if s := statusOf(t, dir); s.State != "off" || s.Note != "" || trace.IsEnabled() {
		t.Errorf("stopped: %+v, tracing %v", s, trace.IsEnabled())
	}
}

func TestFlightErrors(t *testing.T) {
	dir := tree(t, "")
	for _, c := range []struct{ command, want string }{
		{"flight", "flight: 0 arguments given; the form is: flight start|stop|auto|when|never ..."},
		{"flight stopp", `flight "stopp": unknown (near: stop); there are start, stop, auto, when, never`},
		{"flight start soon", `"soon" is neither an age such as 10s nor a number of bytes such as 10MiB`},
		{"flight start 5", "flight start: 5 has no unit: an age is written 5s, a number of bytes 5MiB"},
		{"flight start 1ms", "the age must be from 100ms to 1h0m0s, not 1ms"},
		{"flight start 1GiB", "bytes must be from 64KiB to 32MiB, not 1GiB"},
		{"flight start 1B", "bytes must be from 64KiB"},
		{"flight start 1s 1MiB 2s", "flight start takes an age, a number of bytes and a lease"},
		{"flight start for=x", `for=x: "x" is not a duration such as 30s or 5m`},
		{"flight stop now", "flight stop takes no arguments but a lease, such as for=5m"},
		{"flight auto now", "flight auto takes no arguments but a lease"},
		{"flight when heap over 2GiB for=3s", `column 16: a trigger has no "for="`},
		{"flight when", "flight when: an expression is missing, such as goroutines over 10000"},
		{"flight when heap over lots", `"heap over lots", column 11: "lots" is no value of heap`},
		{"flight when http.slow over 1s", "http.slow comes with http.Plugin, which this program does not pass to ispyd.Start"},
		{"flight never x", "flight never takes the number of one trigger"},
		{"clear x", `clear: "x" is not the number of a capture`},
	} {
		wantError(t, c.command, writeAs(t.Context(), dir, "ctl", c.command), fs.ErrInvalid, c.want)
	}
	wantError(t, "flight never 7", writeAs(t.Context(), dir, "ctl", "flight never 7"), fs.ErrNotExist, "there is no trigger 7")
	wantError(t, "clear 7", writeAs(t.Context(), dir, "ctl", "clear 7"), fs.ErrNotExist, "there is no capture 7")
	if trace.IsEnabled() {
		t.Error("something traces")
	}
}

// What the program itself records stays the program's.
func TestProgramRecords(t *testing.T) {
	fr := trace.NewFlightRecorder(trace.FlightRecorderConfig{})
	if err := fr.Start(); err != nil {
		t.Fatal(err)
	}
	defer fr.Stop()
	dir := tree(t, "[profile]\n[[profile.when]]\nexpression = \"goroutines over 1000000\"\n")
	if s := statusOf(t, dir); s.State != "off" || !strings.HasPrefix(s.Note, "the program itself has a flight recorder, and the runtime allows one") {
		t.Errorf("armed: %+v", s)
	}
	wantError(t, "flight start", writeAs(t.Context(), dir, "ctl", "flight start"), nodes.ErrBusy, "the program itself has a flight recorder, and the runtime allows one")
	if _, err := fr.WriteTo(io.Discard); err != nil {
		t.Errorf("the program's recorder: %v", err)
	}
}

func TestFlightLease(t *testing.T) {
	var notes []nodes.Lease
	leases := nodes.NewLeases(func(l nodes.Lease) { notes = append(notes, l) })
	dir := tree(t, "")
	ctx := nodes.WithLeases(t.Context(), leases, "profile/ctl")
	if err := writeAs(ctx, dir, "ctl", "flight start 5s"); err != nil {
		t.Fatal(err)
	}
	if err := writeAs(ctx, dir, "ctl", "flight start 2s 1MiB for=1h"); err != nil {
		t.Fatal(err)
	}
	l := leases.List()
	if len(l) != 1 || l[0].Setting != "profile/ctl flight" || l[0].Value != "2s 1MiB" || l[0].Until.IsZero() {
		t.Errorf("leases: %+v", l)
	}
	leased := time.Now()
	if s := statusOf(t, dir); s.Age != "2s" {
		t.Errorf("leased: %+v", s)
	}
	if err := leases.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := statusOf(t, dir); s.State != "on" || s.Age != "5s" || s.Bytes != 10<<20 {
		t.Errorf("after the lease: %+v", s)
	}
	// Since when is told of the value that holds, also of one that is back.
	if l := leases.List(); len(l) != 1 || l[0].Value != "5s 10MiB" || l[0].Own != "auto" || l[0].Since.Before(leased) {
		t.Errorf("after the lease of %v: %+v", leased, l)
	}
	do(t, dir, "flight stop")
	do(t, dir, "flight start for=10ms")
	eventually(t, "the lease ends by itself", func() bool { return statusOf(t, dir).State == "off" })
}

// Who has stopped or started the recorder decides, whatever triggers come and go,
// until flight auto gives it back to them; status, settings and triggers agree.
func TestFlightModes(t *testing.T) {
	leases := nodes.NewLeases(nil)
	defer leases.Close(context.Background())
	dir := tree(t, "")
	ctx := nodes.WithLeases(nodes.WithPeer(t.Context(), nodes.Peer{UID: 1, PID: 2}), leases, "profile/ctl")
	const trig, stopped = "flight when goroutines over 1000000", `no trace: the flight recorder is off, stopped by uid 1, pid 2: write "flight auto" to profile/ctl`
	for _, c := range []struct{ command, state, mode, setting, note string }{
		{trig, "on", "auto", "", ""},
		{"flight stop", "off", "off", "off", stopped},
		{"flight never", "off", "off", "off", ""},
		{trig, "off", "off", "off", stopped},
		{"flight when heap over 1000GiB", "off", "off", "off", stopped},
		{"flight auto", "on", "auto", "", ""},
		{"flight start 5s", "on", "on", "5s 10MiB", ""},
		{"flight never", "on", "on", "5s 10MiB", ""},
		{"flight auto", "off", "auto", "", ""},
		{trig, "on", "auto", "", ""},
		{"flight never", "off", "auto", "", ""},
		{"flight stop", "off", "off", "off", ""}, // of one that is off already
		{trig, "off", "off", "off", stopped},
	} {
		if err := writeAs(ctx, dir, "ctl", c.command); err != nil {
			t.Fatalf("%s: %v", c.command, err)
		}
		setting := ""
		if l := leases.List(); len(l) == 1 && l[0].Own == "auto" {
			setting = l[0].Value
		}
		note := ""
		if l := triggersOf(t, dir); len(l) > 0 {
			note = l[0].Note
		}
		if s := statusOf(t, dir); s.State != c.state || s.Mode != c.mode || setting != c.setting || !strings.HasPrefix(note, c.note) || c.note == "" && note != "" {
			t.Errorf("%s: %+v, setting %q, note %q; want %+v", c.command, s, setting, note, c)
		}
	}
	// A lease of each, and its end.
	if err := writeAs(ctx, dir, "ctl", "flight auto for=1h"); err != nil {
		t.Fatal(err)
	}
	if s := statusOf(t, dir); s.State != "on" || s.Mode != "auto" {
		t.Errorf("leased: %+v", s)
	}
	if err := leases.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := statusOf(t, dir); s.State != "off" || s.Mode != "off" || s.By != "the end of a lease" {
		t.Errorf("after the lease: %+v", s)
	}
}

// Dumps of goroutines work, whichever slots are ours.
func TestDumpBeside(t *testing.T) {
	dir := tree(t, "")
	ways := func(tracer bool) {
		t.Helper()
		want := goroutines.Tracer
		if tracer {
			want = goroutines.Profile
		}
		var d *goroutines.Dump
		eventually(t, "a dump on a CPU that is free", func() bool {
			var err error
			if d, err = goroutines.Take(t.Context()); err != nil {
				t.Fatal(err)
			}
			return d.Cost.Turn < 5*time.Millisecond
		})
		if d.Way != want {
			t.Errorf("the dump is by %s, want %s: %s", d.Way, want, d.NoIDs())
		}
		if tracer && !strings.HasPrefix(d.NoIDs(), "a reader of profile/trace uses the tracer") {
			t.Errorf("it says: %s", d.NoIDs())
		}
	}
	do(t, dir, "flight start")
	ways(false)
	if n, _ := events(t, read(t, dir, "flight")); n == 0 {
		t.Error("nothing recorded beside a dump")
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := readFile(ctx, dir, "trace/1h")
		done <- err
	}()
	go func() {
		_, err := readFile(ctx, dir, "trace/1m")
		done <- err
	}()
	wantError(t, "trace/1h", <-done, fs.ErrInvalid, "at most 5m0s")
	eventually(t, "the trace runs", func() bool {
		by, free := tracing.Tracer.TryLock("the test")
		if free {
			tracing.Tracer.Unlock()
		}
		return !free && by == "a reader of profile/trace"
	})
	ways(true)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	eventually(t, "the tracer is free", func() bool {
		_, free := tracing.Tracer.TryLock("the test")
		if free {
			tracing.Tracer.Unlock()
		}
		return free
	})
	ways(false)

	// One that is being taken is waited for.
	do(t, dir, "flight stop")
	if _, ok := tracing.Recorder.TryLock("a dump"); !ok {
		t.Fatal("the recorder's slot is not free")
	}
	started := make(chan error)
	go func() { started <- writeAs(t.Context(), dir, "ctl", "flight start") }()
	tracing.Recorder.Unlock()
	if err := <-started; err != nil {
		t.Errorf("after a dump: %v", err)
	}
}

func TestTooMuch(t *testing.T) {
	w := window{Age: time.Second, Bytes: 1 << 20}
	for _, c := range []struct {
		late             time.Duration
		current, buffers int64
		want             string
	}{
		{0, 0, 0, ""},
		{outOfCPU, spare, spare, ""},
		{outOfCPU + 1, 0, 0, "the program is so short of CPU that a goroutine waits 1s for its turn"},
		{0, spare + 2<<20 + 1, 0, "the program does so much that a second of it is more than 66MiB"},
		{0, 0, spare + 2<<20 + 1, "the runtime's trace buffers have grown by more than 66MiB"},
	} {
		if got := tooMuch(w, c.late, c.current, c.buffers); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%v: %q, want %q", c, got, c.want)
		}
	}
}

// A recorder that takes too much stops, says so, and gives the slot back.
func TestGuard(t *testing.T) {
	var log bytes.Buffer
	r := newRecorder(slog.New(slog.NewTextHandler(&log, nil)))
	if err := r.start(t.Context(), window{Age: time.Second, Bytes: 1 << 20}, "the test"); err != nil {
		t.Fatal(err)
	}
	if err := r.acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.end()
	r.end = r.guard(r.fr, window{Bytes: -1 << 40}) // anything is too much
	r.release()
	eventually(t, "it stops", func() bool { s, _ := r.now(t.Context()); return s.State == "off" })
	_, err := r.read(t.Context())
	wantError(t, "read", err, fs.ErrNotExist, "the flight recorder is off: stopped by itself: ")
	if err := r.acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "the flight recorder was stopped") {
		t.Errorf("the log: %s", &log)
	}
	r.release()
	if err := r.start(t.Context(), window{Age: time.Second, Bytes: 1 << 20}, "the test"); err != nil {
		t.Error(err)
	}
	r.close()
}

// A recorder that has stopped by itself comes back by itself, for whom it was on, and
// not where somebody has stopped it meanwhile.
func TestRevive(t *testing.T) {
	var log bytes.Buffer
	r := newRecorder(slog.New(slog.NewTextHandler(&log, nil)))
	defer r.close()
	stops := func(first time.Duration) {
		t.Helper()
		if err := r.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.first = first
		r.end()
		r.end = r.guard(r.fr, window{Bytes: -1 << 40}) // anything is too much
		r.release()
	}
	w := window{Age: time.Second, Bytes: 1 << 20}
	if err := r.start(t.Context(), w, "the test"); err != nil {
		t.Fatal(err)
	}
	stops(time.Millisecond)
	eventually(t, "it is back", func() bool { s, _ := r.now(t.Context()); return s.State == "on" && s.Note != "" })
	if s, _ := r.now(t.Context()); s.By != "the test" || s.Mode != on || !strings.HasPrefix(s.Note, "was off for ") || s.Age != "1s" {
		t.Errorf("back: %+v", s)
	}
	if _, err := r.read(t.Context()); err != nil {
		t.Error(err)
	}
	stops(time.Hour)
	eventually(t, "it stops", func() bool {
		s, _ := r.now(t.Context())
		return s.State == "off" && strings.Contains(s.Note, "tried again")
	})
	if s, _ := r.now(t.Context()); !strings.HasPrefix(s.Note, "stopped by itself: ") || !strings.Contains(s.Note, "; it is tried again for the test at ") || s.Mode != on {
		t.Errorf("off: %+v", s)
	}
	if err := r.stop(t.Context(), "somebody"); err != nil {
		t.Fatal(err)
	}
	if s, _ := r.now(t.Context()); s.Note != "" || s.By != "somebody" || r.unplan != nil {
		t.Errorf("stopped: %+v", s)
	}
	if text := log.String(); !strings.Contains(text, "was stopped") || !strings.Contains(text, "is on again") {
		t.Errorf("the log: %s", text)
	}
}

// Who was stopped with all that he does is not short of CPU.
func TestStoodStill(t *testing.T) {
	procs := time.Duration(min(runtime.GOMAXPROCS(0), runtime.NumCPU()))
	for _, c := range []struct {
		late, used time.Duration
		want       bool
	}{
		{2 * time.Second, 0, true},
		{time.Hour, guardEvery * procs, true}, // busy until it was stopped
		{2 * time.Second, guardEvery*procs + 2*guardEvery, false},
		{outOfCPU, 0, false}, // not late
	} {
		if got := stoodStill(c.late, c.used); got != c.want {
			t.Errorf("%v late, %v used: %v", c.late, c.used, got)
		}
	}
}

// The recorder's own count is found, where it can be read.
func TestCurrent(t *testing.T) {
	r := newRecorder(slog.New(slog.DiscardHandler))
	if err := r.start(t.Context(), window{Age: time.Second, Bytes: 1 << 20}, "the test"); err != nil {
		t.Fatal(err)
	}
	defer r.close()
	if current(r.fr) == 0 && !raceEnabled {
		eventually(t, "the current second has bytes", func() bool {
			trace.Log(t.Context(), "a", strings.Repeat("x", 1000))
			return current(r.fr) > 0
		})
	}
}

// Close stops all, whatever runs.
func TestClose(t *testing.T) {
	dir, closer, err := Plugin.Open(plugintest.Config(t, "profile", "[profile]\ninterval = \"100ms\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	do(t, dir, "flight start")
	do(t, dir, "flight when goroutines over 1000000")
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
	if trace.IsEnabled() {
		t.Error("it still records")
	}
	wantError(t, "a trigger after Close", writeAs(t.Context(), dir, "ctl", "flight when heap over 1GiB"), nodes.ErrBusy, "being closed")
}
