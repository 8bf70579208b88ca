package grpc

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/request"
)

// family is what is kept of the calls that come in, or of those that go out. It is
// also the key by which a context has its call.
type family struct{ inflight.Family[entry] }

var (
	incoming = newFamily("grpc")
	outgoing = newFamily("grpc.outgoing")
)

// classes are the codes by number, and calls in flight, which have none yet.
var classes = func() []string {
	var names []string
	for c := range codes.Unauthenticated + 1 {
		names = append(names, c.String())
	}
	return append(names, "none")
}()

func newFamily(kind string) *family {
	f := new(family)
	f.Kind, f.Noun, f.Dir = kind, "call", "calls"
	f.CancelDoc = "cancel the calls of these ids, with the cause ErrCanceledByOperator"
	f.SlowDoc = "from now on keep in slow the unary calls that take as long, such as 250ms, or longer"
	f.ClearDoc = "forget what recent, slow and stats have"
	f.Entry = func(e *entry) (uint64, time.Time, time.Duration) { return e.id, e.start, e.took }
	f.Cancel = func(r *request.Request) (bool, error) { return r.Owner().(*call).kill(), nil }
	f.Stats = inflight.NewStats(defaults.Methods, classes...)
	f.configure(defaults)
	return f
}

func (f *family) configure(c config) {
	f.Configure(time.Duration(c.Slow), c.Recent, c.SlowRecent, c.Methods)
}

// from returns the call of a context, nil where it has none.
func (f *family) from(ctx context.Context) *call {
	c, _ := ctx.Value(f).(*call)
	return c
}

// ended files a call that has ended. Streams are meant to last.
func (f *family) ended(e *entry, code codes.Code) {
	e.bound()
	f.Keep(e, e.took, e.kind == "unary")
	class := int(codes.Unknown)
	if code <= codes.Unauthenticated {
		class = int(code)
	}
	f.Stats.Add(e.method, class, e.took, e.state == "panic" || f.failed(code), e.start.Add(e.took))
}

// failed reports whether the table of statistics counts the code as an error: of
// incoming calls those for which the server is to blame.
func (f *family) failed(code codes.Code) bool {
	if f == outgoing {
		return code != codes.OK
	}
	switch code {
	case codes.Unknown, codes.DeadlineExceeded, codes.Unimplemented, codes.Internal, codes.Unavailable, codes.DataLoss:
		return true
	}
	return code > codes.Unauthenticated
}

// active returns the calls in flight, oldest first.
func (f *family) active() []entry {
	live := f.Live()
	list := make([]entry, 0, len(live))
	for _, r := range live {
		c := r.Owner().(*call)
		e := c.entry()
		e.bound()
		if d, ok := c.left(); ok {
			e.left = d.Round(time.Microsecond).String()
		}
		list = append(list, e)
	}
	return list
}

// statsRow is a line of the table.
type statsRow struct {
	Method string `json:"method"`
	Code   string `json:"code"`
	inflight.Figures
}

// table returns the statistics.
func (f *family) table(context.Context) ([]statsRow, error) {
	in := inflight.Flying{}
	for _, e := range f.active() {
		in.Add(f.Stats.Known(e.method), len(classes)-1)
	}
	var rows []statsRow
	for _, r := range f.Stats.Table(in, time.Now()) {
		rows = append(rows, statsRow{r.Name, r.Class, r.Figures})
	}
	return rows, nil
}

// oldest returns the age in seconds of the oldest unary call in flight.
func oldest() float64 {
	for _, r := range request.Live(incoming.Kind) {
		if c := r.Owner().(*call); c.kind == "unary" {
			return time.Since(c.start).Seconds()
		}
	}
	return 0
}

// newestOver returns the highest id of the unary calls in flight that are older than
// some seconds.
func newestOver(seconds float64) (id uint64) {
	for _, r := range request.Live(incoming.Kind) {
		if c := r.Owner().(*call); c.kind == "unary" && time.Since(c.start).Seconds() > seconds {
			id = max(id, r.ID())
		}
	}
	return id
}
