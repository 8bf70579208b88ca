package goroutines

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	xtrace "golang.org/x/exp/trace"
)

// TestBusySlots holds that the program's own tracing goes on, and which way is
// taken beside it.
func TestBusySlots(t *testing.T) {
	for _, c := range []struct {
		tracing, recording bool
		want               Way
	}{
		{false, false, FlightRecorder},
		{true, false, FlightRecorder},
		{false, true, Tracer},
		{true, true, Profile},
	} {
		t.Run(string(c.want), func(t *testing.T) {
			lock(t)
			var raw bytes.Buffer
			if c.tracing {
				if err := trace.Start(&raw); err != nil {
					t.Fatal(err)
				}
				defer trace.Stop()
			}
			var fr *trace.FlightRecorder
			if c.recording {
				fr = trace.NewFlightRecorder(trace.FlightRecorderConfig{})
				if err := fr.Start(); err != nil {
					t.Fatal(err)
				}
				defer fr.Stop()
			}
			before := runtime.NumGoroutine()
			for range 3 {
				d, err := Take(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				if d.Cost.Turn > shortOfCPU {
					continue // then other ways are right
				}
				if d.Way != c.want {
					t.Errorf("by %s, want %s", d.Way, c.want)
				}
				if n := d.Len(); n < before || n > before+4 {
					t.Errorf("%d goroutines, the program has %d", n, before)
				}
				text := textOf(t, d)
				switch {
				case d.HasIDs() != (c.want != Profile):
					t.Errorf("HasIDs: %v", d.HasIDs())
				case d.HasIDs():
					parse(t, text)
				case !strings.Contains(text, "the program itself uses the tracer (execution tracer already enabled), so ids and states are not known") || !strings.Contains(text, "TestBusySlots"):
					t.Errorf("the text of a dump without ids:\n%s", text)
				}
			}
			if c.recording {
				var out bytes.Buffer
				if _, err := fr.WriteTo(&out); err != nil {
					t.Errorf("the program's flight recorder: %v", err)
				}
				readAll(t, &out)
			}
			if c.tracing {
				trace.Log(context.Background(), "the", "end")
				trace.Stop()
				if !slices.Contains(readAll(t, &raw), "the=end") {
					t.Error("the program's trace ended before its end")
				}
			}
		})
	}
}

// readAll reads a trace and returns its log messages.
func readAll(t *testing.T, r io.Reader) (logs []string) {
	t.Helper()
	tr, err := xtrace.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	for {
		ev, err := tr.ReadEvent()
		if err == io.EOF {
			return logs
		}
		if err != nil {
			t.Fatalf("the program's own trace is broken: %v", err)
		}
		if ev.Kind() == xtrace.EventLog {
			logs = append(logs, ev.Log().Category+"="+ev.Log().Message)
		}
	}
}

// TestSlotsGivenBack holds that the program can use both slots after a dump,
// also one whose reader went away.
func TestSlotsGivenBack(t *testing.T) {
	lock(t)
	for _, traceFirst := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		var s slot = traceSlot{}
		if !traceFirst {
			var err error
			if s, err = openFlight(); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		d := newDump(Tracer)
		if err := d.fromTrace(ctx, s, whoami()); !errors.Is(err, context.Canceled) {
			t.Errorf("with a cancelled context: %v", err)
		}
		s.close()
		fr := trace.NewFlightRecorder(trace.FlightRecorderConfig{})
		if err := fr.Start(); err != nil {
			t.Errorf("FlightRecorder.Start: %v", err)
		}
		if err := trace.Start(io.Discard); err != nil {
			t.Errorf("trace.Start: %v", err)
		}
		trace.Stop()
		fr.Stop()
	}
}

// TestUnderStress takes dumps while goroutines are made and end, block and
// wake, and the garbage collector runs all the time.
func TestUnderStress(t *testing.T) {
	lock(t)
	stop := commotion(t)
	defer stop()
	var collecting atomic.Bool
	collecting.Store(true)
	var wg sync.WaitGroup
	wg.Go(func() {
		for collecting.Load() {
			runtime.GC()
		}
	})
	defer func() { collecting.Store(false); wg.Wait() }()
	all, without := 0, 0
	for range 5 {
		d := take(t)
		gs := parse(t, textOf(t, d))
		if len(gs) != d.Len() {
			t.Errorf("panicparse reads %d of %d goroutines", len(gs), d.Len())
		}
		for g := range d.All() {
			all++
			if len(g.Stack) == 0 {
				without++
			}
			if g.ID == 1 && !containsFunc(g.Stack, "main") {
				t.Errorf("the main goroutine: %+v", g)
			}
			for _, f := range g.Stack {
				if f.Func == "" || strings.HasPrefix(f.Func, "runtime.gcBgMarkWorker") {
					t.Errorf("goroutine %d: %+v", g.ID, g.Stack)
				}
			}
		}
	}
	if without*20 > all {
		t.Errorf("%d of %d goroutines have no stack", without, all)
	}
}

// TestLabels holds that goroutines have their own labels, by both ways of
// knowing them.
func TestLabels(t *testing.T) {
	lock(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	defer func() { close(stop); wg.Wait() }()
	startA := func() { startServeA(&wg, stop) }
	for _, route := range []string{"/a", "/b"} {
		labels := pprof.Labels("route", route, "quoted", `"]`)
		pprof.Do(t.Context(), labels, func(context.Context) {
			for range 5 {
				if route == "/a" {
					startA()
				} else {
					wg.Go(func() { serveB(stop) })
				}
			}
		})
	}
	for range 5 {
		wg.Go(func() { serveNone(stop) })
	}
	labelled := func(want map[string]string) func(*Dump) bool {
		return func(d *Dump) bool {
			n := 0
			for g := range d.All() {
				for fn, route := range want {
					if !containsFunc(g.Stack, fn) || g.Wait != "chan receive" {
						continue
					}
					n++
					var wanted []Label
					if route != "" {
						wanted = []Label{{"quoted", `"]`}, {"route", route}}
					}
					if !slices.Equal(g.Labels, wanted) {
						t.Fatalf("%s has the labels %v, want %v", fn, g.Labels, wanted)
					}
				}
			}
			return n == 5*len(want)
		}
	}
	own := map[string]string{"serveA": "/a", "serveB": "/b", "serveNone": ""}
	d := takeUntil(t, labelled(own))
	text := textOf(t, d)
	if !strings.Contains(text, `labels:{"quoted": "\"\x5d", "route": "/a"}]:`) {
		t.Errorf("the labels are not in the text:\n%s", text)
	}
	parse(t, text)
	hidden := Options{Label: func(key, value string) string { return strings.Repeat("x", len(value)) }}
	var b bytes.Buffer
	d.WriteText(t.Context(), &b, hidden)
	d.WriteStacks(t.Context(), &b, hidden)
	d.WriteJSON(t.Context(), &b, hidden)
	d.WriteStacksJSON(t.Context(), &b, hidden)
	if strings.Contains(b.String(), "/a") && strings.Contains(b.String(), `"/a"`) {
		t.Error("a label is shown that Options.Label hides")
	}

	Introspection(false)
	defer Introspection(true)
	takeUntil(t, labelled(own))
	// Now some of those with one stack have labels, and some not: the profile
	// cannot tell which.
	for range 5 {
		startA()
	}
	takeUntil(t, func(d *Dump) bool {
		n := 0
		for g := range d.All() {
			if containsFunc(g.Stack, "serveA") && g.Wait == "chan receive" {
				if n++; n == 10 && g.Labels != nil {
					t.Fatalf("labels by guess: %v", g.Labels)
				}
			}
		}
		return n == 10
	})
}

//go:noinline
func startServeA(wg *sync.WaitGroup, stop chan struct{}) { wg.Go(func() { serveA(stop) }) }

//go:noinline
func serveA(stop chan struct{}) { <-stop }

//go:noinline
func serveB(stop chan struct{}) { <-stop }

//go:noinline
func serveNone(stop chan struct{}) { <-stop }
