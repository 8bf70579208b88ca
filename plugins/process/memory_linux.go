package process

import (
	"context"
	"sort"

	"github.com/ispyd/ispyd/internal/report"
)

// memory sets what the kernel charges beside what Go knows of, and both beside
// the limit of the cgroup.
func (s system) memory(context.Context) (report.Report, error) {
	b, err := s.read("/proc/self/status")
	if err != nil {
		return report.Report{}, err
	}
	return s.memoryReport(parseKeyed(b), readGoMemory()), nil
}

func (s system) memoryReport(status keyed, m goMemory) report.Report {
	var r report.Report
	for _, f := range []struct{ key, name, meaning string }{
		{"VmRSS", "rss", "resident: memory of this process that is in RAM; the sum of the next three"},
		{"RssAnon", "rss_anon", "of it without a file: Go's heap and stacks, cgo, mmap"},
		{"RssFile", "rss_file", "of it mapped from files: the program itself, libraries; dropped and read again when memory is short"},
		{"RssShmem", "rss_shmem", "of it shared memory and tmpfs"},
		{"VmHWM", "rss_peak", "most that was ever resident"},
		{"VmSwap", "swap", "swapped out"},
		{"VmPTE", "page_tables", "the kernel's tables for this process's memory, charged to the cgroup"},
		{"VmSize", "virtual", "address space: reserved, not used; costs nothing"},
	} {
		if n, ok := status.bytes(f.key); ok {
			r.Add(f.name, n, report.InBytes, f.meaning)
		}
	}
	m.report(&r)
	anon, ok := r.Uint("rss_anon")
	if ok {
		swap, _ := r.Uint("swap")
		foreign := anon + swap - min(anon+swap, m.held())
		r.Add("not_go", foreign, report.InBytes, "rss_anon and swap beyond go_held: memory of cgo, mmap or the C library; somewhat more, as part of go_held may never have been touched")
		memoryNotes(&r, m, foreign)
	}
	s.memoryLimits(&r, m)
	return r
}

// memoryNotes says where most of the memory is.
func memoryNotes(r *report.Report, m goMemory, foreign uint64) {
	rss, _ := r.Uint("rss")
	file, _ := r.Uint("rss_file")
	shmem, _ := r.Uint("rss_shmem")
	type part struct {
		size uint64
		what string
	}
	parts := []part{
		{m.objects, "heap objects"},
		{m.free + m.unused, "free heap that Go has not given back (see runtime/ctl freeosmemory, GOGC)"},
		{m.stacks, "goroutine stacks (see runtime/stacks)"},
		{m.metadata + m.buckets + m.other, "tables of Go's runtime"},
		{foreign, "memory that is not Go's: cgo, mmap, the C library (see process/maps)"},
		{file, "mapped files: the program and libraries"},
		{shmem, "shared memory"},
	}
	sort.SliceStable(parts, func(i, j int) bool { return parts[i].size > parts[j].size })
	r.Note("%s resident; the largest parts: %s of %s, %s of %s", report.BytesText(rss), report.BytesText(parts[0].size), parts[0].what, report.BytesText(parts[1].size), parts[1].what)
}

// memoryLimits adds the cgroup's side: who was killed, and what by.
func (s system) memoryLimits(r *report.Report, m goMemory) {
	list, err := s.hierarchies()
	if err != nil {
		r.Note("the cgroup cannot be seen: %v", err)
		return
	}
	h := controller(list, "memory")
	if h == nil {
		r.Note("no cgroup that counts memory can be seen")
		return
	}
	var g report.Report
	memoryGroupReport(h, &g)
	for _, f := range []struct{ from, name, meaning string }{
		{"current", "cgroup_current", "memory charged to the cgroup: all its processes, their page cache"},
		{"working_set", "cgroup_working_set", "of it what cannot be dropped at once: what Kubernetes shows and evicts by"},
		{"limit", "cgroup_limit", "hard limit of the cgroup or of one above it"},
		{"max_events", "cgroup_max_events", "times that it was hit"},
		{"oom_kills", "cgroup_oom_kills", "processes of the cgroup that were killed for lack of memory"},
	} {
		if v, ok := g.Find(f.from); ok {
			unit := report.InBytes
			if f.from == "max_events" || f.from == "oom_kills" {
				unit = report.InCount
			}
			r.Add(f.name, v, unit, f.meaning)
		}
	}
	limit, ok := g.Uint("limit")
	if !ok {
		return
	}
	if limit == report.Unlimited {
		r.Note("the cgroup has no limit: memory ends where the machine's does")
	} else {
		rss, _ := r.Uint("rss")
		r.Note("%s is %.1f%% of the cgroup's limit of %s; %.1f%% of it are charged in all", report.BytesText(rss), report.Percent(rss, limit), report.BytesText(limit), groupShare(&g, limit))
		switch {
		case m.limit == report.Unlimited:
			r.Note("GOMEMLIMIT is not set: the collector does not know the limit, and the heap may grow to twice its live size before it is collected")
		case m.limit > limit:
			r.Note("GOMEMLIMIT, %s, is above the cgroup's limit: the collector will not work harder before the process is killed", report.BytesText(m.limit))
		}
	}
	if kills, ok := g.Uint("oom_kills"); ok && kills > 0 {
		r.Note("processes of the cgroup killed for lack of memory since it was made: %d", kills)
	}
}

func groupShare(g *report.Report, limit uint64) float64 {
	current, _ := g.Uint("current")
	return report.Percent(current, limit)
}
