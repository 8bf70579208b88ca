package sql

import (
	"context"
	"io"
	"io/fs"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/internal/report"
	"github.com/ispyd/ispyd/nodes"
)

// view is what one opened plugin shows things with.
type view struct{ redact *redact.Redactor }

func column(name string, value func(*entry) any) inflight.Column[entry] {
	return inflight.Column[entry]{Name: name, Value: func(_ *redact.Redactor, e *entry) any { return value(e) }}
}

// columns are those of statements. Columns are only ever added.
var columns = []inflight.Column[entry]{
	column("id", func(e *entry) any { return e.id }),
	column("start", func(e *entry) any { return e.start }),
	column("duration", func(e *entry) any { return e.took }),
	column("state", func(e *entry) any { return e.state }),
	column("connection", func(e *entry) any { return e.conn }),
	column("rows", func(e *entry) any { return uint64(e.rows) }),
	column("arguments", func(e *entry) any { return uint64(e.args) }),
	column("request", func(e *entry) any { return inflight.Number(e.cause) }),
	column("op", func(e *entry) any { return e.op }),
	{Name: "statement", Value: func(r *redact.Redactor, e *entry) any { return r.Text(e.text) }},
	{Name: "error", Value: func(r *redact.Redactor, e *entry) any { return r.Text(e.err) }},
}

func connColumn(name string, value func(*state) any) inflight.Column[state] {
	return inflight.Column[state]{Name: name, Value: func(_ *redact.Redactor, s *state) any { return value(s) }}
}

// connColumns are those of connections.
var connColumns = []inflight.Column[state]{
	connColumn("id", func(s *state) any { return s.id }),
	connColumn("state", func(s *state) any { return s.name }),
	connColumn("for", func(s *state) any { return time.Since(s.changed) }),
	connColumn("held", func(s *state) any { return since(s.held, s.since) }),
	connColumn("transaction", func(s *state) any { return since(s.inTx, s.txSince) }),
	connColumn("opened", func(s *state) any { return s.opened }),
	connColumn("statements", func(s *state) any { return s.count }),
	connColumn("query", func(s *state) any {
		if s.running == nil {
			return inflight.Number(0)
		}
		return inflight.Number(s.running.req.ID())
	}),
	connColumn("request", func(s *state) any {
		if !s.held {
			return inflight.Number(0)
		}
		return inflight.Number(s.cause)
	}),
	connColumn("holder", func(s *state) any {
		if f := s.holders(); len(f) > 0 {
			return f[0].Function
		}
		return ""
	}),
	{Name: "statement", Value: func(r *redact.Redactor, s *state) any {
		if s.running != nil {
			return r.Text(s.running.text)
		}
		return r.Text(s.last)
	}},
}

// since is a duration where it applies.
func since(is bool, t time.Time) any {
	if !is {
		return ""
	}
	return time.Since(t)
}

// holders returns the stack of who has taken the connection, without what
// database/sql does for him.
func (s *state) holders() []runtime.Frame {
	if !s.held {
		return nil
	}
	frames := inflight.Frames(s.callers[:])
	for len(frames) > 0 && inside(frames[0].Function) {
		frames = frames[1:]
	}
	return frames
}

// ownPackage is the path of this package.
var ownPackage = strings.TrimSuffix(inflight.Worker(doubles), "doubles")

func inside(function string) bool {
	if strings.HasPrefix(function, "database/sql.") {
		return true
	}
	rest, ok := strings.CutPrefix(function, ownPackage)
	return ok && (strings.HasPrefix(rest, "(*conn") || strings.HasPrefix(rest, "conn") || strings.HasPrefix(rest, "(*stmt") || strings.HasPrefix(rest, "(*pool") || strings.HasPrefix(rest, "run[") || rest == "read")
}

const poolDoc = "one database, as Open, OpenDB or Wrap named it"

// pools is the directory of all pools.
func (v *view) pools() nodes.Dir {
	return nodes.Dynamic("sql", doc,
		func(_ context.Context, name string) (nodes.Node, error) {
			for _, p := range known.list() {
				if nodes.Escape(p.name) == name {
					return v.pool(p, name, poolDoc), nil
				}
			}
			return nil, nodes.Errorf(fs.ErrNotExist, "no such pool: %s; pools are there from sql.Open to Close", name)
		},
		func(context.Context) ([]nodes.Node, error) {
			list := []nodes.Node{}
			for _, p := range known.list() {
				if name := nodes.Escape(p.name); nodes.ValidName(name) {
					list = append(list, v.pool(p, name, poolDoc))
				}
			}
			return list, nil
		}, v.explain()...)
}

// explain describes a pool.
func (v *view) explain() []nodes.Help {
	help := []nodes.Help{{Path: "POOL", Kind: nodes.KindDir, Doc: poolDoc}}
	for _, h := range nodes.Explain(context.Background(), v.pool(newPool(false), "POOL", "")) {
		h.Path = "POOL/" + h.Path
		help = append(help, h)
	}
	return help
}

