package globals

import (
	"context"
	"sort"
	"strings"
	"time"

	"github.com/ispyd/ispyd/internal/live"
	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/nodes"
)

// What a reading of top may cost.
const (
	topTime    = 5 * time.Second
	topVar     = 500 * time.Millisecond
	topObjects = 1_000_000
	topRows    = 100
)

// row is a line of top.
type row struct {
	Bytes    int64  `json:"bytes"`
	Objects  int    `json:"objects"`
	AtLeast  bool   `json:"at_least"`
	Variable string `json:"variable"`
	Type     string `json:"type"`
}

// top is the file of the variables that keep most memory. It is not listed: it
// costs.
func (p *plugin) top() nodes.File {
	return nodes.Value("top", "the variables that keep most memory, the runtime's left out: bytes and objects that can be reached from each, what several reach counted for each of them, so that rows do not add up (at_least: there are more), takes up to 5 s",
		func(ctx context.Context) ([]row, error) {
			x, err := symbols.Open(ctx)
			if err != nil {
				return nil, err
			}
			defer x.Close()
			return p.rows(ctx, x)
		})
}

func (p *plugin) rows(ctx context.Context, x *symbols.Index) ([]row, error) {
	limited, cancel := context.WithTimeout(ctx, topTime)
	defer cancel()
	var rows []row
	for _, pkg := range x.Packages() {
		// The runtime's own reach whatever there is, and memory that is reserved.
		if pkg == "runtime" || strings.HasPrefix(pkg, "internal/runtime/") {
			continue
		}
		for _, name := range p.vars(x, pkg) {
			v, err := x.Var(name)
			if err != nil {
				continue // one that the debug information does not place
			}
			one, cancel := context.WithTimeout(limited, topVar)
			s, err := live.SizeOf(one, x, v.Type, v.Addr, topObjects)
			cancel()
			if err != nil {
				return nil, err
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			rows = append(rows, row{s.Bytes, s.Objects, s.Cut, name, v.Type.String()})
		}
	}
	sort.SliceStable(rows, func(i, j int) bool { return rows[i].Bytes > rows[j].Bytes })
	return rows[:min(len(rows), topRows)], nil
}
