package nodes

import (
	"context"
	"strings"
	"time"
)

// Setting is something that writes change and a lease changes back. Every [Var]
// has one; a program makes one for what the verbs of a [Ctl] set:
//
//	var slow = nodes.NewSetting("slow")
//	nodes.Verb{Name: "slow", Args: "threshold [for=DURATION]", Run: func(ctx context.Context, args []string) error {
//		args, lease, err := nodes.CutFor(args)
//		...
//		return slow.Change(ctx, lease, nodes.Change{Now: threshold, Do: set(d)})
//	}}
//
// Changes of one Setting, and the ends of its leases, run one after the other.
type Setting struct {
	name string
	// noted says that it is of a Var: its name is the file's, and somebody
	// else lists the changes that are no leases.
	noted bool
	turn  chan struct{} // held by one change at a time; guards lease
	lease *change       // nil where there is none
	table *Leases       // of lease
	back  func(context.Context) error
	alone *Leases // for contexts that bring none
}

// NewSetting returns a Setting. Its changes are listed under the path of the file
// that is written, and a blank and the name where name is not "".
func NewSetting(name string) *Setting {
	return &Setting{name: name, turn: make(chan struct{}, 1)}
}

// Change is one change of a [Setting].
type Change struct {
	// Now returns the value in force, as text. It tells whether, when the
	// lease ends, somebody else has changed it meanwhile.
	Now func(ctx context.Context) (string, error)
	// Do makes the change.
	Do func(ctx context.Context) error
	// Hold is called before Do where a lease begins (not where one follows
	// another, whose Hold counts). It returns what puts the value back. It
	// must not change anything by itself.
	Hold func(ctx context.Context) (back func(ctx context.Context) error, err error)
}

// backTime is how long the end of a lease may take.
const backTime = 10 * time.Second

// Change makes the change c. Where d is more than 0 it is a lease; else it stays,
// and a lease that there was ends without putting its value back. c.Hold may be nil
// where d is 0.
func (s *Setting) Change(ctx context.Context, d time.Duration, c Change) error {
	if err := s.acquire(ctx); err != nil {
		return err
	}
	defer s.release()
	p := placeOf(ctx)
	if d > 0 {
		if p.leases == nil {
			if s.alone == nil {
				s.alone = NewLeases(nil)
			}
			p.leases = s.alone
		}
		return s.begin(ctx, p, d, c)
	}
	if s.noted || p.leases == nil {
		if err := c.Do(ctx); err != nil {
			return err
		}
		s.replaced()
		if p.leases != nil {
			p.leases.drop(s.nameAt(p))
		}
		return nil
	}
	return s.set(ctx, p, c)
}

// set makes a change that stays, and has it listed.
func (s *Setting) set(ctx context.Context, p place, c Change) error {
	name := s.nameAt(p)
	own, known := "", false
	if prior := p.leases.get(name); prior != nil {
		own, known = prior.Own, true
	} else if now, err := c.Now(ctx); err == nil {
		own, known = now, true
	}
	if err := c.Do(ctx); err != nil {
		return err
	}
	s.replaced()
	now, err := c.Now(ctx)
	if err != nil || !known || now == own {
		p.leases.drop(name)
		return nil
	}
	return p.leases.put(&change{Lease: Lease{Setting: name, Value: now, Own: own, Peer: PeerFrom(ctx), Since: time.Now()}})
}

// get returns what is known of a setting that is changed, or nil.
func (t *Leases) get(name string) *change {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changes[name]
}

// begin makes a change that is a lease.
func (s *Setting) begin(ctx context.Context, p place, d time.Duration, c Change) error {
	name := s.nameAt(p)
	if err := p.leases.room(name); err != nil {
		return err
	}
	now, err := c.Now(ctx)
	if err != nil {
		return err
	}
	l := &change{Lease: Lease{Setting: name, Own: now, Back: now, Peer: PeerFrom(ctx)}}
	back := s.back
	if s.lease != nil && s.lease.Value == now {
		l.Own, l.Back, l.prior = s.lease.Own, s.lease.Back, s.lease.prior
	} else {
		if prior := p.leases.get(name); prior != nil && prior.expire == nil && prior.Value == now {
			l.Own, l.prior = prior.Own, prior
		}
		if back, err = c.Hold(ctx); err != nil {
			return err
		}
	}
	if err := c.Do(ctx); err != nil {
		return err
	}
	l.Value, err = c.Now(ctx)
	l.Since = time.Now()
	l.Until = l.Since.Add(d)
	l.expire = func(ctx context.Context) error { return s.expire(ctx, l, c.Now) }
	if err == nil {
		s.replaced()
		err = p.leases.put(l)
	}
	if err != nil {
		// What has no end must not begin.
		s.replaced()
		if e := back(context.WithoutCancel(ctx)); e != nil {
			return Errorf(err, "%v; and it could not be put back to %s: %v", err, l.Back, e)
		}
		return err
	}
	s.lease, s.table, s.back = l, p.leases, back
	return nil
}

// replaced forgets the lease that a change has replaced.
func (s *Setting) replaced() {
	if s.lease != nil {
		s.table.drop(s.lease.Setting)
		s.lease, s.table, s.back = nil, nil, nil
	}
}

// expire ends the lease l if it is still in force.
func (s *Setting) expire(ctx context.Context, l *change, current func(context.Context) (string, error)) error {
	if err := s.acquire(ctx); err != nil {
		return Errorf(err, "%s: could not be put back to %s: %v", l.Setting, l.Back, err)
	}
	defer s.release()
	if s.lease != l {
		return nil
	}
	table, back := s.table, s.back
	s.lease, s.table, s.back = nil, nil, nil
	ctx, cancel := context.WithTimeout(WithPeer(ctx, l.Peer), backTime)
	defer cancel()
	note, failed := "", error(nil)
	err := Protect(func() error {
		now, err := current(ctx)
		if err == nil && now != l.Value {
			note = "not put back to " + l.Back + ": somebody else has set it to " + now + " meanwhile"
			return nil
		}
		if err != nil {
			return err
		}
		return back(ctx)
	})
	if err != nil {
		note = "could not be put back to " + l.Back + ": " + err.Error()
		failed = Errorf(err, "%s: %s", l.Setting, note)
	}
	table.end(l, note)
	return failed
}

func (s *Setting) nameAt(p place) string {
	if s.noted && p.path != "" {
		return p.path
	}
	return strings.TrimSpace(p.path + " " + s.name)
}

func (s *Setting) acquire(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	default:
	}
	since := time.Now()
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return waitError(ctx, "the change before", since)
	}
}

func (s *Setting) release() { <-s.turn }
