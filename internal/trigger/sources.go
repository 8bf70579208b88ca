package trigger

import (
	"errors"
	"math"
	"os"
	"path"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
)

// own are the sources that every program has.
var own = []Source{
	{Name: "goroutines", Doc: "goroutines of the program", Unit: Count,
		Read: func() float64 { return float64(runtime.NumGoroutine()) }},
	{Name: "heap", Doc: "bytes of heap objects, live or not yet swept", Unit: Bytes, Read: heap},
	{Name: "cgroup.memory", Doc: "memory of the control group without the page cache that can be dropped at once, in percent of the limit; where groups above have limits too, of the nearest to its end", Unit: Percent,
		Read: system.memory, check: system.limited},
}

func heap() float64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return math.NaN()
	}
	return float64(s[0].Value.Uint64())
}

// groups finds control groups: proc and cgroup are the mount points of the two
// file systems.
type groups struct{ proc, cgroup string }

var system = groups{"/proc", "/sys/fs/cgroup"}

// limited says why there is no share of a limit.
func (g groups) limited() error {
	if math.IsNaN(g.memory()) {
		return errors.New("no control group of the program has a limit of memory that can be seen")
	}
	return nil
}

// memory is the greatest share in percent that the program's group, or one
// above it, has used of its limit; NaN where none has one.
func (g groups) memory() float64 {
	most := math.NaN()
	for _, dir := range g.directories() {
		for _, f := range [][3]string{
			{"memory.current", "memory.max", "inactive_file"},
			{"memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file"},
		} {
			used, ok1 := number(path.Join(dir, f[0]))
			limit, ok2 := number(path.Join(dir, f[1]))
			// v1 writes the largest multiple of a page for no limit.
			if !ok1 || !ok2 || limit <= 0 || limit >= 1<<62 {
				continue
			}
			used -= min(used, keyed(path.Join(dir, "memory.stat"), f[2]))
			if share := 100 * used / limit; !(share <= most) {
				most = share
			}
		}
	}
	return most
}

// directories are those of the program's group and of the groups above it. In a
// container that sees only its own group, the path leads nowhere, and the mount
// point itself is the group.
func (g groups) directories() (dirs []string) {
	text, err := os.ReadFile(path.Join(g.proc, "self/cgroup"))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		// 0::/user.slice or 4:memory:/docker/…
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		mount := g.cgroup
		switch {
		case parts[0] == "0" && parts[1] == "":
		case slices.Contains(strings.Split(parts[1], ","), "memory"):
			mount = path.Join(g.cgroup, "memory")
		default:
			continue
		}
		for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
			dirs = append(dirs, path.Join(mount, dir))
			if dir == "/" {
				break
			}
		}
	}
	return dirs
}

func number(file string) (float64, bool) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	return float64(n), err == nil
}

// keyed is the number in the line of a key, 0 where there is none.
func keyed(file, key string) float64 {
	b, _ := os.ReadFile(file)
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, " "); ok && k == key {
			n, _ := strconv.ParseUint(strings.TrimSpace(v), 10, 64)
			return float64(n)
		}
	}
	return 0
}
