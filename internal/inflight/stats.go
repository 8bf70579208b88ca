package inflight

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ispyd/ispyd/internal/report"
)

// Stats counts work by a name, such as its route, and by a class, such as that of
// its status. The number of names is bounded: further ones are counted together.
type Stats struct {
	classes []string
	routes  atomic.Pointer[map[string]*route]
	mu      sync.Mutex // for those who add a route
	max     atomic.Int64
}

// Other is the name of what came when there were too many names.
const Other = "(other)"

type route struct{ classes []atomic.Pointer[series] }

// NewStats returns Stats for these classes and at most so many names.
func NewStats(names int, classes ...string) *Stats {
	s := &Stats{classes: classes}
	s.Limit(names)
	return s
}

// Clear forgets what was counted.
func (s *Stats) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.routes.Store(&map[string]*route{})
}

// Limit sets how many names are counted apart, and forgets what was counted.
func (s *Stats) Limit(names int) {
	s.max.Store(int64(names))
	s.Clear()
}

// Known returns the name that a name is counted under.
func (s *Stats) Known(name string) string {
	routes := *s.routes.Load()
	if routes[name] == nil && len(routes) >= int(s.max.Load()) {
		return Other
	}
	return name
}

// route returns the route called name, which is not kept but copied.
func (s *Stats) route(name string) *route {
	if r := (*s.routes.Load())[name]; r != nil {
		return r
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := *s.routes.Load()
	if len(known) >= int(s.max.Load()) {
		name = Other
	}
	if r := known[name]; r != nil {
		return r
	}
	grown := maps.Clone(known)
	r := &route{make([]atomic.Pointer[series], len(s.classes))}
	grown[strings.Clone(name)] = r
	s.routes.Store(&grown)
	return r
}

// Add counts what has ended: class is an index, took its duration, end its end.
func (s *Stats) Add(name string, class int, took time.Duration, failed bool, end time.Time) {
	p := &s.route(name).classes[class]
	c := p.Load()
	if c == nil {
		p.CompareAndSwap(nil, new(series))
		c = p.Load()
	}
	c.add(took, failed, end)
}

// Figures are the columns of a line of a table of statistics.
type Figures struct {
	Count        uint64         `json:"count"`
	InFlight     int            `json:"in_flight"`
	Errors       uint64         `json:"errors"`
	P50          report.Seconds `json:"p50"`
	P90          report.Seconds `json:"p90"`
	P99          report.Seconds `json:"p99"`
	Max          report.Seconds `json:"max"`
	MinuteCount  uint64         `json:"minute_count"`
	MinuteErrors uint64         `json:"minute_errors"`
	MinuteP50    report.Seconds `json:"minute_p50"`
	MinuteP90    report.Seconds `json:"minute_p90"`
	MinuteP99    report.Seconds `json:"minute_p99"`
	MinuteMax    report.Seconds `json:"minute_max"`
}

func (r *Figures) fill(all, minute *counts, errors, minuteErrors uint64) {
	at := func(c *counts, q float64) report.Seconds { return report.Seconds(c.quantile(q).Seconds()) }
	r.Count, r.Errors = all.total, errors
	r.P50, r.P90, r.P99, r.Max = at(all, .5), at(all, .9), at(all, .99), report.Seconds(all.longest.Seconds())
	r.MinuteCount, r.MinuteErrors = minute.total, minuteErrors
	r.MinuteP50, r.MinuteP90, r.MinuteP99, r.MinuteMax = at(minute, .5), at(minute, .9), at(minute, .99), report.Seconds(minute.longest.Seconds())
}

// Row is a line of the table.
type Row struct {
	Name, Class string
	Figures
}

// Flying counts work in flight, by name and class.
type Flying map[string]map[int]int

// Add counts one.
func (f Flying) Add(name string, class int) {
	if f[name] == nil {
		f[name] = map[int]int{}
	}
	f[name][class]++
}

// Table returns a line for each name, class "all", and one for each class of it.
func (s *Stats) Table(inFlight Flying, now time.Time) []Row {
	routes := *s.routes.Load()
	names := slices.AppendSeq(slices.Collect(maps.Keys(routes)), maps.Keys(inFlight))
	slices.Sort(names)
	var rows []Row
	for _, name := range slices.Compact(names) {
		whole := Row{Name: cmp.Or(name, "-"), Class: "all"}
		var all, minute counts
		var errors, minuteErrors uint64
		first := len(rows)
		rows = append(rows, whole)
		for i, class := range s.classes {
			row := Row{Name: whole.Name, Class: class}
			row.InFlight = inFlight[name][i]
			whole.InFlight += row.InFlight
			var c *series
			if r := routes[name]; r != nil {
				c = r.classes[i].Load()
			}
			if c != nil {
				a, m, e, me := c.sum(now)
				row.fill(&a, &m, e, me)
				all.add(&a)
				minute.add(&m)
				errors, minuteErrors = errors+e, minuteErrors+me
			}
			if c != nil || row.InFlight > 0 {
				rows = append(rows, row)
			}
		}
		whole.fill(&all, &minute, errors, minuteErrors)
		rows[first] = whole
	}
	return rows
}
