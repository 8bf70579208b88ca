package sql

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/ispyd/ispyd/internal/inflight"
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
