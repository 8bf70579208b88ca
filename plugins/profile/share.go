package profile

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ispyd/ispyd/nodes"
)

// share lets one capture of a kind run at a time. Who asks for the same duration
// while it runs shares it, and so gets one that began before he asked; who asks
// for another is told who holds it until when.
type share struct {
	// path is where it is read, what is what it is: "a CPU profile".
	path, what string

	mu  sync.Mutex
	run *run
}

// run is one capture.
type run struct {
	d       time.Duration
	peer    nodes.Peer
	until   time.Time
	waiters int
	cancel  context.CancelFunc
	done    chan struct{}
	data    []byte
	err     error
}

// do returns what capture returns, which stops when nobody waits for it.
func (s *share) do(ctx context.Context, d time.Duration, capture func(context.Context, time.Duration) ([]byte, error)) ([]byte, error) {
	r, err := s.join(ctx, d, capture)
	if err != nil {
		return nil, err
	}
	select {
	case <-r.done:
		return r.data, r.err
	case <-ctx.Done():
	}
	s.mu.Lock()
	if r.waiters--; r.waiters == 0 {
		r.cancel()
	}
	s.mu.Unlock()
	return nil, context.Cause(ctx)
}

// join finds the capture to wait for, or begins one.
func (s *share) join(ctx context.Context, d time.Duration, capture func(context.Context, time.Duration) ([]byte, error)) (*run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.run != nil {
		r := s.run
		if r.waiters > 0 && r.d == d {
			r.waiters++
			return r, nil
		}
		if r.waiters > 0 {
			return nil, nodes.Errorf(nodes.ErrBusy, "%s of %s is being taken until %s%s: read %s/%s to share it, or come back then",
				s.what, r.d, r.until.Format(time.TimeOnly), forWhom(r.peer), s.path, r.d)
		}
		// It has been left by all who waited, and ends now.
		s.mu.Unlock()
		select {
		case <-r.done:
		case <-ctx.Done():
		}
		s.mu.Lock()
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
	}
	r := &run{d: d, peer: nodes.PeerFrom(ctx), until: time.Now().Add(d), waiters: 1, done: make(chan struct{})}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.cancel = cancel
	s.run = r
	go func() {
		r.err = nodes.Protect(func() (err error) {
			r.data, err = capture(run, d)
			return err
		})
		cancel()
		s.mu.Lock()
		s.run = nil
		s.mu.Unlock()
		close(r.done)
	}()
	return r, nil
}

// forWhom goes on a sentence.
func forWhom(p nodes.Peer) string {
	if who := peerText(p); who != "" {
		return " for " + who
	}
	return ""
}

// peerText says who somebody is, "" where that is not known.
func peerText(p nodes.Peer) string {
	switch {
	case p.Addr != "":
		return p.Addr
	case p.PID > 0:
		return fmt.Sprintf("uid %d, pid %d", p.UID, p.PID)
	}
	return ""
}

// wait lets d pass, or returns why ctx ended before.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
