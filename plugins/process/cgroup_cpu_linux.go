package process

import (
	"strings"

	"github.com/ispyd/ispyd/internal/report"
)

var cpuSources = map[string][]source{
	"v2": {
		{"cpu.weight", "", "weight", report.InCount, "share against the other groups beside it when CPUs are short: 1 to 10000, by default 100", 0},
		{"cpu.stat", "usage_usec", "usage", report.InSeconds, "CPU time used by the group", 1e-6},
		{"cpu.stat", "user_usec", "user", report.InSeconds, "of it in the programs' code", 1e-6},
		{"cpu.stat", "system_usec", "system", report.InSeconds, "of it in the kernel", 1e-6},
		{"cpu.stat", "nr_periods", "periods", report.InCount, "periods in which the group was runnable under a quota", 0},
		{"cpu.stat", "nr_throttled", "throttled_periods", report.InCount, "of them, those in which the quota ran out and the group stood still", 0},
		{"cpu.stat", "throttled_usec", "throttled", report.InSeconds, "time that it stood still, summed over CPUs", 1e-6},
		{"cpu.stat", "nr_bursts", "bursts", report.InCount, "periods in which saved quota was used", 0},
	},
	"v1": {
		{"cpu.shares", "", "shares", report.InCount, "share against the other groups beside it when CPUs are short: 2 to 262144, by default 1024", 0},
		{"cpuacct.usage", "", "usage", report.InSeconds, "CPU time used by the group", 1e-9},
		{"cpuacct.usage_user", "", "user", report.InSeconds, "of it in the programs' code", 1e-9},
		{"cpuacct.usage_sys", "", "system", report.InSeconds, "of it in the kernel", 1e-9},
		{"cpu.stat", "nr_periods", "periods", report.InCount, "periods in which the group was runnable under a quota", 0},
		{"cpu.stat", "nr_throttled", "throttled_periods", report.InCount, "of them, those in which the quota ran out and the group stood still", 0},
		{"cpu.stat", "throttled_time", "throttled", report.InSeconds, "time that it stood still, summed over CPUs", 1e-9},
		{"cpu.stat", "nr_bursts", "bursts", report.InCount, "periods in which saved quota was used", 0},
	},
}

// cpuReport tells what CPU time the group may use, and what it lost by that.
func cpuReport(h *hierarchy, r *report.Report) {
	quota, period, where := h.cpuQuota()
	procs, cpus := h.sys.processors()
	if quota != report.Unlimited && period > 0 {
		cores := float64(quota) / float64(period)
		r.Add("cores", cores, report.InCount, "cores' worth of time that the group may use: quota by period, the least of its own and those above it")
		r.Add("quota", float64(quota)/1e6, report.InSeconds, "CPU time allowed in each period")
		if where != h.Dir {
			r.Add("limited_by", where, report.IsText, "group above this one whose quota it is")
		}
		if float64(procs) > cores+1 {
			r.Note("GOMAXPROCS is %d, but the quota is worth %.4g cores: all threads running use it up early in each period, then everything stands still", procs, cores)
		}
	} else {
		r.Add("quota", uint64(report.Unlimited), report.InSeconds, "CPU time allowed in each period")
	}
	if period > 0 {
		r.Add("period", float64(period)/1e6, report.InSeconds, "length of a period")
	}
	r.Add("gomaxprocs", uint64(procs), report.InCount, "threads that Go lets run Go code at once (GOMAXPROCS)")
	r.Add("numcpu", uint64(cpus), report.InCount, "CPUs that the process could use when it started (runtime.NumCPU)")
	h.addAll(r, cpuSources[h.Version])
	periods, ok1 := r.Uint("periods")
	throttled, ok2 := r.Uint("throttled_periods")
	if !ok1 || !ok2 {
		return
	}
	share := report.Percent(throttled, periods)
	r.Add("throttled_share", share, report.InPercent, "part of the periods in which the group was throttled, since it was made")
	if throttled > 0 {
		r.Notes = append([]string{noteThrottled(r, throttled, periods, share)}, r.Notes...)
	}
}

func noteThrottled(r *report.Report, throttled, periods uint64, share float64) string {
	var n report.Report
	n.Note("throttled in %d of %d periods (%.1f%%): the quota was used up and the group stood still until the period's end", throttled, periods, share)
	if v, ok := r.Find("throttled"); ok {
		if t, ok := v.(float64); ok {
			n.Notes[0] += ", " + report.Seconds(t).Duration().String() + " in all"
		}
	}
	return n.Notes[0]
}

// cpuQuota returns the least quota of the group and those above it, and its
// period, both in microseconds, and the directory of the group that has it.
func (h *hierarchy) cpuQuota() (quota, period uint64, where string) {
	quota, where = report.Unlimited, h.Dir
	h.groups(func(dir string) {
		q, p, ok := h.quotaOf(dir)
		if !ok || p == 0 {
			return
		}
		if period == 0 {
			period = p
		}
		if q != report.Unlimited && (quota == report.Unlimited || float64(q)/float64(p) < float64(quota)/float64(period)) {
			quota, period, where = q, p, dir
		}
	})
	return quota, period, where
}

func (h *hierarchy) quotaOf(dir string) (quota, period uint64, ok bool) {
	var q, p string
	if h.Version == "v1" {
		q, _ = h.valueIn(dir, "cpu.cfs_quota_us")
		p, _ = h.valueIn(dir, "cpu.cfs_period_us")
	} else {
		v, _ := h.valueIn(dir, "cpu.max")
		q, p, _ = strings.Cut(v, " ")
	}
	quota, ok1 := parseQuantity(q)
	period, ok2 := parseQuantity(p)
	return quota, period, ok1 && ok2 && period != report.Unlimited
}
