package grpc

import (
	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/redact"
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

// nodes are the files of one family.
func (v *view) nodes(f *family, t inflight.Table[entry]) []nodes.Node {
	one := "one call: what it is, its metadata, how far it got, the calls and statements that it waits for, its log lines, and the stacks of its goroutines"
	if f == outgoing {
		one = "one call: what it is, its metadata, how far it got, and the stack of its caller"
	}
	return []nodes.Node{
		t.File("active", "the calls in flight, oldest first: age, time left, messages and bytes, and the rest", f.active),
		t.File("recent", "the calls that ended last, newest first", f.Recent.List),
		t.File("slow", "of the unary calls that ended, the ones that took long, newest first; ctl says how long that is", f.Slowly.List),
		nodes.Value("stats", "count, errors and durations by method and code, since the start and in the last minute (60 to 70 s); quantiles within a tenth", f.table),
		f.Files(one, func(id uint64, name string) nodes.Node {
			d := &detail{view: v, family: f, id: id}
			return nodes.TextJSON(name, one, d.text, d.json)
		}),
		f.Ctl("acts on these calls"),
	}
}
