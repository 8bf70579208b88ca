//go:build unix && !linux

package process

import (
	"context"

	"github.com/ispyd/ispyd/internal/report"
	"github.com/ispyd/ispyd/nodes"
)

// resources returns what the unix calls alone tell.
func resources() []nodes.Node {
	return []nodes.Node{
		nodes.Value("usage", "resources used since the start: seconds, bytes and counts, with their meaning (getrusage)", func(context.Context) (report.Report, error) {
			var r report.Report
			return r, rusage(&r)
		}),
	}
}
