package runtime

import (
	"context"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/ispyd/ispyd/internal/report"
)

const (
	gcPauses    = "/sched/pauses/total/gc:seconds"
	otherPauses = "/sched/pauses/total/other:seconds"
)

// gc says what the collector has done and costs. Nothing of it stops the
// program.
func gc(context.Context) (report.Report, error) {
	v := readAll("/gc/cycles/total:gc-cycles", "/gc/cycles/forced:gc-cycles", "/gc/heap/goal:bytes", "/gc/heap/live:bytes",
		"/gc/gogc:percent", "/gc/gomemlimit:bytes", "/gc/limiter/last-enabled:gc-cycle", "/gc/stack/starting-size:bytes",
		"/cpu/classes/gc/total:cpu-seconds", "/cpu/classes/gc/mark/assist:cpu-seconds", "/cpu/classes/total:cpu-seconds",
		"/cpu/classes/idle:cpu-seconds", gcPauses, otherPauses)
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	var r report.Report
	cycles := v.uint("/gc/cycles/total:gc-cycles")
	busy := v.float("/cpu/classes/total:cpu-seconds") - v.float("/cpu/classes/idle:cpu-seconds")
	share := 0.0
	if busy > 0 {
		share = math.Round(1000*v.float("/cpu/classes/gc/total:cpu-seconds")/busy) / 10
	}
	if cycles == 0 {
		r.Note("no collection has run yet; times of the CPU are those of the last collection")
	} else {
		r.Note("%d collections, the last %s ago, %v%% of the CPU time that the program used", cycles, time.Since(stats.LastGC).Round(time.Millisecond), share)
	}
	if last := v.uint("/gc/limiter/last-enabled:gc-cycle"); last > 0 && last+1 >= cycles {
		r.Note("the collector has just been held back at half of the CPU: the memory limit is too small for the live heap")
	}
	r.Add("cycles", cycles, report.InCount, "collections since the start")
	r.Add("forced", v.uint("/gc/cycles/forced:gc-cycles"), report.InCount, "of them, those that the program or an operator asked for (runtime.GC)")
	r.Add("goal", v.uint("/gc/heap/goal:bytes"), report.InBytes, "heap size at which the next collection ends")
	r.Add("live", v.uint("/gc/heap/live:bytes"), report.InBytes, "heap that the last collection found in use")
	percent := v.uint("/gc/gogc:percent")
	if percent > math.MaxInt32 {
		percent = report.Unlimited
	}
	r.Add("gogc", percent, report.InPercent, "growth of the heap after which a collection runs (settings/gogc)")
	r.Add("limit", limitOf(v.uint("/gc/gomemlimit:bytes")), report.InBytes, "soft limit of Go's memory (settings/memlimit)")
	r.Add("cpu_share", share, report.InPercent, "part of the CPU time used that the collector took, until the last collection")
	r.Add("cpu", v.float("/cpu/classes/gc/total:cpu-seconds"), report.InSeconds, "CPU time of the collector, until the last collection")
	r.Add("assist", v.float("/cpu/classes/gc/mark/assist:cpu-seconds"), report.InSeconds, "of it, taken from goroutines that allocated: it delays requests")
	addPauses(&r, "pause", v[gcPauses], "a stop of the program by the collector")
	addPauses(&r, "stop", v[otherPauses], "a stop of the program for another reason")
	return r, nil
}

// addPauses adds count and quantiles of a histogram of seconds. A quantile is
// the upper bound of its bucket.
func addPauses(r *report.Report, name string, v metrics.Value, what string) {
	if v.Kind() != metrics.KindFloat64Histogram {
		return
	}
	h := v.Float64Histogram()
	total := uint64(0)
	for _, n := range h.Counts {
		total += n
	}
	r.Add(name+"s", total, report.InCount, "number of stops: "+what)
	for _, q := range []struct {
		suffix, meaning string
		q               float64
	}{{"_p50", "median length of ", 0.5}, {"_p99", "99% are no longer than this: ", 0.99}, {"_max", "longest: ", 1}} {
		r.Add(name+q.suffix, quantile(h, total, q.q), report.InSeconds, q.meaning+what)
	}
}

func quantile(h *metrics.Float64Histogram, total uint64, q float64) float64 {
	rank, seen := uint64(math.Ceil(q*float64(total))), uint64(0)
	for i, n := range h.Counts {
		if seen += n; n > 0 && seen >= rank {
			// The last bucket has no upper bound.
			if top := h.Buckets[i+1]; !math.IsInf(top, 1) {
				return top
			}
			return h.Buckets[i]
		}
	}
	return 0
}
