package profile

import (
	"context"
	"io/fs"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/ispyd/ispyd/internal/trigger"
	"github.com/ispyd/ispyd/nodes"
)

// maxTriggers is how many triggers there can be.
const maxTriggers = 32

// watcher looks at the sources of its triggers as long as there are any, and has
// a capture made when one comes true.
type watcher struct {
	logger   *slog.Logger
	interval time.Duration
	pause    time.Duration
	// capture makes a capture of what has come true: v is what the source read.
	capture func(ctx context.Context, t watched, v float64) (int, error)

	mu      sync.Mutex
	closed  bool
	last    int
	list    []*watched
	changed chan struct{} // of one: wakes the loop
	end     func()        // ends the loop and waits for it; nil where none runs
}

// watched is one trigger.
type watched struct {
	id    int
	text  string
	from  string // who has set it
	armed trigger.Armed
	note  string // what its source or the last capture failed with
	hits  int
	last  time.Time
	n     int // the last capture
}

// add arms a trigger. One that cannot come true as things are waits where it may
// wait, and is an error elsewhere.
func (w *watcher) add(text, from string, mayWait bool) (int, error) {
	t := &watched{text: text, from: from}
	e, err := trigger.Parse(text)
	if err == nil && !mayWait {
		err = e.Ready()
	}
	if err != nil {
		return 0, nodes.Errorf(fs.ErrInvalid, "%v", err)
	}
	t.armed.Expr, t.armed.Pause = e, w.pause
	w.mu.Lock()
	defer w.mu.Unlock()
	same := func(x *watched) bool { return x.armed.Expr.Same(e) }
	switch i := slices.IndexFunc(w.list, same); {
	case w.closed:
		return 0, nodes.Errorf(nodes.ErrBusy, "the server is being closed")
	case i >= 0:
		return 0, nodes.Errorf(fs.ErrExist, "trigger %d is the same: %s, from %s", w.list[i].id, w.list[i].text, w.list[i].from)
	case len(w.list) >= maxTriggers:
		return 0, nodes.Errorf(nodes.ErrBusy, "there are %d triggers already: remove one with flight never", maxTriggers)
	}
	w.last++
	t.id = w.last
	w.list = append(w.list, t)
	if w.end == nil {
		w.begin()
	}
	w.wake()
	return t.id, nil
}

// any reports whether there are triggers.
func (w *watcher) any() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.list) > 0
}

// remove takes a trigger out, or all where id is 0. left is how many remain.
func (w *watcher) remove(id int) (left int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.list)
	w.list = slices.DeleteFunc(w.list, func(t *watched) bool { return id == 0 || t.id == id })
	if id != 0 && len(w.list) == n {
		return n, nodes.Errorf(fs.ErrNotExist, "there is no trigger %d; profile/triggers lists them", id)
	}
	w.wake()
	return len(w.list), nil
}

// close takes all triggers out and waits until nothing runs any more.
func (w *watcher) close() {
	w.mu.Lock()
	w.closed, w.list = true, nil
	end := w.end
	w.mu.Unlock()
	if end != nil {
		end()
	}
}

func (w *watcher) wake() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// begin starts the loop; w.mu is held.
func (w *watcher) begin() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	w.changed = make(chan struct{}, 1)
	changed := w.changed
	w.end = func() {
		cancel()
		<-done
	}
	go func() {
		defer close(done)
		defer cancel()
		w.loop(ctx, changed)
	}()
}

