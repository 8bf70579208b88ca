package profile

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"slices"
	"sync"
	"testing"
	"time"

	pprofile "github.com/google/pprof/profile"

	"github.com/ispyd/ispyd/internal/profiles"
)

// How BenchmarkFlight measures: so many pairs of so long each.
const (
	pairs     = 25
	pairSlice = 150 * time.Millisecond
)

// BenchmarkFlight is what the flight recorder, and its peer, a whole trace by
// trace.Start, cost a program. What runs beside on the machine disturbs more than
// they do, so each stretch with one is beside a stretch with nothing, first and
// second by turns, and what is reported is the median of the pairs' ratios, in
// percent more time for each operation, and its quartiles.
func BenchmarkFlight(b *testing.B) {
	for _, load := range []struct {
		name  string
		start func(b *testing.B) (op func(), end func())
	}{
		{"switch", switches}, {"http", requests}, {"cpu", computing},
	} {
		for _, how := range []struct {
			name  string
			start func(b *testing.B) (end func())
		}{
			{"nothing", func(*testing.B) func() { return func() {} }}, // what the machine makes of equal halves
			{"flight", flying},
			{"trace", tracingAll},
		} {
			b.Run(load.name+"/"+how.name, func(b *testing.B) {
				op, end := load.start(b)
				defer end()
				for b.Loop() {
					compare(b, op, func() func() { return how.start(b) })
				}
			})
		}
	}
}

func compare(b *testing.B, op func(), start func() (end func())) {
	var without, with, ratios []float64
	stretch(op) // warm
	for i := range pairs {
		var off, on float64
		measured := func() {
			end := start()
			defer end()
			on = stretch(op)
		}
		if i%2 == 0 {
			off = stretch(op)
			measured()
		} else {
			measured()
			off = stretch(op)
		}
		without, with, ratios = append(without, off), append(with, on), append(ratios, 100*(on/off-1))
	}
	for _, list := range [][]float64{without, with, ratios} {
		slices.Sort(list)
	}
	b.ReportMetric(0, "ns/op") // of a whole comparison: says nothing
	b.ReportMetric(without[pairs/2], "ns-off")
	b.ReportMetric(with[pairs/2], "ns-on")
	b.ReportMetric(ratios[pairs/4], "%more-p25")
	b.ReportMetric(ratios[pairs/2], "%more-p50")
	b.ReportMetric(ratios[pairs*3/4], "%more-p75")
}

// stretch does op for a while and returns the nanoseconds that one took.
func stretch(op func()) float64 {
	n, began := 0, time.Now()
	for time.Since(began) < pairSlice {
		op()
		n++
	}
	return float64(time.Since(began)) / float64(n)
}

func flying(b *testing.B) (end func()) {
	r := newRecorder(slog.New(slog.DiscardHandler))
	if err := r.start(b.Context(), window{Age: 10 * time.Second, Bytes: 10 << 20}, "the benchmark"); err != nil {
		b.Fatal(err)
	}
	return func() { r.close() }
}

func tracingAll(b *testing.B) (end func()) {
	if err := trace.Start(io.Discard); err != nil {
		b.Fatal(err)
	}
	return trace.Stop
}

// switches is the worst that a recorder can meet: two goroutines that do nothing
// but hand the CPU to each other. An operation is a hundred times there and back.
func switches(*testing.B) (op, end func()) {
	there, back := make(chan int), make(chan int)
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := range there {
			back <- n
		}
	})
	return func() {
			for range 100 {
				there <- 1
				<-back
			}
		}, func() {
			close(there)
			wg.Wait()
		}
}

// requests is a program's everyday: net/http over loopback, with a page of 10 KB.
func requests(b *testing.B) (op, end func()) {
	page := bytes.Repeat([]byte("x"), 10_000)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(page) }))
	return func() {
		resp, err := srv.Client().Get(srv.URL)
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}, srv.Close
}

// computing is work that does not switch.
func computing(*testing.B) (op, end func()) {
	data := make([]byte, 1<<20)
	return func() {
		for i := range data {
			data[i] += byte(i)
		}
	}, func() {}
}

// BenchmarkDelta is what the difference of two heap profiles costs when the time is
// over, beside pprof's own library, which net/http/pprof's seconds= uses.
func BenchmarkDelta(b *testing.B) {
	var before, after bytes.Buffer
	pprof.Lookup("heap").WriteTo(&before, 0)
	for range 100 {
		ballast = append(ballast, make([]byte, 1<<20))
	}
	runtime.GC()
	pprof.Lookup("heap").WriteTo(&after, 0)
	ballast = nil
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p0, _ := profiles.Read(before.Bytes())
			p1, err := profiles.Read(after.Bytes())
			if err != nil {
				b.Fatal(err)
			}
			d, _ := profiles.Delta(p0, p1)
			d.Write(io.Discard)
		}
	})
	b.Run("pprof", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p0, _ := pprofile.Parse(bytes.NewReader(before.Bytes()))
			p1, err := pprofile.Parse(bytes.NewReader(after.Bytes()))
			if err != nil {
				b.Fatal(err)
			}
			p0.Scale(-1)
			d, _ := pprofile.Merge([]*pprofile.Profile{p0, p1})
			d.Write(io.Discard)
		}
	})
}

// BenchmarkVanish is how long a capture goes on when its reader has left.
func BenchmarkVanish(b *testing.B) {
	for name, take := range map[string]taker{"cpu": takeCPU, "trace": takeTrace, "mutex": deltaTaker("mutex", false)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				ctx, cancel := context.WithCancel(b.Context())
				done := make(chan error)
				b.StopTimer()
				go func() { _, err := take(ctx, time.Hour); done <- err }()
				time.Sleep(200 * time.Millisecond) // into the middle of it
				b.StartTimer()
				cancel()
				<-done
			}
		})
	}
}

// BenchmarkPoll is what an armed trigger costs each time that it looks.
func BenchmarkPoll(b *testing.B) {
	for _, expr := range []string{"goroutines over 1000000", "heap over 1000GiB", "cgroup.memory over 100%"} {
		b.Run(expr, func(b *testing.B) {
			w := &watcher{logger: slog.New(slog.DiscardHandler), interval: time.Hour, pause: time.Hour}
			if _, err := w.add(expr, "", false); err != nil {
				b.Skip(err)
			}
			defer w.close()
			for b.Loop() {
				w.poll(b.Context(), time.Now())
			}
		})
	}
}
