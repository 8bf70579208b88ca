package procstate

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cgroups returns the directories of the process's cgroup of the controller,
// from its own up to the root of the hierarchy; the unified hierarchy's (v2)
// where the process is managed there. The paths of v1 controllers are those
// that systemd mounts.
func (r Reader) cgroups(pid int, controller string) (dirs []string) {
	text, err := os.ReadFile(filepath.Join(r.Proc, strconv.Itoa(pid), "cgroup"))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		// 0::/user.slice or 4:cpu,cpuacct:/docker/…
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		var mounts []string
		switch {
		case parts[0] == "0" && parts[1] == "":
			mounts = []string{r.Cgroup, filepath.Join(r.Cgroup, "unified")}
		case slices.Contains(strings.Split(parts[1], ","), controller):
			mounts = []string{filepath.Join(r.Cgroup, parts[1]), filepath.Join(r.Cgroup, controller)}
		}
		for _, mount := range mounts {
			for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
				dirs = append(dirs, filepath.Join(mount, dir))
				if dir == "/" {
					break
				}
			}
		}
	}
	return dirs
}

// frozen says whether the process's cgroup, or one above it, is frozen.
func (r Reader) frozen(pid int) bool {
	for _, dir := range r.cgroups(pid, "freezer") {
		if events, err := os.ReadFile(filepath.Join(dir, "cgroup.events")); err == nil && value(events, "frozen ") == "1" {
			return true
		}
		if state, err := os.ReadFile(filepath.Join(dir, "freezer.state")); err == nil && strings.TrimSpace(string(state)) == "FROZEN" {
			return true
		}
	}
	return false
}

// throttles counts how often the process's cgroup, and those above it, were
// throttled because they had used up their share of the CPU.
func (r Reader) throttles(pid int) (n int64) {
	for _, dir := range r.cgroups(pid, "cpu") {
		stat, err := os.ReadFile(filepath.Join(dir, "cpu.stat"))
		if err != nil {
			continue
		}
		times, _ := strconv.ParseInt(value(stat, "nr_throttled "), 10, 64)
		n += times
	}
	return n
}

// throttlePeriod is a little more than the period in which a cgroup's share of
// the CPU is counted (cpu.max, cpu.cfs_period_us: 100 ms by default).
const throttlePeriod = 120 * time.Millisecond

// Throttled returns those of the processes whose cgroup is being throttled: its
// count rose while we watched. It takes a moment, but only where one of them
// has been throttled at all.
func (r Reader) Throttled(ctx context.Context, pids []int) map[int]bool {
	return r.rising(pids, func() {
		timer := time.NewTimer(throttlePeriod)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	})
}

// rising returns the processes whose count rises during wait.
func (r Reader) rising(pids []int, wait func()) map[int]bool {
	before := make(map[int]int64)
	for _, pid := range pids {
		if n := r.throttles(pid); n > 0 {
			before[pid] = n
		}
	}
	if len(before) == 0 {
		return nil
	}
	wait()
	rising := make(map[int]bool)
	for pid, n := range before {
		if r.throttles(pid) > n {
			rising[pid] = true
		}
	}
	return rising
}
