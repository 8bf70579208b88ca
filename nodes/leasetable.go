package nodes

import (
	"context"
	"errors"
	"slices"
	"sort"
	"sync"
	"time"
)

// Leases knows the settings that have been changed by way of a [Var] with a lease
// or of a [Setting]. A server has one, and closes it. While nothing is leased it
// has neither timers nor goroutines.
type Leases struct {
	ended func(Lease)

	mu      sync.Mutex
	closed  bool
	changes map[string]*change // by the name of the setting
	notes   []Lease            // of leases that did not put their value back, the newest last
}

// maxChanges and maxNotes bound what is remembered.
const (
	maxChanges = 1 << 10
	maxNotes   = 64
)

// change is one setting that is changed.
type change struct {
	Lease
	prior  *change                     // that stays when the lease ends, if there is one
	timer  *time.Timer                 // of a lease
	expire func(context.Context) error // puts it back; nil where there is no lease
}

// NewLeases returns Leases. Where ended is not nil it is called for each lease
// that has ended, by itself or by [Leases.Close], but not for those that another
// change has replaced; it must return soon.
func NewLeases(ended func(Lease)) *Leases {
	return &Leases{ended: ended, changes: make(map[string]*change)}
}

var errLeasesClosed = Errorf(ErrBusy, "the server is being closed: nothing can be changed for a time any more")

// room returns why no lease of the setting can begin, nil if one can.
func (t *Leases) room(name string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return errLeasesClosed
	case t.changes[name] == nil && len(t.changes) >= maxChanges:
		return Errorf(ErrBusy, "%d settings are changed for a time already", maxChanges)
	}
	return nil
}

// put notes c in place of what is known of its setting, and lets it begin.
func (t *Leases) put(c *change) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed && c.expire != nil {
		return errLeasesClosed
	}
	t.forget(c.Setting)
	if len(t.changes) >= maxChanges {
		if c.expire != nil {
			return Errorf(ErrBusy, "%d settings are changed for a time already", maxChanges)
		}
		return nil
	}
	t.changes[c.Setting] = c
	if c.expire != nil {
		// c.timer is written before the timer's function can lock t.mu.
		c.timer = time.AfterFunc(time.Until(c.Until), func() { t.fire(c) })
	}
	return nil
}

// forget takes out what is known of a setting. t.mu is held.
func (t *Leases) forget(name string) {
	if c := t.changes[name]; c != nil {
		if c.timer != nil {
			c.timer.Stop()
		}
		delete(t.changes, name)
	}
	t.notes = slices.DeleteFunc(t.notes, func(l Lease) bool { return l.Setting == name })
}

// drop forgets a setting that has its own value again.
func (t *Leases) drop(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(name)
}

// fire ends the lease c whose time is up, if it is still there.
func (t *Leases) fire(c *change) {
	t.mu.Lock()
	current := t.changes[c.Setting] == c
	t.mu.Unlock()
	if current {
		c.expire(context.Background())
	}
}

// end takes note that a lease has ended; note says why its value was not put
// back, if it was not.
func (t *Leases) end(c *change, note string) {
	t.mu.Lock()
	if t.changes[c.Setting] == c {
		delete(t.changes, c.Setting)
		if note == "" && c.prior != nil {
			c.prior.Since = time.Now() // again
			t.changes[c.Setting] = c.prior
		}
	}
	l := c.Lease
	l.Note = note
	if note != "" && !t.closed {
		if len(t.notes) == maxNotes {
			t.notes = slices.Delete(t.notes, 0, 1)
		}
		t.notes = append(t.notes, l)
	}
	t.mu.Unlock()
	if t.ended != nil {
		Protect(func() error { t.ended(l); return nil })
	}
}

// List returns the settings that are changed, and the leases that have ended with
// a note, by name. A setting is in it twice if both are true of it.
func (t *Leases) List() []Lease {
	t.mu.Lock()
	list := slices.Clone(t.notes)
	for _, c := range t.changes {
		list = append(list, c.Lease)
	}
	t.mu.Unlock()
	// Here and wherever else few structs are sorted: slices.SortFunc would be
	// quicker, but adds some 10 KB to every program for each type of element.
	sort.Slice(list, func(i, j int) bool { return list[i].Setting < list[j].Setting })
	return list
}

// Close ends all leases, puts their values back, and waits for that as long as
// ctx lasts. The error names what could not be put back. No lease begins any
// more; other changes go on, without a note.
func (t *Leases) Close(ctx context.Context) error {
	t.mu.Lock()
	t.closed = true
	var open []*change
	for _, c := range t.changes {
		if c.expire != nil {
			c.timer.Stop()
			open = append(open, c)
		}
	}
	t.mu.Unlock()
	done := make([]chan error, len(open))
	for i, c := range open {
		done[i] = make(chan error, 1)
		// One that hangs holds up only itself.
		go func() { done[i] <- c.expire(ctx) }()
	}
	var errs []error
	for i, c := range open {
		select {
		case err := <-done[i]:
			errs = append(errs, err)
		case <-ctx.Done():
			select {
			case err := <-done[i]:
				errs = append(errs, err)
			default:
				errs = append(errs, Errorf(ErrTimeout, "%s: could not be put back to %s in time", c.Setting, c.Back))
			}
		}
	}
	return errors.Join(errs...)
}
