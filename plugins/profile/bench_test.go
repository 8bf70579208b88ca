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
	"sync"
	"testing"
	"time"

	pprofile "github.com/google/pprof/profile"

	"github.com/ispyd/ispyd/internal/profiles"
)

// recording runs a benchmark with nothing on, with our flight recorder, and with its
// peer, a whole trace by trace.Start.
func recording(b *testing.B, f func(b *testing.B)) {
	b.Run("off", f)
	b.Run("flight", func(b *testing.B) {
		r := newRecorder(slog.New(slog.DiscardHandler))
		if err := r.start(b.Context(), window{Age: 10 * time.Second, Bytes: 10 << 20}, "the benchmark"); err != nil {
			b.Fatal(err)
		}
		defer r.close()
		f(b)
	})
	b.Run("trace", func(b *testing.B) {
		if err := trace.Start(io.Discard); err != nil {
			b.Fatal(err)
		}
		defer trace.Stop()
		f(b)
	})
}

// BenchmarkFlightSwitch is the worst that a recorder can meet: two goroutines that
// do nothing but hand the CPU to each other. An operation is two switches.
func BenchmarkFlightSwitch(b *testing.B) {
	recording(b, func(b *testing.B) {
		there, back := make(chan int), make(chan int)
		var wg sync.WaitGroup
		wg.Go(func() {
			for n := range there {
				back <- n
			}
		})
		for b.Loop() {
			there <- 1
			<-back
		}
		close(there)
		wg.Wait()
	})
}

// BenchmarkFlightHTTP is a request of a program's everyday: net/http over
// loopback, with a page of 10 KB.
func BenchmarkFlightHTTP(b *testing.B) {
	page := bytes.Repeat([]byte("x"), 10_000)
	recording(b, func(b *testing.B) {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(page) }))
		defer srv.Close()
		for b.Loop() {
			resp, err := srv.Client().Get(srv.URL)
			if err != nil {
				b.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
}

// BenchmarkFlightCPU is work that does not switch.
func BenchmarkFlightCPU(b *testing.B) {
	recording(b, func(b *testing.B) {
		data := make([]byte, 1<<20)
		for b.Loop() {
			for i := range data {
				data[i] += byte(i)
			}
		}
	})
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
