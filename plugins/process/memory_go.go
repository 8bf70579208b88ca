package process

import (
	"math"
	"runtime/metrics"
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
		m.limit = unlimited
	}
	return m
}

// held is what Go took from the system and has not given back. Part of it may
// never have been touched, and is then not resident.
func (m goMemory) held() uint64 { return m.total - min(m.total, m.released) }

func (m goMemory) report(r *report) {
	r.add("go_held", m.held(), inBytes, "memory that Go took from the system and has not given back: the sum of the go_ lines from go_objects to go_other")
	r.add("go_objects", m.objects, inBytes, "heap objects, those that are garbage and not yet swept included")
	r.add("go_unused", m.unused, inBytes, "free room between heap objects, kept for objects of the same size")
	r.add("go_free", m.free, inBytes, "heap that is idle and not yet given back; the scavenger does so by and by, runtime/ctl freeosmemory at once")
	r.add("go_stacks", m.stacks, inBytes, "goroutines' stacks")
	r.add("go_metadata", m.metadata, inBytes, "the allocator's and collector's own tables")
	r.add("go_profiling", m.buckets, inBytes, "tables of the profiles")
	r.add("go_other", m.other, inBytes, "other tables of the runtime")
	r.add("go_released", m.released, inBytes, "heap given back to the system: still reserved, not resident")
	r.add("go_live", m.live, inBytes, "heap objects that the last collection found alive: what the program really holds")
	r.add("go_goal", m.goal, inBytes, "heap size at which the collection in progress, or the next one, is to end")
	r.add("go_memlimit", m.limit, inBytes, "GOMEMLIMIT: go_held above which the collector works harder")
}
