package grpc

import (
	"context"
	"io"
	"io/fs"
	"strconv"

	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/nodes"
)

// view is what one opened plugin shows things with.
type view struct {
	redact *redact.Redactor
	dumps  *inflight.Dumps
}

func column(name string, value func(*entry) any) inflight.Column[entry] {
	return inflight.Column[entry]{Name: name, Value: func(_ *redact.Redactor, e *entry) any { return value(e) }}
}

// columns are those of incoming and outgoing calls. Columns are only ever added.
var columns = []inflight.Column[entry]{
	column("id", func(e *entry) any { return e.id }),
	column("start", func(e *entry) any { return e.start }),
	column("duration", func(e *entry) any { return e.took }),
	column("deadline_left", func(e *entry) any { return e.left }),
	column("code", func(e *entry) any { return e.code }),
	column("messages_in", func(e *entry) any { return uint64(e.messagesIn) }),
	column("messages_out", func(e *entry) any { return uint64(e.messagesOut) }),
	column("received", func(e *entry) any { return uint64(e.bytesIn) }),
	column("sent", func(e *entry) any { return uint64(e.bytesOut) }),
	column("method", func(e *entry) any { return e.method }),
	column("type", func(e *entry) any { return e.kind }),
	column("peer", func(e *entry) any { return e.peer }),
	column("state", func(e *entry) any { return e.state }),
	column("request", func(e *entry) any { return inflight.Number(e.cause) }),
	{Name: "error", Value: func(r *redact.Redactor, e *entry) any { return r.Text(e.err) }},
}

// table shows many calls.
type table struct {
	inflight.Table[entry]
	family *family
}

func (v *view) table(f *family) table {
	return table{inflight.Table[entry]{Redact: v.redact, Columns: columns}, f}
}

func (t table) activeText(_ context.Context, w io.Writer) error {
	return t.WriteText(w, t.family.active())
}

func (t table) activeJSON(_ context.Context, w io.Writer) error {
	return t.WriteJSON(w, t.family.active())
}

// ended is the file of a ring.
func (t table) ended(name, doc string, list func() []entry) nodes.Node {
	return nodes.TextJSON(name, doc,
		func(_ context.Context, w io.Writer) error { return t.WriteText(w, list()) },
		func(_ context.Context, w io.Writer) error { return t.WriteJSON(w, list()) })
}

// nodes are the files of one family.
func (v *view) nodes(f *family, t table) []nodes.Node {
	one := "one call: what it is, its metadata, how far it got, its log lines, and the stacks of its goroutines"
	if f == outgoing {
		one = "one call: what it is, its metadata, how far it got, and the stack of its caller"
	}
	return []nodes.Node{
		nodes.TextJSON("active", "the calls in flight, oldest first: age, time left, messages and bytes, and the rest", t.activeText, t.activeJSON),
		t.ended("recent", "the calls that ended last, newest first", f.recent.List),
		t.ended("slow", "of the unary calls that ended, the ones that took long, newest first; ctl says how long that is", f.slowly.List),
		nodes.Value("stats", "count, errors and durations by method and code, since the start and in the last minute (60 to 70 s); quantiles within a tenth", f.table),
		nodes.Dynamic("calls", "the calls in flight by their ids; one that has ended is found as long as recent or slow has it",
			func(_ context.Context, name string) (nodes.Node, error) { return v.lookup(f, name, one) },
			func(context.Context) ([]nodes.Node, error) { return v.list(f, one), nil },
			nodes.Help{Path: "ID", Kind: nodes.KindText, Doc: one}),
		f.ctl(),
	}
}

func (v *view) list(f *family, doc string) []nodes.Node {
	live := request.Live(f.kind)
	list := make([]nodes.Node, len(live))
	for i, r := range live {
		list[i] = v.node(f, r.ID(), strconv.FormatUint(r.ID(), 10), doc)
	}
	return list
}

func (v *view) lookup(f *family, name, doc string) (nodes.Node, error) {
	id, err := strconv.ParseUint(name, 10, 64)
	if err != nil || strconv.FormatUint(id, 10) != name {
		return nil, nodes.Errorf(fs.ErrNotExist, "%q is no id of a call", name)
	}
	if r := request.Lookup(id); r == nil || r.Kind() != f.kind {
		if _, ok := f.find(id); !ok {
			return nil, gone(id)
		}
	}
	return v.node(f, id, name, doc), nil
}

func (v *view) node(f *family, id uint64, name, doc string) nodes.Node {
	d := &detail{view: v, family: f, id: id}
	return nodes.TextJSON(name, doc, d.text, d.json)
}
