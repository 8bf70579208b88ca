package runtime

import (
	"context"
	"math"
	"runtime/metrics"

	"github.com/ispyd/ispyd/internal/report"
)

// values are metrics that were read together.
type values map[string]metrics.Value

func readAll(names ...string) values {
	samples := make([]metrics.Sample, len(names))
	for i, n := range names {
		samples[i].Name = n
	}
	metrics.Read(samples)
	v := make(values, len(samples))
	for _, s := range samples {
		v[s.Name] = s.Value
	}
	return v
}

// uint returns a metric that is a whole number; 0 where the runtime lacks it.
func (v values) uint(name string) uint64 {
	if x := v[name]; x.Kind() == metrics.KindUint64 {
		return x.Uint64()
	}
	return 0
}

func (v values) float(name string) float64 {
	if x := v[name]; x.Kind() == metrics.KindFloat64 {
		return x.Float64()
	}
	return 0
}

// limitOf returns a limit, report.Unlimited where it is off.
func limitOf(n uint64) uint64 {
	if n >= math.MaxInt64 {
		return report.Unlimited
	}
	return n
}

// memoryFact is a fact of the file memory: the sum of metrics.
type memoryFact struct {
	name, meaning string
	metrics       []string
}

var memoryFacts = []memoryFact{
	{"live", "heap that the last collection found in use: what the program really holds", []string{"/gc/heap/live:bytes"}},
	{"goal", "heap size at which the next collection ends", []string{"/gc/heap/goal:bytes"}},
	{"objects", "heap objects in use, and garbage that is not swept yet", []string{"/memory/classes/heap/objects:bytes"}},
	{"unused", "free room between heap objects, kept for objects of the same size: fragmentation", []string{"/memory/classes/heap/unused:bytes"}},
	{"free", "idle heap that could be given back to the system; ctl freeosmemory does so at once", []string{"/memory/classes/heap/free:bytes"}},
	{"stacks", "goroutines' stacks", []string{"/memory/classes/heap/stacks:bytes"}},
	{"os_stacks", "stacks of threads that the system or C allocated", []string{"/memory/classes/os-stacks:bytes"}},
	{"metadata", "the allocator's and collector's own tables", []string{
		"/memory/classes/metadata/mcache/free:bytes", "/memory/classes/metadata/mcache/inuse:bytes",
		"/memory/classes/metadata/mspan/free:bytes", "/memory/classes/metadata/mspan/inuse:bytes",
		"/memory/classes/metadata/other:bytes"}},
	{"profiling", "tables of the profiles", []string{"/memory/classes/profiling/buckets:bytes"}},
	{"other", "other tables of the runtime", []string{"/memory/classes/other:bytes"}},
	{"released", "idle heap given back to the system: reserved, not resident", []string{"/memory/classes/heap/released:bytes"}},
	{"total", "address space that Go has mapped: the sum of the lines from objects to released", []string{"/memory/classes/total:bytes"}},
}

// memory says what Go's memory is made of. Nothing of it stops the program.
func memory(context.Context) (report.Report, error) {
	names := []string{"/gc/gomemlimit:bytes", "/gc/heap/objects:objects", "/gc/heap/allocs:bytes", "/gc/heap/frees:bytes"}
	for _, f := range memoryFacts {
		names = append(names, f.metrics...)
	}
	v := readAll(names...)
	sum := map[string]uint64{}
	for _, f := range memoryFacts {
		for _, m := range f.metrics {
			sum[f.name] += v.uint(m)
		}
	}
	var r report.Report
	limit := limitOf(v.uint("/gc/gomemlimit:bytes"))
	held := sum["total"] - min(sum["total"], sum["released"])
	r.Note("%s held of the system, of which %s is live heap", report.BytesText(held), report.BytesText(sum["live"]))
	if limit != report.Unlimited && held > limit-limit/10 {
		r.Note("close to the memory limit: the collector runs as often as it may to stay below it")
	}
	r.Add("held", held, report.InBytes, "memory that Go holds of the system: total without released; what memlimit limits")
	for _, f := range memoryFacts {
		r.Add(f.name, sum[f.name], report.InBytes, f.meaning)
	}
	r.Add("limit", limit, report.InBytes, "soft limit of held (settings/memlimit)")
	r.Add("heap_objects", v.uint("/gc/heap/objects:objects"), report.InCount, "heap objects in use, and garbage that is not swept yet")
	r.Add("allocated", v.uint("/gc/heap/allocs:bytes"), report.InBytes, "allocated on the heap since the start, freed again or not")
	r.Add("freed", v.uint("/gc/heap/frees:bytes"), report.InBytes, "of it, freed again")
	return r, nil
}
