package process

import "github.com/ispyd/ispyd/internal/report"

var memorySources = map[string][]source{
	"v2": {
		{"memory.current", "", "current", report.InBytes, "memory charged to the group: all its processes, their page cache, kernel memory", 0},
		{"memory.peak", "", "peak", report.InBytes, "most that was ever charged", 0},
		{"memory.max", "", "max", report.InBytes, "the group's own hard limit: where nothing can be freed below it, a process is killed", 0},
		{"memory.high", "", "high", report.InBytes, "soft limit: above it the processes are slowed down to free memory", 0},
		{"memory.low", "", "low", report.InBytes, "memory spared as long as others have some to free", 0},
		{"memory.min", "", "min", report.InBytes, "memory that is never taken away", 0},
		{"memory.swap.current", "", "swap", report.InBytes, "memory of the group that is swapped out", 0},
		{"memory.swap.max", "", "swap_max", report.InBytes, "limit of it", 0},
		{"memory.stat", "anon", "anon", report.InBytes, "heaps, stacks and other memory without a file", 0},
		{"memory.stat", "file", "file", report.InBytes, "page cache, shared memory included", 0},
		{"memory.stat", "kernel", "kernel", report.InBytes, "memory that the kernel uses for the group", 0},
		{"memory.stat", "sock", "sock", report.InBytes, "of it in the buffers of sockets", 0},
		{"memory.stat", "slab", "slab", report.InBytes, "of it in the kernel's objects", 0},
		{"memory.stat", "shmem", "shmem", report.InBytes, "shared memory and files in tmpfs (/dev/shm, emptyDir in memory): not freed by itself", 0},
		{"memory.stat", "inactive_file", "inactive_file", report.InBytes, "page cache that can be dropped at once", 0},
		{"memory.stat", "pgmajfault", "major_faults", report.InCount, "page faults that had to read a disk", 0},
		{"memory.stat", "workingset_refault_file", "refaults", report.InCount, "pages of files that were dropped and needed again: many mean that memory is short", 0},
		{"memory.events", "high", "high_events", report.InCount, "times that the soft limit slowed a process down", 0},
		{"memory.events", "max", "max_events", report.InCount, "times that the hard limit was hit", 0},
		{"memory.events", "oom", "oom_events", report.InCount, "times that nothing could be freed at the limit", 0},
		{"memory.events", "oom_kill", "oom_kills", report.InCount, "processes of the group that were killed for lack of memory", 0},
	},
	"v1": {
		{"memory.usage_in_bytes", "", "current", report.InBytes, "memory charged to the group: all its processes, their page cache", 0},
		{"memory.max_usage_in_bytes", "", "peak", report.InBytes, "most that was ever charged", 0},
		{"memory.limit_in_bytes", "", "max", report.InBytes, "the group's own hard limit: where nothing can be freed below it, a process is killed", 0},
		{"memory.soft_limit_in_bytes", "", "high", report.InBytes, "soft limit: groups above theirs give memory back first", 0},
		{"memory.memsw.usage_in_bytes", "", "current_and_swap", report.InBytes, "memory and swap charged to the group", 0},
		{"memory.memsw.limit_in_bytes", "", "max_and_swap", report.InBytes, "limit of both", 0},
		{"memory.kmem.usage_in_bytes", "", "kernel", report.InBytes, "memory that the kernel uses for the group", 0},
		{"memory.stat", "total_rss", "anon", report.InBytes, "heaps, stacks and other memory without a file", 0},
		{"memory.stat", "total_cache", "file", report.InBytes, "page cache, shared memory included", 0},
		{"memory.stat", "total_shmem", "shmem", report.InBytes, "shared memory and files in tmpfs (/dev/shm, emptyDir in memory): not freed by itself", 0},
		{"memory.stat", "total_swap", "swap", report.InBytes, "memory of the group that is swapped out", 0},
		{"memory.stat", "total_inactive_file", "inactive_file", report.InBytes, "page cache that can be dropped at once", 0},
		{"memory.stat", "total_pgmajfault", "major_faults", report.InCount, "page faults that had to read a disk", 0},
		{"memory.stat", "total_workingset_refault_file", "refaults", report.InCount, "pages of files that were dropped and needed again: many mean that memory is short", 0},
		{"memory.failcnt", "", "max_events", report.InCount, "times that the hard limit was hit", 0},
		{"memory.oom_control", "under_oom", "under_oom", report.InCount, "1 while the group stands still for lack of memory", 0},
		{"memory.oom_control", "oom_kill", "oom_kills", report.InCount, "processes of the group that were killed for lack of memory", 0},
	},
}

// memoryGroupReport tells what memory the group uses, and how near to the end
// that is.
func memoryGroupReport(h *hierarchy, r *report.Report) {
	h.addAll(r, memorySources[h.Version])
	current, known := r.Uint("current")
	if inactive, ok := r.Uint("inactive_file"); ok && known {
		r.Add("working_set", current-min(current, inactive), report.InBytes, "current without the page cache that can be dropped at once: what Kubernetes shows and evicts by")
	}
	limit, where := h.memoryLimit()
	if limit != report.Unlimited || where != "" {
		r.Add("limit", limit, report.InBytes, "hard limit that holds: the least of the group's own and those above it")
	}
	if limit != report.Unlimited && where != h.Dir && where != "" {
		r.Add("limited_by", where, report.IsText, "group above this one whose limit it is")
	}
	if limit != report.Unlimited && known {
		r.Add("used", report.Percent(current, limit), report.InPercent, "current by limit")
		r.Note("%s of %s charged (%.1f%%)", report.BytesText(current), report.BytesText(limit), report.Percent(current, limit))
	}
	if kills, ok := r.Uint("oom_kills"); ok && kills > 0 {
		r.Note("processes of the group killed for lack of memory since it was made: %d", kills)
	}
}

// memoryLimit returns the least hard limit of the group and those above it,
// and the directory of the group that has it: "" where there is no such file.
func (h *hierarchy) memoryLimit() (limit uint64, where string) {
	limit = report.Unlimited
	file := "memory.max"
	if h.Version == "v1" {
		file = "memory.limit_in_bytes"
	}
	h.groups(func(dir string) {
		v, ok := h.valueIn(dir, file)
		if !ok {
			return
		}
		n, ok := parseQuantity(v)
		if !ok {
			return
		}
		if n >= 1<<62 {
			n = report.Unlimited
		}
		if where == "" || n < limit {
			limit, where = n, dir
		}
	})
	// Where the groups above cannot be seen, v1 tells what they come to.
	if n, ok := h.number("memory.stat", "hierarchical_memory_limit"); ok && n < limit {
		limit, where = n, "a group that cannot be seen from here"
		if n >= 1<<62 {
			limit, where = report.Unlimited, h.Dir
		}
	}
	return limit, where
}

var pidsSources = []source{
	{"pids.current", "", "current", report.InCount, "threads and processes in the group", 0},
	{"pids.peak", "", "peak", report.InCount, "most there ever were", 0},
	{"pids.max", "", "max", report.InCount, "limit: past it no thread or process can be started, and Go dies where it needs a thread", 0},
	{"pids.events", "max", "max_events", report.InCount, "times that the limit was hit", 0},
}

// pidsReport tells how many threads and processes the group may have.
func pidsReport(h *hierarchy, r *report.Report) {
	h.addAll(r, pidsSources)
	current, ok1 := r.Uint("current")
	limit, ok2 := r.Uint("max")
	if ok1 && ok2 && limit != report.Unlimited {
		r.Add("used", report.Percent(current, limit), report.InPercent, "current by max")
	}
}
