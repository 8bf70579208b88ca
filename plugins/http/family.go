package http

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/request"
)

// family is what is kept of the requests that come in, or of those that go out.
type family struct {
	kind   string
	slow   atomic.Int64 // the least duration in ns of an entry of slowest
	recent inflight.Ring[entry]
	slowly inflight.Ring[entry]
	stats  *inflight.Stats
}

// The defaults of the configuration.
const (
	defaultSlow   = time.Second
	defaultRecent = 100
	defaultRoutes = 500
)

var (
	incoming = newFamily(kind)
	outgoing = newFamily(kindOut)
)

func newFamily(kind string) *family {
	f := &family{kind: kind, stats: inflight.NewStats(defaultRoutes, classes[:]...)}
	f.configure(config{Slow: defaultSlow, Recent: defaultRecent, SlowRecent: defaultRecent, Routes: defaultRoutes})
	return f
}

// configure sets thresholds and sizes; what was kept is forgotten.
func (f *family) configure(c config) {
	f.slow.Store(int64(c.Slow))
	f.recent.Resize(c.Recent)
	f.slowly.Resize(c.SlowRecent)
	f.stats.Limit(c.Routes)
}

func (f *family) clear() {
	f.recent.Clear()
	f.slowly.Clear()
	f.stats.Clear()
}

// ended files a request that has ended. ordinary ones are slow when they last
// long; websockets and event streams are meant to.
func (f *family) ended(e *entry, ordinary bool) {
	e.bound()
	f.recent.Add(e)
	if ordinary && e.took >= time.Duration(f.slow.Load()) {
		f.slowly.Add(e)
	}
	f.stats.Add(e.pattern, classOf(e.status, e.state), e.took, e.failed(), e.start.Add(e.took))
}

// running is what is in flight: a *serving or a *calling.
type running interface {
	now() (entry, bool)
	pattern() string
	cancel()
}

// active returns the requests in flight, oldest first.
func (f *family) active(context.Context) []entry {
	live := request.Live(f.kind)
	list := make([]entry, 0, len(live))
	for _, r := range live {
		o := r.Owner().(running)
		e, ok := o.now()
		if !ok {
			continue
		}
		e.pattern = o.pattern()
		e.bound()
		list = append(list, e)
	}
	return list
}

// find returns what is known of a request that has ended.
func (f *family) find(id uint64) (entry, bool) {
	is := func(e *entry) bool { return e.id == id }
	if e, ok := f.recent.Find(is); ok {
		return e, true
	}
	return f.slowly.Find(is)
}

// oldest returns the age in seconds of the oldest request in flight, websockets
// and event streams aside.
func oldest() float64 {
	for _, r := range request.Live(kind) {
		if s := r.Owner().(*serving); s.state.Load()&(hijacked|streaming) == 0 {
			return time.Since(s.start).Seconds()
		}
	}
	return 0
}
