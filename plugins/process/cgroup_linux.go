package process

import (
	"context"
	"io/fs"
	"os"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/ispyd/ispyd/internal/report"
	"github.com/ispyd/ispyd/nodes"
)

// hierarchy is where this process's group of one or more controllers is found.
type hierarchy struct {
	Controllers report.Words `json:"controllers"` // none in v2, which has them all
	Version     string       `json:"version"`     // v1 or v2
	Path        string       `json:"path"`
	Dir         string       `json:"dir"`

	sys   system
	mount string // where the hierarchy is mounted: Dir or above
	cache map[string]keyed
}

// hierarchies returns the cgroups of this process that can be seen.
func (s system) hierarchies() ([]*hierarchy, error) {
	own, err := s.read("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	info, err := s.readUpTo("/proc/self/mountinfo", maxMaps)
	if err != nil {
		return nil, err
	}
	mounts := parseMounts(info, "cgroup", "cgroup2")
	var list []*hierarchy
	for _, m := range parseCgroup(own) {
		if h := s.resolve(m, mounts); h != nil {
			list = append(list, h)
		}
	}
	return list, nil
}

// resolve finds the directory of a membership.
func (s system) resolve(m membership, mounts []mount) *hierarchy {
	version, kind := "v2", "cgroup2"
	if m.controllers != nil {
		version, kind = "v1", "cgroup"
	}
	for _, mnt := range mounts {
		if mnt.kind != kind {
			continue
		}
		// "name=systemd" is a hierarchy without a controller.
		if m.controllers != nil && !slices.Contains(mnt.options, m.controllers[0]) {
			continue
		}
		for _, dir := range mnt.directories(m.path) {
			if s.readable(dir + "/cgroup.procs") {
				return &hierarchy{
					Controllers: append(report.Words{}, m.controllers...), Version: version, Path: m.path, Dir: dir,
					sys: s, mount: mnt.point, cache: make(map[string]keyed),
				}
			}
		}
	}
	return nil
}

// controller returns the hierarchy that a controller is in: its own in v1,
// else the unified one; nil where there is none.
func controller(list []*hierarchy, name string) *hierarchy {
	var unified *hierarchy
	for _, h := range list {
		if slices.Contains(h.Controllers, name) {
			return h
		}
		if h.Version == "v2" {
			unified = h
		}
	}
	return unified
}

// value returns the content of a file of the group, trimmed.
func (h *hierarchy) value(file string) (string, bool) { return h.valueIn(h.Dir, file) }

func (h *hierarchy) valueIn(dir, file string) (string, bool) {
	b, err := h.sys.read(path.Join(dir, file))
	if err != nil {
		return "", false
	}
	return strings.TrimSpace(string(b)), true
}

// number returns the number that a file holds or, with a key, the one in the
// file's line of that key.
func (h *hierarchy) number(file, key string) (uint64, bool) {
	if key == "" {
		v, ok := h.value(file)
		if !ok {
			return 0, false
		}
		return parseQuantity(v)
	}
	k, ok := h.cache[file]
	if !ok {
		v, _ := h.value(file)
		k = parseKeyed([]byte(v))
		h.cache[file] = k
	}
	return k.number(key)
}

// groups calls f with the directory of the group and of each group above it
// that can be seen: the limits of all of them hold.
func (h *hierarchy) groups(f func(dir string)) {
	for dir := h.Dir; ; dir = path.Dir(dir) {
		f(dir)
		if dir == h.mount || dir == "/" || !strings.HasPrefix(dir, h.mount) {
			return
		}
	}
}

// source is a number in a file of a cgroup, and the fact that is made of it.
type source struct {
	file, key     string // key is "" where the file is one number
	name          string
	unit, meaning string
	scale         float64 // what a unit of the file is in seconds, for times
}

// addAll adds the facts whose files are there.
func (h *hierarchy) addAll(r *report.Report, sources []source) {
	for _, s := range sources {
		n, ok := h.number(s.file, s.key)
		if !ok {
			continue
		}
		if h.Version == "v1" && s.unit == report.InBytes && n >= 1<<62 {
			n = report.Unlimited // the largest multiple of a page
		}
		if s.scale != 0 && n != report.Unlimited {
			r.Add(s.name, float64(n)*s.scale, s.unit, s.meaning)
			continue
		}
		r.Add(s.name, n, s.unit, s.meaning)
	}
}

// cgroupFile is one file of the directory cgroup: what it is made of, whether
// that is there, and how it is shown.
type cgroupFile struct {
	node      nodes.Node
	available func([]*hierarchy) bool
}

// cgroup returns the directory cgroup, nil where no group can be seen.
func (s system) cgroup() nodes.Node {
	if list, err := s.hierarchies(); err != nil || len(list) == 0 {
		return nil
	}
	files := []cgroupFile{
		cgroupReport(s, "cpu", "CPU quota, cores allowed, and how often and how long the group was throttled: seconds and counts, with their meaning (cpu.max, cpu.stat)", "cpu.stat", cpuReport),
		cgroupReport(s, "memory", "memory of the group against its limits, and its out-of-memory kills: bytes and counts, with their meaning (memory.current, memory.stat, memory.events)", "memory.stat", memoryGroupReport),
		cgroupReport(s, "pids", "threads and processes of the group against its limit, with their meaning (pids.current, pids.max)", "pids.current", pidsReport),
		{
			nodes.Value("pressure", "share of the last 10, 60 and 300 s, in percent, in which some or all tasks waited for a resource, and total waiting since the start; scope machine is all of it (cpu.pressure, memory.pressure, io.pressure)", s.pressure),
			func(list []*hierarchy) bool { return len(s.pressureFiles(list)) > 0 },
		},
		{
			nodes.Value("io", "bytes, operations and discards of the group, a line for each device (io.stat, blkio.throttle)", s.io),
			func(list []*hierarchy) bool { return s.ioFile(list) != nil },
		},
		{
			nodes.Value("path", "where the process's group is, a line for each hierarchy: its controllers, version, path and directory (/proc/self/cgroup, /proc/self/mountinfo)", func(context.Context) ([]*hierarchy, error) {
				return s.hierarchies()
			}),
			func(list []*hierarchy) bool { return len(list) > 0 },
		},
	}
	sort.Slice(files, func(i, j int) bool { return files[i].node.Name() < files[j].node.Name() })
	// A process can be moved between groups, so each look looks anew.
	return nodes.Dynamic("cgroup", "the control group of the process: its limits and what it used of them",
		func(_ context.Context, name string) (nodes.Node, error) {
			for _, f := range files {
				if f.node.Name() == name {
					if list, err := s.hierarchies(); err != nil || !f.available(list) {
						return nil, nodes.Errorf(fs.ErrNotExist, "%s: the group of this process does not have it", name)
					}
					return f.node, nil
				}
			}
			return nil, nodes.Errorf(fs.ErrNotExist, "%q: no such file", name)
		},
		func(context.Context) ([]nodes.Node, error) {
			// Without /proc nothing is listed; the process's own files say why.
			all, _ := s.hierarchies()
			var list []nodes.Node
			for _, f := range files {
				if f.available(all) {
					list = append(list, f.node)
				}
			}
			return list, nil
		})
}

// cgroupReport makes a file of one controller's report. It is there where the
// controller's group has the file called sign.
func cgroupReport(s system, name, doc, sign string, fill func(*hierarchy, *report.Report)) cgroupFile {
	return cgroupFile{
		nodes.Value(name, doc, func(context.Context) (report.Report, error) {
			list, err := s.hierarchies()
			if err != nil {
				return report.Report{}, err
			}
			h := controller(list, name)
			if h == nil {
				return report.Report{}, nodes.Errorf(nodes.ErrNotSupported, "the process is in no group with the controller %s", name)
			}
			var r report.Report
			fill(h, &r)
			return r, nil
		}),
		func(list []*hierarchy) bool {
			h := controller(list, name)
			return h != nil && s.readable(path.Join(h.Dir, sign))
		},
	}
}

// exists reports whether a file is there, readable or not.
func (s system) exists(p string) bool {
	_, err := os.Stat(s.root + p)
	return err == nil
}
