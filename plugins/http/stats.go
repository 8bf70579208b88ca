package http

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

// stats counts requests by route and class of status. The number of routes is
// bounded: further ones are counted together.
type stats struct {
	routes atomic.Pointer[map[string]*route]
	mu     sync.Mutex // for those who add a route
	max    atomic.Int64
}

// otherRoutes is what routes are counted as that came when there were too many.
const otherRoutes = "(other)"

// classes are those of the status by its first digit, none where no status was
// sent, and hijacked connections.
var classes = [...]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx", "hijacked"}

type route struct {
	classes [len(classes)]atomic.Pointer[series]
}

// classOf returns the index of the class of a request.
func classOf(status int, state string) int {
	switch {
	case status >= 600:
		return 5
	case status >= 100:
		return status / 100
	case state == "hijacked":
		return len(classes) - 1
	}
	return 0
}

func (s *stats) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.routes.Store(&map[string]*route{})
}

// limit sets how many routes are counted, and forgets what was counted.
func (s *stats) limit(routes int) {
	s.max.Store(int64(routes))
	s.clear()
}

// known returns the name that a route is counted under.
func (s *stats) known(name string) string {
	routes := *s.routes.Load()
	if routes[name] == nil && len(routes) >= int(s.max.Load()) {
		return otherRoutes
	}
	return name
}

// route returns the route called name, which is not kept but copied.
func (s *stats) route(name string) *route {
	if r := (*s.routes.Load())[name]; r != nil {
		return r
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := *s.routes.Load()
	if len(known) >= int(s.max.Load()) {
		name = otherRoutes
	}
	if r := known[name]; r != nil {
		return r
	}
	grown := maps.Clone(known)
	r := new(route)
	grown[strings.Clone(name)] = r
	s.routes.Store(&grown)
	return r
}

// add counts a request that has ended.
func (s *stats) add(e *entry, name string) {
	p := &s.route(name).classes[classOf(e.status, e.state)]
	c := p.Load()
	if c == nil {
		p.CompareAndSwap(nil, new(series))
		c = p.Load()
	}
	c.add(e.took, e.failed(), e.start.Add(e.took))
}

// statsRow is a line of the table.
type statsRow struct {
	Route        string         `json:"route"`
	Class        string         `json:"class"`
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

func (r *statsRow) fill(all, minute *counts, errors, minuteErrors uint64) {
	at := func(c *counts, q float64) report.Seconds { return report.Seconds(c.quantile(q).Seconds()) }
	r.Count, r.Errors = all.total, errors
	r.P50, r.P90, r.P99, r.Max = at(all, .5), at(all, .9), at(all, .99), report.Seconds(all.longest.Seconds())
	r.MinuteCount, r.MinuteErrors = minute.total, minuteErrors
	r.MinuteP50, r.MinuteP90, r.MinuteP99, r.MinuteMax = at(minute, .5), at(minute, .9), at(minute, .99), report.Seconds(minute.longest.Seconds())
}

// flying counts requests in flight, by route and class.
type flying map[string]*[len(classes)]int

func (f flying) add(name string, class int) {
	c := f[name]
	if c == nil {
		c = new([len(classes)]int)
		f[name] = c
	}
	c[class]++
}

// table returns a line for each route, class "all", and one for each class of it.
func (s *stats) table(inFlight flying, now time.Time) []statsRow {
	routes := *s.routes.Load()
	names := slices.AppendSeq(slices.Collect(maps.Keys(routes)), maps.Keys(inFlight))
	slices.Sort(names)
	var rows []statsRow
	for _, name := range slices.Compact(names) {
		whole := statsRow{Route: cmp.Or(name, "-"), Class: "all"}
		var all, minute counts
		var errors, minuteErrors uint64
		first := len(rows)
		rows = append(rows, whole)
		for i, class := range classes {
			row := statsRow{Route: whole.Route, Class: class}
			if f := inFlight[name]; f != nil {
				row.InFlight = f[i]
			}
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
