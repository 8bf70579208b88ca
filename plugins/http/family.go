package http

import (
	"time"

	"github.com/ispyd/ispyd/internal/inflight"
	"github.com/ispyd/ispyd/internal/request"
)

// family is what is kept of the requests that come in, or of those that go out.
type family struct{ inflight.Family[entry] }

// The defaults of the configuration.
const (
	defaultSlow   = inflight.Duration(time.Second)
	defaultRecent = 100
	defaultRoutes = 500
)

var (
	incoming = newFamily(kind)
	outgoing = newFamily(kindOut)
)

func newFamily(kind string) *family {
	f := new(family)
	f.Kind, f.Noun, f.Dir = kind, "request", "requests"
	f.CancelDoc = "cancel the contexts of the requests of these ids, with the cause ErrCanceledByOperator"
	f.SlowDoc = "from now on keep in slow what takes as long, such as 250ms, or longer"
	f.ClearDoc = "forget what recent, slow and stats have"
	f.Entry = func(e *entry) (uint64, time.Time, time.Duration) { return e.id, e.start, e.took }
	f.Cancel = func(r *request.Request) (bool, error) { return r.Owner().(running).cancel(), nil }
	f.Stats = inflight.NewStats(defaultRoutes, classes[:]...)
	f.configure(config{Slow: defaultSlow, Recent: defaultRecent, SlowRecent: defaultRecent, Routes: defaultRoutes})
	return f
}

func (f *family) configure(c config) {
	f.Configure(time.Duration(c.Slow), c.Recent, c.SlowRecent, c.Routes)
}

// ended files a request that has ended. ordinary ones are slow when they last
// long; websockets and event streams are meant to.
func (f *family) ended(e *entry, ordinary bool) {
	e.bound()
	f.Keep(e, e.took, ordinary)
	f.Stats.Add(e.pattern, classOf(e.status, e.state), e.took, e.failed(), e.start.Add(e.took))
}

// running is what is in flight: a *serving or a *calling.
type running interface {
	now() (entry, bool)
	pattern() string
	cancel() bool // false where it has been called before
}

// active returns the requests in flight, oldest first.
func (f *family) active() []entry {
	live := f.Live()
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

// newestOver returns the highest id of the requests that oldest looks at and that are
// older than some seconds.
func newestOver(seconds float64) (id uint64) {
	for _, r := range request.Live(kind) {
		if s := r.Owner().(*serving); s.state.Load()&(hijacked|streaming) == 0 && time.Since(s.start).Seconds() > seconds {
			id = max(id, r.ID())
		}
	}
	return id
}
