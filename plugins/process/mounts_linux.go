package process

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// membership is one line of /proc/self/cgroup.
type membership struct {
	controllers []string // nil for the unified hierarchy (v2)
	path        string   // in the hierarchy, as this process's cgroup namespace shows it
}

// parseCgroup parses /proc/self/cgroup: "4:cpu,cpuacct:/path", "0::/path".
func parseCgroup(b []byte) []membership {
	var list []membership
	for line := range strings.Lines(string(b)) {
		id, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		if !ok {
			continue
		}
		controllers, p, ok := strings.Cut(rest, ":")
		if !ok || !strings.HasPrefix(p, "/") {
			continue
		}
		m := membership{path: strings.TrimSuffix(p, " (deleted)")}
		switch {
		case controllers != "":
			m.controllers = strings.Split(controllers, ",")
		case id != "0":
			continue // a v1 hierarchy without controllers
		}
		list = append(list, m)
	}
	return list
}

// mount is one line of /proc/self/mountinfo.
type mount struct {
	root    string // what of the file system is mounted
	point   string
	kind    string
	options []string // of the file system: for cgroup v1 the controllers
}

// parseMounts parses those lines of /proc/self/mountinfo whose file system is
// of one of the kinds:
//
//	36 35 98:0 /root /point rw,noatime shared:1 master:2 - kind source options
func parseMounts(b []byte, kinds ...string) []mount {
	var list []mount
	for line := range strings.Lines(string(b)) {
		// The optional fields before the dash are none or many.
		left, right, ok := strings.Cut(line, " - ")
		if !ok {
			continue
		}
		l, r := strings.Fields(left), strings.Fields(right)
		if len(l) < 6 || len(r) < 1 || !slices.Contains(kinds, r[0]) {
			continue
		}
		m := mount{root: unescapeOctal(l[3]), point: unescapeOctal(l[4]), kind: r[0]}
		if len(r) > 2 {
			m.options = strings.Split(r[2], ",")
		}
		list = append(list, m)
	}
	return list
}

// unescapeOctal undoes the kernel's escapes of white space and backslashes.
func unescapeOctal(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// directories returns where under a mount the cgroup of a path may be, the
// likeliest first. A container may show the path as the host sees it while only
// its own part of the hierarchy is mounted, or its own part as the root.
func (m mount) directories(p string) []string {
	var list []string
	add := func(dir string) {
		if !slices.Contains(list, dir) {
			list = append(list, dir)
		}
	}
	if strings.Contains(p+"/", "/../") {
		// The process is outside of its cgroup namespace's root.
		return nil
	}
	root := strings.TrimSuffix(m.root, "/")
	if rest, ok := strings.CutPrefix(p, root); ok && (rest == "" || rest[0] == '/') {
		add(path.Join(m.point, rest))
	}
	add(path.Join(m.point, p))
	add(m.point)
	return list
}
