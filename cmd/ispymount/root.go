//go:build linux

package main

import (
	"context"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// finder knows where processes may answer.
type finder interface {
	// list returns the addresses at which somebody listens; of the process
	// called only alone, unless that is "".
	list(ctx context.Context, only string) ([]server, error)
	// dial connects to one of them. The timeout is that of each operation.
	dial(ctx context.Context, addr string, timeout time.Duration) (remote, owner, error)
}

// survey is a look for processes, for all who ask for the same one.
type survey struct {
	done chan struct{}
	err  error
	next *survey // the one after, if somebody waits for it
}

// lookupProc finds the directory of a process and counts one reference of the
// kernel. It asks nothing of the process itself, which may be stopped.
func (t *tree) lookupProc(cancel <-chan struct{}, name string) (*node, fuse.Status) {
	now := time.Now()
	if n := t.knownProc(name, now.Add(-t.opts.share)); n != nil {
		return n, fuse.OK
	}
	if st := t.discover(cancel, name); st != fuse.OK {
		return nil, st
	}
	if n := t.knownProc(name, now); n != nil {
		return n, fuse.OK
	}
	return nil, fuse.ENOENT
}

// knownProc returns the directory of a process that is connected or has been
// seen alive since then.
func (t *tree) knownProc(name string, since time.Time) *node {
	t.mu.Lock()
	p := t.procs[name]
	recent := p != nil && !p.seen.Before(since)
	t.mu.Unlock()
	if p == nil || p.dead() || !p.connected() && !recent {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.over() {
		return nil
	}
	n := p.rootNode()
	t.refer(n)
	return n
}

// discover brings the process called only up to date, all where that is "". Who
// comes while others wait shares the survey that follows theirs: theirs may have
// passed what he looks for.
func (t *tree) discover(cancel <-chan struct{}, only string) fuse.Status {
	t.mu.Lock()
	s := t.surveys[only]
	switch {
	case s == nil:
		s = &survey{done: make(chan struct{})}
		t.surveys[only] = s
		go t.survey(s, only)
	case s.next == nil:
		s.next = &survey{done: make(chan struct{})}
		s = s.next
	default:
		s = s.next
	}
	t.mu.Unlock()
	if !wait(cancel, s.done, nil) {
		return fuse.EINTR
	}
	return errno(s.err)
}

// survey looks for processes as long as somebody asks for it.
func (t *tree) survey(s *survey, only string) {
	for s != nil {
		ctx, cancel := context.WithTimeout(t.closing, t.opts.timeout)
		var list []server
		list, s.err = t.find.list(ctx, only)
		cancel()
		// What could not be looked at does not hide what could.
		if s.err == nil || len(list) > 0 {
			t.update(list, only)
			s.err = nil
		}
		t.mu.Lock()
		close(s.done)
		if s.next != nil {
			t.surveys[only] = s.next
		} else {
			delete(t.surveys, only)
		}
		s = s.next
		t.mu.Unlock()
	}
}

// update takes in what a survey found. A process that it did not find lives on
// as long as its connection.
func (t *tree) update(list []server, only string) {
	now := time.Now()
	found := make(map[string]bool)
	var ended []*proc
	t.mu.Lock()
	for _, s := range list {
		p := t.procs[s.name]
		if p != nil && p.addr != s.addr && !p.connected() {
			ended = append(ended, p)
			p = nil
		}
		if p == nil {
			p = t.newProc(s)
		}
		p.seen = now
		found[s.name] = true
	}
	for name, p := range t.procs {
		if (only == "" || only == name) && !found[name] && !p.connected() && p.dialing == nil {
			ended = append(ended, p)
		}
	}
	t.mu.Unlock()
	for _, p := range ended {
		p.die()
	}
}

// listProcs returns the lines of the root directory.
func (t *tree) listProcs(cancel <-chan struct{}) ([]fuse.DirEntry, fuse.Status) {
	if st := t.discover(cancel, ""); st != fuse.OK {
		return nil, st
	}
	t.mu.Lock()
	procs := make([]*proc, 0, len(t.procs))
	for _, p := range t.procs {
		procs = append(procs, p)
	}
	t.mu.Unlock()
	var lines []fuse.DirEntry
	for _, p := range procs {
		if p.dead() {
			continue
		}
		lines = append(lines, fuse.DirEntry{Name: p.name, Mode: fuse.S_IFDIR, Ino: p.ino(rootQID)})
	}
	sortEntries(lines)
	return lines, fuse.OK
}
