package grpc

import (
	"context"
	"io/fs"
	"strconv"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/nodes"
)

// family is what is kept of the calls that come in, or of those that go out. It is
// also the key by which a context has its call.
type family struct {
	kind   string
	slow   atomic.Int64 // the least duration in ns of an entry of slowly
	recent inflight.Ring[entry]
	slowly inflight.Ring[entry]
	stats  *inflight.Stats
}

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
	f := &family{kind: kind, stats: inflight.NewStats(defaults.Methods, classes...)}
	f.configure(defaults)
	return f
}

// configure sets thresholds and sizes; what was kept is forgotten.
func (f *family) configure(c config) {
	f.slow.Store(int64(c.Slow))
	f.recent.Resize(c.Recent)
	f.slowly.Resize(c.SlowRecent)
	f.stats.Limit(c.Methods)
}

func (f *family) clear() {
	f.recent.Clear()
	f.slowly.Clear()
	f.stats.Clear()
}

// from returns the call of a context, nil where it has none.
func (f *family) from(ctx context.Context) *call {
	c, _ := ctx.Value(f).(*call)
	return c
}

// ended files a call that has ended. Streams are meant to last.
func (f *family) ended(e *entry, code codes.Code) {
	e.bound()
	f.recent.Add(e)
	if e.kind == "unary" && e.took >= time.Duration(f.slow.Load()) {
		f.slowly.Add(e)
	}
	class := int(codes.Unknown)
	if code <= codes.Unauthenticated {
		class = int(code)
	}
	f.stats.Add(e.method, class, e.took, e.state == "panic" || f.failed(code), e.start.Add(e.took))
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
	live := request.Live(f.kind)
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

// find returns what is known of a call that has ended.
func (f *family) find(id uint64) (entry, bool) {
	is := func(e *entry) bool { return e.id == id }
	if e, ok := f.recent.Find(is); ok {
		return e, true
	}
	return f.slowly.Find(is)
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
		in.Add(f.stats.Known(e.method), len(classes)-1)
	}
	var rows []statsRow
	for _, r := range f.stats.Table(in, time.Now()) {
		rows = append(rows, statsRow{r.Name, r.Class, r.Figures})
	}
	return rows, nil
}

// oldest returns the age in seconds of the oldest unary call in flight.
func oldest() float64 {
	for _, r := range request.Live(incoming.kind) {
		if c := r.Owner().(*call); c.kind == "unary" {
			return time.Since(c.start).Seconds()
		}
	}
	return 0
}

func (f *family) ctl() nodes.Node {
	return nodes.Ctl("ctl", "acts on these calls",
		nodes.Verb{Name: "cancel", Args: "<calls>", Doc: "cancel the call of this id, with the cause ErrCanceledByOperator", Run: f.cancel},
		nodes.Verb{Name: "slow", Args: "duration", Doc: "from now on keep in slow the unary calls that take as long, such as 250ms, or longer", Run: f.setSlow},
		nodes.Verb{Name: "clear", Doc: "forget what recent, slow and stats have", Run: func(context.Context, []string) error {
			f.clear()
			return nil
		}},
	)
}

func (f *family) cancel(_ context.Context, args []string) error {
	id, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil {
		return nodes.Errorf(fs.ErrInvalid, "%q is no id of a call: a number, as active shows them", args[0])
	}
	r := request.Lookup(id)
	if r == nil {
		if e, ok := f.find(id); ok {
			return nodes.Errorf(fs.ErrNotExist, "no such call any more: %d ended %s ago; see recent", id, time.Since(e.start.Add(e.took)).Round(time.Millisecond))
		}
		return gone(id)
	}
	if r.Kind() != f.kind {
		return nodes.Errorf(fs.ErrInvalid, "request %d is not one of these, but of %s", id, r.Kind())
	}
	r.Owner().(*call).kill()
	return nil
}

func gone(id uint64) error {
	return nodes.Errorf(fs.ErrNotExist, "no such call: %d; it may have ended: see recent", id)
}

func (f *family) setSlow(_ context.Context, args []string) error {
	d, err := time.ParseDuration(args[0])
	if err != nil || d <= 0 {
		return nodes.Errorf(fs.ErrInvalid, "%q is no duration of more than 0, such as 250ms or 1m30s", args[0])
	}
	f.slow.Store(int64(d))
	return nil
}
