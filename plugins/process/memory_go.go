package process

import (
	"math"
	"runtime/metrics"

	"github.com/ispyd/ispyd/internal/report"
)

// goMetrics are the names that memory is told of, in runtime/metrics. Reading
// them does not stop the program.
var goMetrics = []string{
	"/gc/heap/live:bytes",
	"/gc/heap/goal:bytes",
	"/gc/gomemlimit:bytes",
	"/memory/classes/heap/objects:bytes",
	"/memory/classes/heap/unused:bytes",
	"/memory/classes/heap/free:bytes",
	"/memory/classes/heap/released:bytes",
	"/memory/classes/heap/stacks:bytes",
	"/memory/classes/os-stacks:bytes",
	"/memory/classes/metadata/mcache/free:bytes",
	"/memory/classes/metadata/mcache/inuse:bytes",
	"/memory/classes/metadata/mspan/free:bytes",
	"/memory/classes/metadata/mspan/inuse:bytes",
	"/memory/classes/metadata/other:bytes",
	"/memory/classes/other:bytes",
	"/memory/classes/profiling/buckets:bytes",
	"/memory/classes/total:bytes",
}

// goMemory is how Go uses the memory that it took from the system, in bytes.
type goMemory struct {
	live, goal, limit        uint64
	objects, unused, free    uint64
	released, stacks         uint64
	metadata, buckets, other uint64
	total                    uint64
}

func readGoMemory() goMemory {
	samples := make([]metrics.Sample, len(goMetrics))
	for i, name := range goMetrics {
		samples[i].Name = name
	}
	metrics.Read(samples)
	v := make(map[string]uint64, len(samples))
	for _, s := range samples {
		if s.Value.Kind() == metrics.KindUint64 {
			v[s.Name] = s.Value.Uint64()
		}
	}
	class := func(name string) uint64 { return v["/memory/classes/"+name+":bytes"] }
	m := goMemory{
		live: v["/gc/heap/live:bytes"], goal: v["/gc/heap/goal:bytes"], limit: v["/gc/gomemlimit:bytes"],
		objects: class("heap/objects"), unused: class("heap/unused"), free: class("heap/free"), released: class("heap/released"),
		stacks: class("heap/stacks") + class("os-stacks"),
		metadata: class("metadata/mcache/free") + class("metadata/mcache/inuse") + class("metadata/mspan/free") +
			class("metadata/mspan/inuse") + class("metadata/other"),
		buckets: class("profiling/buckets"), other: class("other"), total: class("total"),
	}
	if m.limit >= math.MaxInt64 {
		m.limit = report.Unlimited
	}
	return m
}

// held is what Go took from the system and has not given back. Part of it may
// never have been touched, and is then not resident.
func (m goMemory) held() uint64 { return m.total - min(m.total, m.released) }

func (m goMemory) report(r *report.Report) {
	r.Add("go_held", m.held(), report.InBytes, "memory that Go took from the system and has not given back: the sum of the go_ lines from go_objects to go_other")
	r.Add("go_objects", m.objects, report.InBytes, "heap objects, those that are garbage and not yet swept included")
	r.Add("go_unused", m.unused, report.InBytes, "free room between heap objects, kept for objects of the same size")
	r.Add("go_free", m.free, report.InBytes, "heap that is idle and not yet given back; the scavenger does so by and by, runtime/ctl freeosmemory at once")
	r.Add("go_stacks", m.stacks, report.InBytes, "goroutines' stacks")
	r.Add("go_metadata", m.metadata, report.InBytes, "the allocator's and collector's own tables")
	r.Add("go_profiling", m.buckets, report.InBytes, "tables of the profiles")
	r.Add("go_other", m.other, report.InBytes, "other tables of the runtime")
	r.Add("go_released", m.released, report.InBytes, "heap given back to the system: still reserved, not resident")
	r.Add("go_live", m.live, report.InBytes, "heap objects that the last collection found alive: what the program really holds")
	r.Add("go_goal", m.goal, report.InBytes, "heap size at which the collection in progress, or the next one, is to end")
	r.Add("go_memlimit", m.limit, report.InBytes, "GOMEMLIMIT: go_held above which the collector works harder")
}
