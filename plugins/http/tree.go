package http

import (
	"context"
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

// nodes are the files of one family.
func (v *view) nodes(f *family, t table) []nodes.Node {
	recent := t
	recent.ended = f.recent.List
	slow := t
	slow.ended = f.slowly.List
	one := "one request: what it is, how far it got, its log lines, and the stacks of its goroutines"
	if f == outgoing {
		one = "one request: what it is, when it got how far, and the stack of its call"
	}
	return []nodes.Node{
		nodes.TextJSON("active", "the requests in flight, oldest first: age, bytes received and sent, and the rest", t.activeText, t.activeJSON),
		nodes.TextJSON("recent", "the requests that ended last, newest first", recent.endedText, recent.endedJSON),
		nodes.TextJSON("slow", "of those that ended, the ones that took long, newest first; ctl says how long that is", slow.endedText, slow.endedJSON),
		nodes.Value("stats", "count, errors (5xx, panics, no answer) and durations by route and class of status, since the start and in the last minute (60 to 70 s); quantiles within a tenth", f.table),
		nodes.Dynamic("requests", "the requests in flight by their ids; one that has ended is found as long as recent or slow has it",
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
		return nil, nodes.Errorf(fs.ErrNotExist, "%q is no id of a request", name)
	}
	if r := request.Lookup(id); r == nil || r.Kind() != f.kind {
		if _, ok := f.find(id); !ok {
			return nil, gone(id)
		}
	}
	return v.node(f, id, name, doc), nil
}

func gone(id uint64) error {
	return nodes.Errorf(fs.ErrNotExist, "no such request: %d; it may have ended: see recent", id)
}

func (v *view) node(f *family, id uint64, name, doc string) nodes.Node {
	d := &detail{view: v, family: f, id: id}
	return nodes.TextJSON(name, doc, d.text, d.json)
}