// pool is the directory of one pool.
func (v *view) pool(p *pool, name, doc string) nodes.Dir {
	t := inflight.Table[entry]{Redact: v.redact, Columns: columns}
	ct := inflight.Table[state]{Redact: v.redact, Columns: connColumns}
	const one = "one statement: what it is, since when it runs, and who holds its connection"
	return nodes.Directory(name, doc,
		nodes.Value("stats", "connections by what they do, what the pool allows, and how long was waited for one", p.figures),
		ct.File("connections", "the connections: state and since when, how long held and in a transaction, who holds it, what runs or ran last", p.states),
		nodes.TextJSON("holders", "the connections that somebody holds, longest first, each with the stack that took it",
			func(_ context.Context, w io.Writer) error { return v.holdersText(p, w) },
			func(_ context.Context, w io.Writer) error { return v.holdersJSON(p, w) }),
		t.File("active", "the statements in flight, oldest first; those whose rows are not closed are", p.active),
		t.File("recent", "the statements that ended last, newest first", p.Recent.List),
		t.File("slow", "of those that ended, the ones that took long, newest first; ctl says how long that is", p.Slowly.List),
		nodes.Value("statements", "count, errors and durations by statement and what the driver was asked to do with it, since the start and in the last minute (60 to 70 s); quantiles within a tenth", p.table),
		p.Files(one, func(id uint64, _ string) nodes.Node { return v.query(p, id, one) }),
		p.Ctl("acts on this pool"),
	)
}

// lookup returns the statement in flight of an id, nil where there is none.
func (p *pool) lookup(id uint64) *query {
	q, _ := p.Running(id).Owner().(*query)
	return q
}

// account collects what is known of a statement.
func (v *view) account(p *pool, id uint64) (lines []inflight.Line, holder []runtime.Frame, ok bool) {
	q := p.lookup(id)
	var e entry
	if q != nil {
		e = q.entry()
	} else if e, ok = p.Find(id); !ok {
		return nil, nil, false
	}
	for _, c := range columns {
		lines = append(lines, inflight.Line{Name: c.Name, Value: c.Value(v.redact, &e)})
	}
	if q == nil {
		return lines, nil, true
	}
	s := q.conn.now()
	for _, c := range connColumns[1:6] {
		lines = append(lines, inflight.Line{Name: "connection_" + c.Name, Value: c.Value(v.redact, &s)})
	}
	return lines, s.holders(), true
}

func (v *view) query(p *pool, id uint64, doc string) nodes.Node {
	return nodes.TextJSON(strconv.FormatUint(id, 10), doc,
		func(_ context.Context, w io.Writer) error {
			lines, holder, ok := v.account(p, id)
			if !ok {
				return p.Gone(id)
			}
			var b []byte
			for _, l := range lines {
				b = inflight.AppendLine(b, l.Name, l.Value)
			}
			if len(holder) > 0 {
				b = inflight.AppendFrames(append(b, "\n# its connection was taken by\n"...), holder)
			}
			_, err := w.Write(b)
			return err
		},
		func(_ context.Context, w io.Writer) error {
			lines, holder, ok := v.account(p, id)
			if !ok {
				return p.Gone(id)
			}
			var o inflight.Object
			for _, l := range lines {
				o.Add(l.Name, inflight.Scalar(l.Value))
			}
			o.Add("holder", inflight.FramesJSON(holder))
			_, err := o.WriteTo(w)
			return err
		})
}

// figures are the file stats.
type figures struct {
	Open          int             `json:"open"`
	InUse         int             `json:"in_use"`
	Idle          int             `json:"idle"`
	Running       int             `json:"running"`
	ReadingRows   int             `json:"reading_rows"`
	IdleInTx      int             `json:"idle_in_transaction"`
	InTransaction int             `json:"in_transaction"`
	LongestHeld   report.Seconds  `json:"longest_held"`
	Opened        uint64          `json:"opened"`
	Closed        uint64          `json:"closed"`
	MaxOpen       report.Quantity `json:"max_open,omitzero"`
	WaitCount     *int64          `json:"wait_count,omitempty"`
	WaitTime      *report.Seconds `json:"wait_duration,omitempty"`
	MaxIdleClosed *int64          `json:"max_idle_closed,omitempty"`
	IdleTime      *int64          `json:"max_idle_time_closed,omitempty"`
	Lifetime      *int64          `json:"max_lifetime_closed,omitempty"`
	Note          string          `json:"note,omitempty"`
}

func (p *pool) figures(context.Context) (figures, error) {
	f := figures{Opened: p.opened.Load(), Closed: p.removed.Load()}
	for _, s := range p.states() {
		f.Open++
		if s.held {
			f.InUse++
			f.LongestHeld = max(f.LongestHeld, report.Seconds(time.Since(s.since).Seconds()))
		} else {
			f.Idle++
		}
		if s.inTx {
			f.InTransaction++
		}
		switch s.name {
		case "running":
			f.Running++
		case "reading rows":
			f.ReadingRows++
		case "idle in transaction":
			f.IdleInTx++
		}
	}
	db := p.db.Load()
	if db == nil {
		return f, nil
	}
	s := db.Stats()
	wait := report.Seconds(s.WaitDuration.Seconds())
	f.MaxOpen = report.Quantity(s.MaxOpenConnections)
	if s.MaxOpenConnections == 0 {
		f.MaxOpen = report.Unlimited
	}
	f.WaitCount, f.WaitTime = &s.WaitCount, &wait
	f.MaxIdleClosed, f.IdleTime, f.Lifetime = &s.MaxIdleClosed, &s.MaxIdleTimeClosed, &s.MaxLifetimeClosed
	if s.MaxOpenConnections > 0 && s.InUse >= s.MaxOpenConnections {
		f.Note = "all connections are in use: who wants one waits; holders says who has them"
	}
	return f, nil
}

func (p *pool) states() []state {
	list := p.list()
	states := make([]state, len(list))
	for i, c := range list {
		states[i] = c.now()
	}
	return states
}
