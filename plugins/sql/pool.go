package sql

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/request"
)

// kind is what internal/request knows statements by.
const kind = "sql"

// ops are what a driver is asked to do, as the tables call it.
var ops = []string{"exec", "query", "prepare", "begin", "commit", "rollback", "ping"}

// pool is what is known of one database.
type pool struct {
	name    string
	doubles bool // "x" is a string
	db      atomic.Pointer[sql.DB]
	stacks  atomic.Bool
	inflight.Family[entry]

	texts   sync.Map // of normal statements by raw ones
	kept    atomic.Int64
	lastID  atomic.Uint64
	opened  atomic.Uint64
	removed atomic.Uint64
	mu      sync.Mutex
	conns   map[*conn]struct{}
}

// newPool returns a pool without a name.
func newPool(doubles bool) *pool {
	p := &pool{doubles: doubles, conns: map[*conn]struct{}{}}
	p.Kind, p.Noun, p.Dir = kind, "statement", "queries"
	p.CancelDoc = "cancel the statements of these ids: their contexts, and the reading of their rows, with ErrCanceledByOperator"
	p.SlowDoc = "from now on keep in slow what takes as long, such as 250ms, or longer"
	p.ClearDoc = "forget what recent, slow and statements have"
	p.Entry = func(e *entry) (uint64, time.Time, time.Duration) { return e.id, e.start, e.took }
	p.Mine = func(r *request.Request) bool { return r.Owner().(*query).conn.pool == p }
	p.Cancel = func(r *request.Request) (bool, error) { return r.Owner().(*query).kill() }
	p.Stats = inflight.NewStats(defaults.Statements, ops...)
	return p
}

func (p *pool) configure(c config) {
	p.Configure(time.Duration(c.Slow), c.Recent, c.SlowRecent, c.Statements)
	p.stacks.Store(c.Stacks)
}

// How many statements are remembered by their text, and how long these may be.
const (
	maxTexts = 1000
	maxRaw   = 8 << 10
)

// text returns a statement as it may be shown.
func (p *pool) text(raw string) string {
	if t, ok := p.texts.Load(raw); ok {
		return t.(string)
	}
	t := normal(raw, p.doubles)
	if len(raw) <= maxRaw && p.kept.Load() < maxTexts {
		p.kept.Add(1)
		p.texts.Store(strings.Clone(raw), t)
	}
	return t
}

// list returns the connections in the order of their opening.
func (p *pool) list() []*conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]*conn, 0, len(p.conns))
	for c := range p.conns {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *conn) int { return cmp.Compare(a.id, b.id) })
	return list
}

// active returns the statements in flight, oldest first.
func (p *pool) active() []entry {
	live := p.Live()
	list := make([]entry, 0, len(live))
	for _, r := range live {
		list = append(list, r.Owner().(*query).entry())
	}
	return list
}

// statsRow is a line of the table.
type statsRow struct {
	Op        string `json:"op"`
	Statement string `json:"statement"`
	inflight.Figures
}

func (p *pool) table(context.Context) ([]statsRow, error) {
	in := inflight.Flying{}
	for _, e := range p.active() {
		in.Add(p.Stats.Known(e.text), slices.Index(ops, e.op))
	}
	var rows []statsRow
	for _, r := range p.Stats.Table(in, time.Now()) {
		rows = append(rows, statsRow{r.Class, r.Name, r.Figures})
	}
	return rows, nil
}

// registry are the pools that there are.
type registry struct {
	mu    sync.Mutex
	conf  config
	pools map[string]*pool
}

var known = &registry{conf: defaults, pools: map[string]*pool{}}

func (r *registry) configure(c config) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conf = c
	for _, p := range r.pools {
		p.configure(c)
	}
}

func (r *registry) add(name string, d driver.Driver) *pool {
	p := newPool(doubles(d))
	r.mu.Lock()
	defer r.mu.Unlock()
	p.configure(r.conf)
	p.name = name
	for i := 2; r.pools[p.name] != nil; i++ {
		p.name = fmt.Sprintf("%s-%d", name, i)
	}
	r.pools[p.name] = p
	return p
}

// doubles reports whether double quotes are about strings for a driver.
func doubles(d driver.Driver) bool {
	t := reflect.TypeOf(d)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return false
	}
	path := strings.ToLower(t.PkgPath())
	return strings.Contains(path, "mysql") || strings.Contains(path, "maria")
}

func (r *registry) remove(p *pool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pools[p.name] == p {
		delete(r.pools, p.name)
	}
}

// list returns the pools by name.
func (r *registry) list() []*pool {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*pool, 0, len(r.pools))
	for _, p := range r.pools {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *pool) int { return cmp.Compare(a.name, b.name) })
	return list
}

// oldestRunning returns the age in seconds of the oldest statement that runs.
func oldestRunning() float64 {
	for _, r := range request.Live(kind) {
		if q := r.Owner().(*query); !q.reading.Load() {
			return time.Since(q.start).Seconds()
		}
	}
	return 0
}

// newestOver returns the highest id of the statements that oldestRunning looks at and
// that have run for more than some seconds.
func newestOver(seconds float64) (id uint64) {
	for _, r := range request.Live(kind) {
		if q := r.Owner().(*query); !q.reading.Load() && time.Since(q.start).Seconds() > seconds {
			id = max(id, r.ID())
		}
	}
	return id
}

// longestHeld returns in seconds how long a connection has been held.
func longestHeld() (longest float64) {
	for _, p := range known.list() {
		for _, c := range p.list() {
			if s := c.now(); s.held {
				longest = max(longest, time.Since(s.since).Seconds())
			}
		}
	}
	return longest
}
