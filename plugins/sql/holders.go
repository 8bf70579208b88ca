package sql

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"time"

	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/nodes"
)

// held returns the connections that somebody has, longest first.
func (p *pool) held() []state {
	states := slices.DeleteFunc(p.states(), func(s state) bool { return !s.held })
	slices.SortFunc(states, func(a, b state) int { return cmp.Compare(a.since.UnixNano(), b.since.UnixNano()) })
	return states
}

// maxHolders is how many are shown with their stacks.
const maxHolders = 1000

func (v *view) holdersText(p *pool, w io.Writer) error {
	held := p.held()
	b := fmt.Appendf(nil, "# connections that are held: %d\n", len(held))
	for i, s := range held {
		if i == maxHolders {
			b = fmt.Appendf(b, "\n# %d more\n", len(held)-i)
			break
		}
		b = append(b, '\n')
		for _, c := range connColumns {
			if c.Name != "holder" {
				b = inflight.AppendLine(b, c.Name, c.Value(v.redact, &s))
			}
		}
		if frames := s.holders(); len(frames) > 0 {
			b = inflight.AppendFrames(append(b, "taken by\n"...), frames)
		} else {
			b = append(b, "taken by\t-\n"...)
		}
	}
	_, err := w.Write(b)
	return err
}

func (v *view) holdersJSON(p *pool, w io.Writer) error {
	held := p.held()
	if _, err := io.WriteString(w, "["); err != nil {
		return err
	}
	for i, s := range held[:min(len(held), maxHolders)] {
		if i > 0 {
			if _, err := io.WriteString(w, ","); err != nil {
				return err
			}
		}
		var o inflight.Object
		for _, c := range connColumns {
			if c.Name != "holder" {
				o.Add(c.Name, inflight.Scalar(c.Value(v.redact, &s)))
			}
		}
		o.Add("holder", inflight.FramesJSON(s.holders()))
		if _, err := o.WriteTo(w); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "]\n")
	return err
}

func (p *pool) ctl() nodes.Node {
	return nodes.Ctl("ctl", "acts on this pool",
		nodes.Verb{Name: "cancel", Args: "<queries>", Doc: "cancel the statement of this id: its context, and the reading of its rows, with ErrCanceledByOperator", Run: p.cancel},
		nodes.Verb{Name: "slow", Args: "duration", Doc: "from now on keep in slow what takes as long, such as 250ms, or longer", Run: p.setSlow},
		nodes.Verb{Name: "clear", Doc: "forget what recent, slow and statements have", Run: func(context.Context, []string) error {
			p.clear()
			return nil
		}},
	)
}

func (p *pool) cancel(_ context.Context, args []string) error {
	id, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil {
		return nodes.Errorf(fs.ErrInvalid, "%q is no id of a statement: a number, as active shows them", args[0])
	}
	q := p.lookup(id)
	if q == nil {
		if e, ok := p.find(id); ok {
			return nodes.Errorf(fs.ErrNotExist, "no such statement any more: %d ended %s ago; see recent", id, time.Since(e.start.Add(e.took)).Round(time.Millisecond))
		}
		if r := request.Lookup(id); r != nil {
			return nodes.Errorf(fs.ErrInvalid, "request %d is not one of this pool's statements, but of %s", id, r.Kind())
		}
		return gone(id)
	}
	if q.cancel == nil && !q.reading.Load() {
		return nodes.Errorf(nodes.ErrNotSupported, "statement %d cannot be cancelled: the program runs it with a context that cannot be, such as context.Background()", id)
	}
	q.killed.Store(true)
	if q.cancel != nil {
		q.cancel(ErrCanceledByOperator)
	}
	return nil
}

func (p *pool) setSlow(_ context.Context, args []string) error {
	d, err := time.ParseDuration(args[0])
	if err != nil || d <= 0 {
		return nodes.Errorf(fs.ErrInvalid, "%q is no duration of more than 0, such as 250ms or 1m30s", args[0])
	}
	p.slow.Store(int64(d))
	return nil
}
