package http

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

// table shows many requests.
func (v *view) table(columns []column) inflight.Table[entry] {
	return inflight.Table[entry]{Redact: v.redact, Columns: columns}
}

// nodes are the files of one family.
func (v *view) nodes(f *family, t inflight.Table[entry]) []nodes.Node {
	one := "one request: what it is, how far it got, the calls and statements that it waits for, its log lines, and the stacks of its goroutines"
	if f == outgoing {
		one = "one request: what it is, when it got how far, and the stack of its call"
	}
	return []nodes.Node{
		t.File("active", "the requests in flight, oldest first: age, bytes received and sent, and the rest", f.active),
		t.File("recent", "the requests that ended last, newest first", f.Recent.List),
		t.File("slow", "of those that ended, the ones that took long, newest first; ctl says how long that is", f.Slowly.List),
		nodes.Value("stats", "count, errors (5xx, panics, no answer) and durations by route and class of status, since the start and in the last minute (60 to 70 s); quantiles within a tenth", f.table),
		f.Files(one, func(id uint64, name string) nodes.Node {
			d := &detail{view: v, family: f, id: id}
			return nodes.TextJSON(name, one, d.text, d.json)
		}),
		f.Ctl("acts on these requests"),
	}
}
