package http

import (
	"context"
	"time"

	"github.com/ispyd/ispyd/internal/inflight"
)

// classes are those of the status by its first digit, none where no status was
// sent, and hijacked connections.
var classes = [...]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx", "hijacked"}

// classOf returns the index of the class of a request.
func classOf(status int, state string) int {
	switch {
	case status >= 600:
		return 5
	case status >= 100:
		return status / 100
	case state == "hijacked":
		return len(classes) - 1
	}
	return 0
}

// statsRow is a line of the table.
type statsRow struct {
	Route string `json:"route"`
	Class string `json:"class"`
	inflight.Figures
}

// table returns the statistics.
func (f *family) table(context.Context) ([]statsRow, error) {
	in := inflight.Flying{}
	for _, e := range f.active() {
		in.Add(f.Stats.Known(e.pattern), classOf(e.status, e.state))
	}
	var rows []statsRow
	for _, r := range f.Stats.Table(in, time.Now()) {
		rows = append(rows, statsRow{r.Name, r.Class, r.Figures})
	}
	return rows, nil
}
