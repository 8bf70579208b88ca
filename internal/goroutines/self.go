package goroutines

import (
	"bytes"
	"runtime"
	"runtime/metrics"
	"strconv"
	"time"
)

// myself is the goroutine that takes the dump.
type myself struct {
	id    uint64
	stack []Frame
}

// whoami returns the calling goroutine. Its id is only told by its own dump.
func whoami() myself {
	buf := make([]byte, 64)
	id, _ := goroutineID(buf[:runtime.Stack(buf, false)])
	pcs := make([]uintptr, maxFrames)
	return myself{id, resolvePCs(pcs[:runtime.Callers(2, pcs)])}
}

// goroutineID reads the id from the first line of a dump.
func goroutineID(dump []byte) (uint64, bool) {
	rest, ok := bytes.CutPrefix(dump, []byte("goroutine "))
	digits, _, ok2 := bytes.Cut(rest, []byte(" "))
	id, err := strconv.ParseUint(string(digits), 10, 64)
	return id, ok && ok2 && err == nil
}

const (
	pausesMetric = "/sched/pauses/total/other:seconds"
	cyclesMetric = "/gc/cycles/total:gc-cycles"
)

// pauses is the histogram of the times for which the runtime stopped the
// program for other reasons than garbage collection.
func pauses() *metrics.Float64Histogram {
	s := []metrics.Sample{{Name: pausesMetric}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindFloat64Histogram {
		return nil
	}
	return s[0].Value.Float64Histogram()
}

// longestSince returns an upper bound of the longest pause since before was read.
func longestSince(before *metrics.Float64Histogram) time.Duration {
	now := pauses()
	if before == nil || now == nil || len(before.Counts) != len(now.Counts) {
		return 0
	}
	for i := len(now.Counts) - 1; i >= 0; i-- {
		if now.Counts[i] != before.Counts[i] {
			return time.Duration(now.Buckets[i+1] * 1e9)
		}
	}
	return 0
}

// gcCycles returns the number of garbage collections so far.
func gcCycles() uint64 {
	s := []metrics.Sample{{Name: cyclesMetric}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s[0].Value.Uint64()
}
