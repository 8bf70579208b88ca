package profile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"time"

	"github.com/ispyd/ispyd/internal/goroutines"
	"github.com/ispyd/ispyd/nodes"
)

// maxGrown is how many groups of goroutines are shown.
const maxGrown = 500

// growth makes the text of delta/goroutine.
func growth() capture {
	s := &share{path: "delta/goroutine", what: "a delta of goroutines"}
	return func(ctx context.Context, d time.Duration, w io.Writer) error {
		data, err := s.do(ctx, d, takeGrowth)
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	}
}

func takeGrowth(ctx context.Context, d time.Duration) ([]byte, error) {
	before, err := dump(ctx)
	if err != nil {
		return nil, err
	}
	n, old := before.Len(), before.Groups()
	if err := wait(ctx, d); err != nil {
		return nil, err
	}
	after, err := dump(ctx)
	if err != nil {
		return nil, err
	}
	return writeGrowth(n, after.Len(), d, old, after.Groups()), nil
}

// dump takes a dump of all goroutines.
func dump(ctx context.Context) (*goroutines.Dump, error) {
	d, err := goroutines.Take(ctx)
	var p *goroutines.PanicError
	if errors.As(err, &p) {
		err = &nodes.PanicError{Value: p.Value, Stack: p.Stack}
	}
	return d, err
}

// grown is a group that has more goroutines than before.
type grown struct {
	goroutines.Group
	before   int
	creators map[string]int // of the group before
}

// writeGrowth writes the groups that grew, most first.
func writeGrowth(n0, n1 int, d time.Duration, before, after []goroutines.Group) []byte {
	old := make(map[string]goroutines.Group, len(before))
	for _, g := range before {
		old[stackKey(g.Stack)] = g
	}
	var list []grown
	for _, g := range after {
		b := old[stackKey(g.Stack)]
		if g.Count <= b.Count {
			continue
		}
		x := grown{g, b.Count, map[string]int{}}
		for _, c := range b.Creators {
			x.creators[place(c.Frame)] += c.Count
		}
		list = append(list, x)
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Count-list[i].before > list[j].Count-list[j].before })
	var w bytes.Buffer
	fmt.Fprintf(&w, "# goroutines: %d, and %d after %s; %d groups of the same stack grew\n", n0, n1, d, len(list))
	for i, g := range list {
		if i == maxGrown {
			fmt.Fprintf(&w, "\n[%d more groups that grew by less are not shown]\n", len(list)-i)
			break
		}
		g.write(&w)
	}
	return w.Bytes()
}

func (g grown) write(w *bytes.Buffer) {
	fmt.Fprintf(w, "\n+%d goroutines, %d before, %d now [", g.Count-g.before, g.before, g.Count)
	for i, s := range g.States {
		if i > 0 {
			w.WriteString(", ")
		}
		fmt.Fprintf(w, "%s %d", s.Name, s.Count)
	}
	w.WriteString("]:\n")
	for _, f := range g.Stack {
		fmt.Fprintf(w, "%s(...)\n\t%s:%d\n", f.Func, f.File, f.Line)
	}
	if g.Elided {
		w.WriteString("...additional frames elided...\n")
	}
	for _, c := range g.Creators {
		if more := c.Count - g.creators[place(c.Frame)]; more > 0 {
			fmt.Fprintf(w, "+%d created by %s\n\t%s:%d\n", more, c.Func, c.File, c.Line)
		}
	}
}

// stackKey tells stacks apart as they are shown.
func stackKey(stack []goroutines.Frame) string {
	var b []byte
	for _, f := range stack {
		b = append(append(b, place(f)...), '\n')
	}
	return string(b)
}

func place(f goroutines.Frame) string { return f.Func + ":" + strconv.Itoa(f.Line) }