// loop ends when there are no triggers any more.
func (w *watcher) loop(ctx context.Context, changed <-chan struct{}) {
	tick := time.NewTicker(w.interval)
	defer tick.Stop()
	registered := trigger.Changed()
	w.resolveAll()
	for {
		w.mu.Lock()
		if len(w.list) == 0 {
			w.end = nil
			w.mu.Unlock()
			return
		}
		polled := tick.C
		if !slices.ContainsFunc(w.list, func(t *watched) bool { return t.armed.Source.Read != nil }) {
			polled = nil // nothing to look at
			tick.Stop()
		} else {
			tick.Reset(w.interval)
		}
		w.mu.Unlock()
		select {
		case <-polled:
			w.poll(ctx, time.Now())
		case <-registered:
			// First, so that no change is missed.
			registered = trigger.Changed()
			w.resolveAll()
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// resolveAll finds sources that have come, and those that have gone.
func (w *watcher) resolveAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.list {
		if e, err := trigger.Parse(t.text); err == nil {
			t.armed.Expr = e
		} else {
			t.armed.Source.Read, t.armed.Source.Newest = nil, nil // its plugin has been closed
		}
	}
}

// hit is a trigger that has come true.
type hit struct {
	t     *watched
	value float64
	was   watched
}

// poll looks at all sources once.
func (w *watcher) poll(ctx context.Context, now time.Time) {
	for _, h := range w.hits(now) {
		n, err := w.capture(ctx, h.was, h.value)
		w.mu.Lock()
		h.t.note = ""
		switch {
		case err != nil:
			h.t.note = "no capture: " + err.Error()
			w.logger.Warn("ispyd: a trigger fired, but nothing was captured", "trigger", h.t.text, "value", h.value, "error", err)
		default:
			h.t.n = n
			w.logger.Warn("ispyd: a trigger fired", "trigger", h.t.text, "value", h.value, "capture", n)
		}
		w.mu.Unlock()
		if ctx.Err() != nil {
			return
		}
	}
}

// hits returns the triggers that come true now. The sources are read without the
// lock: they are others' code.
func (w *watcher) hits(now time.Time) (list []hit) {
	w.mu.Lock()
	all := slices.Clone(w.list)
	w.mu.Unlock()
	for _, t := range all {
		v, ok := w.value(t)
		if !ok {
			continue
		}
		newest := w.newest(t, v)
		w.mu.Lock()
		if t.armed.StepEach(v, newest, now) {
			t.hits, t.last = t.hits+1, now
			list = append(list, hit{t, v, *t})
		}
		w.mu.Unlock()
	}
	return list
}

// value reads the source of a trigger, false where it is not known.
func (w *watcher) value(t *watched) (v float64, ok bool) {
	w.mu.Lock()
	read := t.armed.Source.Read
	w.mu.Unlock()
	if read == nil {
		return 0, false
	}
	if err := nodes.Protect(func() error { v = read(); return nil }); err != nil {
		w.mu.Lock()
		t.note = "the source: " + err.Error()
		w.mu.Unlock()
		return 0, false
	}
	return v, !math.IsNaN(v)
}

// newest asks the source which is the last that is over the value, 0 where it cannot
// tell.
func (w *watcher) newest(t *watched, v float64) (id uint64) {
	w.mu.Lock()
	expr := t.armed.Expr
	w.mu.Unlock()
	if expr.Source.Newest != nil && v > expr.Value {
		nodes.Protect(func() error { id = expr.Source.Newest(expr.Value); return nil })
	}
	return id
}

// line is a trigger in the file triggers.
type line struct {
	ID      int        `json:"id"`
	When    string     `json:"when"`
	State   string     `json:"state"` // armed, hit, pause, or waiting until it can come true
	Now     *float64   `json:"now"`
	Unit    string     `json:"unit"`
	Hits    int        `json:"hits"`
	Last    *time.Time `json:"last"`
	Capture int        `json:"capture"`
	From    string     `json:"from"`
	Note    string     `json:"note"`
}

// lines shows the triggers. trace is what is to be said about the trace in their
// captures, "" for nothing.
func (w *watcher) lines(trace string) []line {
	w.mu.Lock()
	all := slices.Clone(w.list)
	w.mu.Unlock()
	list := []line{}
	for _, t := range all {
		v, known := w.value(t)
		w.mu.Lock()
		expr := t.armed.Expr
		w.mu.Unlock()
		why := expr.Ready() // may read files
		w.mu.Lock()
		l := line{ID: t.id, When: t.text, State: string(t.armed.State(time.Now())), Unit: string(expr.Source.Unit), Hits: t.hits, Capture: t.n, From: t.from, Note: t.note}
		switch {
		case why != nil:
			l.State, l.Note = string(trigger.Unable), "waits: "+why.Error()
		case expr.Source.Read == nil:
			l.State, l.Note = string(trigger.Unable), "waits: its source has gone"
		case l.Note == "":
			l.Note = trace
		}
		if known {
			l.Now = &v
		}
		if t.hits > 0 {
			last := t.last.Round(0)
			l.Last = &last
		}
		w.mu.Unlock()
		list = append(list, l)
	}
	return list
}
