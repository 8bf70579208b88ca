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

// BenchmarkDump compares a whole dump as text with the one that everybody uses,
// and what each does to another goroutine.
func BenchmarkDump(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			parkGoroutines(b, n)
			longest := watchPauses(b)
			ctx := context.Background()
			var ours, theirs, ourPause, theirPause []time.Duration
			var text, peak int64
			for b.Loop() {
				runtime.GC()
				longest()
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				longest()
				start := time.Now()
				d, err := Take(ctx)
				if err != nil {
					b.Fatal(err)
				}
				if !d.HasIDs() {
					b.Fatal("no ids")
				}
				var c counter
				if err := d.WriteText(ctx, &c, Options{}); err != nil {
					b.Fatal(err)
				}
				ours = append(ours, time.Since(start))
				ourPause = append(ourPause, longest())
				text = c.n
				runtime.ReadMemStats(&after)
				peak = max(peak, int64(after.TotalAlloc-before.TotalAlloc))

				runtime.GC()
				longest()
				start = time.Now()
				if err := pprof.Lookup("goroutine").WriteTo(io.Discard, 2); err != nil {
					b.Fatal(err)
				}
				theirs = append(theirs, time.Since(start))
				theirPause = append(theirPause, longest())
			}
			ms := func(d time.Duration) float64 { return float64(d) / 1e6 }
			b.ReportMetric(ms(median(ours)), "ms")
			b.ReportMetric(ms(median(theirs)), "pprof-ms")
			b.ReportMetric(float64(median(ours))/float64(median(theirs)), "time/pprof")
			b.ReportMetric(ms(median(ourPause)), "pause-ms")
			b.ReportMetric(ms(median(theirPause)), "pprof-pause-ms")
			b.ReportMetric(float64(median(ourPause))/float64(median(theirPause)), "pause/pprof")
			b.ReportMetric(float64(peak)/float64(text), "allocated/text")
			b.ReportMetric(0, "ns/op")
		})
	}
}
