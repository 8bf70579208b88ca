package goroutines

import (
	"context"
	"flag"
	"fmt"
	"io"
	"runtime"
	"runtime/pprof"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var million = flag.Bool("million", false, "also benchmark stacks at 1,000,000 goroutines (some 4 GB)")

// parkGoroutines starts n goroutines with ten different stacks, and returns
// how to end them.
func parkGoroutines(b testing.TB, n int) {
	b.Helper()
	stop := make(chan struct{})
	var ended sync.WaitGroup
	ended.Add(n)
	var parked sync.WaitGroup
	parked.Add(n)
	for i := range n {
		go func() {
			defer ended.Done()
			parkAt(i%10, &parked, stop)
		}()
	}
	parked.Wait()
	b.Cleanup(func() {
		close(stop)
		ended.Wait()
	})
}

//go:noinline
func parkAt(depth int, parked *sync.WaitGroup, stop chan struct{}) {
	if depth > 0 {
		parkAt(depth-1, parked, stop)
		return
	}
	parked.Done()
	<-stop
}

// watchPauses runs a goroutine that does nothing but look at the clock. The
// returned function gives the longest time that it was kept from doing so since
// the last call.
func watchPauses(b *testing.B) func() time.Duration {
	var longest atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		last := time.Now()
		for {
			select {
			case <-stop:
				return
			default:
			}
			now := time.Now()
			if gap := int64(now.Sub(last)); gap > longest.Load() {
				longest.Store(gap)
			}
			last = now
		}
	}()
	b.Cleanup(func() {
		close(stop)
		<-stopped
	})
	return func() time.Duration { return time.Duration(longest.Swap(0)) }
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// allocated returns how many bytes of heap f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

// BenchmarkDump compares a whole dump as text with the one that everybody uses,
// pprof's debug=2, in time and in what it does to another goroutine that wants
// nothing but to run. On a machine that has other work the pauses are those of
// its scheduler.
func BenchmarkDump(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			parkGoroutines(b, n)
			longest := watchPauses(b)
			take(b) // the first one calibrates
			var ours, theirs, ourPause, theirPause []time.Duration
			var text, bytes int64
			timed := func(times, pauses *[]time.Duration, f func()) {
				runtime.GC()
				longest()
				start := time.Now()
				f()
				*times = append(*times, time.Since(start))
				*pauses = append(*pauses, longest())
			}
			dump := func() {
				var c counter
				if err := take(b).WriteText(context.Background(), &c, Options{}); err != nil {
					b.Fatal(err)
				}
				text = c.n
			}
			for b.Loop() {
				timed(&ours, &ourPause, dump)
				timed(&theirs, &theirPause, func() {
					if err := pprof.Lookup("goroutine").WriteTo(io.Discard, 2); err != nil {
						b.Fatal(err)
					}
				})
			}
			bytes = allocated(dump)
			b.ReportMetric(ms(median(ours)), "ms")
			b.ReportMetric(ms(median(theirs)), "pprof-ms")
			b.ReportMetric(float64(median(ours))/float64(median(theirs)), "time/pprof")
			b.ReportMetric(ms(median(ourPause)), "pause-ms")
			b.ReportMetric(ms(median(theirPause)), "pprof-pause-ms")
			b.ReportMetric(float64(median(ourPause))/float64(median(theirPause)), "pause/pprof")
			b.ReportMetric(float64(bytes)/float64(text), "allocated/text")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkWays compares the two slots of the tracer and the goroutine profile,
// capture alone.
func BenchmarkWays(b *testing.B) {
	trace := func(open func() (slot, error)) error {
		s, err := open()
		if err != nil {
			return err
		}
		defer s.close()
		return s.look(newDecoder())
	}
	ways := []struct {
		name string
		take func() error
	}{
		{"flight", func() error { return trace(openFlight) }},
		{"tracer", func() error { return trace(openTrace) }},
		{"profile", func() error { _, err := readProfile(); return err }},
	}
	for _, n := range []int{20_000, 100_000} {
		for _, w := range ways {
			b.Run(fmt.Sprintf("%s/%d", w.name, n), func(b *testing.B) {
				parkGoroutines(b, n)
				longest := watchPauses(b)
				var times, pauses []time.Duration
				dump := func() {
					if err := w.take(); err != nil {
						b.Fatal(err)
					}
				}
				for b.Loop() {
					runtime.GC()
					longest()
					start := time.Now()
					dump()
					times = append(times, time.Since(start))
					pauses = append(pauses, longest())
				}
				b.ReportMetric(ms(median(times)), "ms")
				b.ReportMetric(ms(median(pauses)), "pause-ms")
				b.ReportMetric(float64(allocated(dump)), "B/dump")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkMillion groups a million goroutines by their stacks.
func BenchmarkMillion(b *testing.B) {
	if !*million {
		b.Skip("needs some 4 GB; run it with -million")
	}
	parkGoroutines(b, 1_000_000)
	take(b)
	var c counter
	dump := func() {
		c = counter{}
		if err := take(b).WriteStacks(context.Background(), &c, Options{}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		dump()
	}
	b.ReportMetric(float64(allocated(dump)), "B/dump")
	b.ReportMetric(float64(c.n), "B/text")
}
