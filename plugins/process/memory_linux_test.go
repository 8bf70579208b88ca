package process

import (
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/ispyd/ispyd/internal/report"
)

// TestMemory explains a process that is about to be killed, and ones that are not.
func TestMemory(t *testing.T) {
	const mib = 1 << 20
	a, err := txtar.ParseFile("testdata/v2-container.txtar")
	if err != nil {
		t.Fatal(err)
	}
	container := unpack(t, a)
	status := keyed{
		"VmRSS": "471040 kB", "RssAnon": "450560 kB", "RssFile": "20480 kB", "RssShmem": "0 kB",
		"VmHWM": "480000 kB", "VmSwap": "0 kB", "VmSize": "1900000 kB",
	}
	m := goMemory{live: 60 * mib, goal: 120 * mib, limit: report.Unlimited, objects: 100 * mib, free: 20 * mib, stacks: 10 * mib, metadata: 10 * mib, released: 50 * mib, total: 190 * mib}
	for _, c := range []struct {
		name   string
		sys    system
		change func(*goMemory)
		notes  []string // what each note holds
		facts  map[string]any
	}{
		{"cgo", container, func(*goMemory) {}, []string{
			"460.0 MiB resident; the largest parts: 300.0 MiB of memory that is not Go's: cgo, mmap, the C library (see process/maps), 100.0 MiB of heap objects",
			"460.0 MiB is 89.8% of the cgroup's limit of 512.0 MiB; 93.8% of it are charged in all",
			"GOMEMLIMIT is not set",
			"killed for lack of memory since it was made: 2",
		}, map[string]any{
			"rss": uint64(460 * mib), "go_held": uint64(140 * mib), "not_go": uint64(300 * mib), "go_live": uint64(60 * mib),
			"cgroup_limit": uint64(512 * mib), "cgroup_oom_kills": uint64(2), "cgroup_working_set": uint64(423316480), "go_memlimit": uint64(report.Unlimited),
		}},
		{"heap", container, func(m *goMemory) { m.objects, m.total, m.limit = 420*mib, 510*mib, 600*mib }, []string{
			"the largest parts: 420.0 MiB of heap objects",
			"89.8%",
			"GOMEMLIMIT, 600.0 MiB, is above the cgroup's limit",
			"2",
		}, map[string]any{"not_go": uint64(0)}},
		{"limited", container, func(m *goMemory) { m.limit = 400 * mib }, []string{"resident", "89.8%", "killed"}, nil},
		{"no cgroup", system{root: t.TempDir()}, func(*goMemory) {}, []string{"resident", "the cgroup cannot be seen: /proc/self/cgroup is not there"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := m
			c.change(&m)
			r := c.sys.memoryReport(status, m)
			if len(r.Notes) != len(c.notes) {
				t.Errorf("notes: %q, want %d", r.Notes, len(c.notes))
			}
			for i, n := range r.Notes[:min(len(r.Notes), len(c.notes))] {
				if !strings.Contains(n, c.notes[i]) {
					t.Errorf("note %d: %q, want %q", i, n, c.notes[i])
				}
			}
			for name, want := range c.facts {
				if got, ok := r.Find(name); !ok || got != want {
					t.Errorf("%s = %v, %v, want %v", name, got, ok, want)
				}
			}
		})
	}
}

// TestGoMemory asks this Go for every number that the report is made of.
func TestGoMemory(t *testing.T) {
	m := readGoMemory()
	if m.total == 0 || m.objects == 0 || m.stacks == 0 || m.metadata == 0 || m.goal == 0 || m.limit == 0 {
		t.Errorf("some are 0: %+v", m)
	}
	if sum := m.objects + m.unused + m.free + m.stacks + m.metadata + m.buckets + m.other; sum != m.held() {
		t.Errorf("the parts sum up to %d, held is %d", sum, m.held())
	}
}
