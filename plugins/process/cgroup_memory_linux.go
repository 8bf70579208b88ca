package process

var memorySources = map[string][]source{
	"v2": {
		{"memory.current", "", "current", inBytes, "memory charged to the group: all its processes, their page cache, kernel memory", 0},
		{"memory.peak", "", "peak", inBytes, "most that was ever charged", 0},
		{"memory.max", "", "max", inBytes, "the group's own hard limit: where nothing can be freed below it, a process is killed", 0},
		{"memory.high", "", "high", inBytes, "soft limit: above it the processes are slowed down to free memory", 0},
		{"memory.low", "", "low", inBytes, "memory spared as long as others have some to free", 0},
		{"memory.min", "", "min", inBytes, "memory that is never taken away", 0},
		{"memory.swap.current", "", "swap", inBytes, "memory of the group that is swapped out", 0},
		{"memory.swap.max", "", "swap_max", inBytes, "limit of it", 0},
		{"memory.stat", "anon", "anon", inBytes, "heaps, stacks and other memory without a file", 0},
		{"memory.stat", "file", "file", inBytes, "page cache, shared memory included", 0},
		{"memory.stat", "kernel", "kernel", inBytes, "memory that the kernel uses for the group", 0},
		{"memory.stat", "sock", "sock", inBytes, "of it in the buffers of sockets", 0},
		{"memory.stat", "slab", "slab", inBytes, "of it in the kernel's objects", 0},
		{"memory.stat", "shmem", "shmem", inBytes, "shared memory and files in tmpfs (/dev/shm, emptyDir in memory): not freed by itself", 0},
		{"memory.stat", "inactive_file", "inactive_file", inBytes, "page cache that can be dropped at once", 0},
		{"memory.stat", "pgmajfault", "major_faults", inCount, "page faults that had to read a disk", 0},
		{"memory.stat", "workingset_refault_file", "refaults", inCount, "pages of files that were dropped and needed again: many mean that memory is short", 0},
		{"memory.events", "high", "high_events", inCount, "times that the soft limit slowed a process down", 0},
		{"memory.events", "max", "max_events", inCount, "times that the hard limit was hit", 0},
		{"memory.events", "oom", "oom_events", inCount, "times that nothing could be freed at the limit", 0},
		{"memory.events", "oom_kill", "oom_kills", inCount, "processes of the group that were killed for lack of memory", 0},
	},
	"v1": {
		{"memory.usage_in_bytes", "", "current", inBytes, "memory charged to the group: all its processes, their page cache", 0},
		{"memory.max_usage_in_bytes", "", "peak", inBytes, "most that was ever charged", 0},
		{"memory.limit_in_bytes", "", "max", inBytes, "the group's own hard limit: where nothing can be freed below it, a process is killed", 0},
		{"memory.soft_limit_in_bytes", "", "high", inBytes, "soft limit: groups above theirs give memory back first", 0},
		{"memory.memsw.usage_in_bytes", "", "current_and_swap", inBytes, "memory and swap charged to the group", 0},
		{"memory.memsw.limit_in_bytes", "", "max_and_swap", inBytes, "limit of both", 0},
		{"memory.kmem.usage_in_bytes", "", "kernel", inBytes, "memory that the kernel uses for the group", 0},
		{"memory.stat", "total_rss", "anon", inBytes, "heaps, stacks and other memory without a file", 0},
		{"memory.stat", "total_cache", "file", inBytes, "page cache, shared memory included", 0},
		{"memory.stat", "total_shmem", "shmem", inBytes, "shared memory and files in tmpfs (/dev/shm, emptyDir in memory): not freed by itself", 0},
		{"memory.stat", "total_swap", "swap", inBytes, "memory of the group that is swapped out", 0},
		{"memory.stat", "total_inactive_file", "inactive_file", inBytes, "page cache that can be dropped at once", 0},
		{"memory.stat", "total_pgmajfault", "major_faults", inCount, "page faults that had to read a disk", 0},
		{"memory.stat", "total_workingset_refault_file", "refaults", inCount, "pages of files that were dropped and needed again: many mean that memory is short", 0},
		{"memory.failcnt", "", "max_events", inCount, "times that the hard limit was hit", 0},
		{"memory.oom_control", "under_oom", "under_oom", inCount, "1 while the group stands still for lack of memory", 0},
		{"memory.oom_control", "oom_kill", "oom_kills", inCount, "processes of the group that were killed for lack of memory", 0},
	},
}

// memoryGroupReport tells what memory the group uses, and how near to the end
// that is.
func memoryGroupReport(h *hierarchy, r *report) {
	h.addAll(r, memorySources[h.Version])
	current, known := r.bytes("current")
	if inactive, ok := r.bytes("inactive_file"); ok && known {
		r.add("working_set", current-min(current, inactive), inBytes, "current without the page cache that can be dropped at once: what Kubernetes shows and evicts by")
	}
	limit, where := h.memoryLimit()
	if limit != unlimited || where != "" {
		r.add("limit", limit, inBytes, "hard limit that holds: the least of the group's own and those above it")
	}
	if limit != unlimited && where != h.Dir && where != "" {
		r.add("limited_by", where, isText, "group above this one whose limit it is")
	}
	if limit != unlimited && known {
		r.add("used", percent(current, limit), inPercent, "current by limit")
		r.note("%s of %s charged (%.1f%%)", bytesText(current), bytesText(limit), percent(current, limit))
	}
	if kills, ok := r.bytes("oom_kills"); ok && kills > 0 {
		r.note("processes of the group killed for lack of memory since it was made: %d", kills)
	}
}

// memoryLimit returns the least hard limit of the group and those above it,
// and the directory of the group that has it: "" where there is no such file.
func (h *hierarchy) memoryLimit() (limit uint64, where string) {
	limit = unlimited
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
			n = unlimited
		}
		if where == "" || n < limit {
			limit, where = n, dir
		}
	})
	// Where the groups above cannot be seen, v1 tells what they come to.
	if n, ok := h.number("memory.stat", "hierarchical_memory_limit"); ok && n < limit {
		limit, where = n, "a group that cannot be seen from here"
		if n >= 1<<62 {
			limit, where = unlimited, h.Dir
		}
	}
	return limit, where
}

var pidsSources = []source{
	{"pids.current", "", "current", inCount, "threads and processes in the group", 0},
	{"pids.peak", "", "peak", inCount, "most there ever were", 0},
	{"pids.max", "", "max", inCount, "limit: past it no thread or process can be started, and Go dies where it needs a thread", 0},
	{"pids.events", "max", "max_events", inCount, "times that the limit was hit", 0},
}

// pidsReport tells how many threads and processes the group may have.
func pidsReport(h *hierarchy, r *report) {
	h.addAll(r, pidsSources)
	current, ok1 := r.bytes("current")
	limit, ok2 := r.bytes("max")
	if ok1 && ok2 && limit != unlimited {
		r.add("used", percent(current, limit), inPercent, "current by max")
	}
}
