package fs

import (
	"sync/atomic"
	"time"
)

// A request keeps the reader of its connection while it is quick, and most are.
// The watch of the server sees to it that one which is not loses the reader to
// another goroutine. It looks every tick, and only while there are requests: a
// goroutine or a timer for each of them would cost more than most of them do
// (each wakes a thread), and an idle server has none.

const (
	// watchTick is how often the watch looks. What it finds a second time
	// has kept the reader for one tick at least, two at most. Looking more
	// often costs more than it helps: it wakes threads, and moves goroutines
	// between them that had better stay together.
	watchTick = 5 * time.Millisecond
	// watchIdle is the number of ticks without a request after which it
	// stops looking.
	watchIdle = 20
)

// keeping is one keeping of the reader by a request.
type keeping struct {
	decided atomic.Bool // that the reader stays, or goes
	handed  func()      // called when it goes
}

type watch struct {
	srv     *Server
	begun   atomic.Uint64 // requests
	running atomic.Bool
}

// begin notes that a request keeps c's reader.
func (w *watch) begin(c *conn, h *keeping) {
	c.kept.Store(h)
	w.begun.Add(1)
	if !w.running.Load() && w.running.CompareAndSwap(false, true) {
		// A connection runs, so Close does not wait yet.
		w.srv.running.Go(w.run)
	}
}

// end notes that the request is done, and reports whether it has lost the
// reader.
func (w *watch) end(c *conn, h *keeping) (lost bool) {
	if !h.decided.CompareAndSwap(false, true) {
		return true
	}
	c.kept.Store(nil)
	return false
}

// run looks until there have been no requests for a while.
func (w *watch) run() {
	t := time.NewTicker(watchTick)
	defer t.Stop()
	seen := map[*conn]*keeping{}
	last, idle := w.begun.Load(), 0
	for {
		select {
		case <-t.C:
		case <-w.srv.ctx.Done():
			// All that is in flight ends now.
			w.running.Store(false)
			return
		}
		w.look(seen)
		if n := w.begun.Load(); n != last {
			last, idle = n, 0
			continue
		}
		if idle++; idle < watchIdle || len(seen) > 0 {
			continue
		}
		w.running.Store(false)
		if w.begun.Load() == last || !w.running.CompareAndSwap(false, true) {
			return
		}
	}
}

// look gives connections another reader whose reader is kept by the same
// request as when it last looked.
func (w *watch) look(seen map[*conn]*keeping) {
	s := w.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range seen {
		if _, ok := s.conns[c]; !ok {
			delete(seen, c)
		}
	}
	for c := range s.conns {
		h := c.kept.Load()
		switch {
		case h == nil, h.decided.Load(): // a request that lost the reader leaves its own behind
			delete(seen, c)
		case seen[c] != h:
			seen[c] = h
		case h.decided.CompareAndSwap(false, true):
			delete(seen, c)
			go func() {
				h.handed()
				c.reader((*conn).readOn)
			}()
		}
	}
}
