//go:build linux

package main

import (
	"context"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// grace is how long an operation that is usually short goes on when the one who
// waits for it gets a signal. Programs that use timers, or Go, get signals all
// the time, and few expect that a stat is interrupted.
const grace = 250 * time.Millisecond

// flight is a lookup under way, for all who wait for it. What is mutable is
// guarded by tree.mu.
type flight struct {
	writes  uint64 // of the process when it began
	done    chan struct{}
	cancel  context.CancelCauseFunc
	timed   atomic.Bool // a capture: ends at once when nobody waits any more
	waiters int
	node    *node
	err     fuse.Status
}

// lookup finds the file at path, or takes a new snapshot of it, and counts one
// reference of the kernel. pid is whose lookup it is.
func (p *proc) lookup(cancel <-chan struct{}, path string, pid uint32) (*node, fuse.Status) {
	t := p.t
	for {
		t.mu.Lock()
		if p.again(path, pid) {
			t.mu.Unlock()
			return nil, eTimedOut
		}
		if n := p.current(path); n != nil {
			t.refer(n)
			t.mu.Unlock()
			return n, fuse.OK
		}
		f := p.flights[path]
		if f == nil || f.writes != p.writes.Load() && !f.timed.Load() {
			f = p.takeOff(path)
		}
		f.waiters++
		t.mu.Unlock()

		landed := wait(cancel, f.done, &f.timed)

		t.mu.Lock()
		f.waiters--
		n, st := f.node, f.err
		switch {
		case !landed:
			st = fuse.EINTR
			if f.waiters == 0 {
				f.cancel(context.Canceled)
				p.landed(path, f)
			}
		case st == fuse.OK && n.gone:
			// Dropped before this waiter ran.
			t.mu.Unlock()
			continue
		case st == fuse.OK:
			t.refer(n)
		case st == eTimedOut:
			p.waited(path, pid)
		}
		t.mu.Unlock()
		return n, st
	}
}

// waiter is a thread that has waited for a path in vain.
type waiter struct {
	path string
	pid  uint32
}

// waited notes that a lookup of path timed out; t.mu is held. Where the kernel
// has known the name before, it takes the error for news of that alone, and looks
// the name up again at once: its caller would wait twice as long.
func (p *proc) waited(path string, pid uint32) {
	for w, at := range p.late {
		if time.Since(at) >= p.t.opts.share {
			delete(p.late, w)
		}
	}
	if pid != 0 { // of another pid namespace: whoever that is
		p.late[waiter{path, pid}] = time.Now()
	}
}

// again reports, once, whether the thread has just waited for path in vain; t.mu is
// held. Others wait for themselves: the program may go on any time.
func (p *proc) again(path string, pid uint32) bool {
	w := waiter{path, pid}
	at, ok := p.late[w]
	delete(p.late, w)
	return ok && time.Since(at) < p.t.opts.share
}

// wait waits for done and reports whether it came before the waiter was
// interrupted. What is slow is interrupted at once.
func wait(cancel, done <-chan struct{}, slow *atomic.Bool) bool {
	select {
	case <-done:
		return true
	case <-cancel:
	}
	if slow != nil && slow.Load() {
		return false
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// current returns the node that a lookup of path may share; t.mu is held.
func (p *proc) current(path string) *node {
	if p.over() {
		return nil
	}
	now := time.Now()
	if n := p.dirs[path]; n != nil && (path == "" || n.writes == p.writes.Load() && now.Sub(n.made) < p.t.opts.share) {
		return n
	}
	n := p.shared[path]
	switch {
	case n == nil, n.gone:
		return nil
	case n.info.form == formTimed:
		return n
	case n.lead:
		return nil // offsets in a stream begin where its reader began
	case n.writes != p.writes.Load(), now.Sub(n.made) >= p.t.opts.share:
		return nil
	}
	return n
}

// takeOff starts a lookup; t.mu is held.
func (p *proc) takeOff(path string) *flight {
	ctx, cancel := context.WithCancelCause(p.t.closing)
	f := &flight{writes: p.writes.Load(), done: make(chan struct{}), cancel: cancel}
	p.flights[path] = f
	go p.fly(ctx, f, path)
	return f
}

// landed takes f out of the lookups that others may join; t.mu is held.
func (p *proc) landed(path string, f *flight) {
	if p.flights[path] == f {
		delete(p.flights, path)
	}
}

// fly looks path up at the process.
func (p *proc) fly(ctx context.Context, f *flight, path string) {
	t := p.t
	defer f.cancel(nil)
	// The limit is one for all the lookup does, but a capture has none.
	limit := time.AfterFunc(t.opts.timeout, func() { f.cancel(syscall.ETIMEDOUT) })
	defer limit.Stop()

	t.mu.Lock()
	_, guess := p.plain[path]
	t.mu.Unlock()
	var in info
	var c content
	err := p.do(ctx, func(r remote) (err error) {
		in, c, err = t.look(ctx, r, path, guess, func() {
			f.timed.Store(true)
			limit.Stop()
		})
		return err
	})

	t.mu.Lock()
	defer t.mu.Unlock()
	defer close(f.done)
	p.landed(path, f)
	if err == nil && p.over() {
		err = syscall.ENOTCONN
	}
	if err != nil {
		delete(p.plain, path)
		f.err = errno(err)
		t.used -= c.cost
		c.free()
		return
	}
	if c.err != fuse.OK {
		delete(p.plain, path)
	} else {
		p.learn(path, in.form)
	}
	f.node = p.land(f, path, in, c)
}

// land makes the node of a lookup; t.mu is held.
func (p *proc) land(f *flight, path string, in info, c content) *node {
	if in.form == formDir {
		n := p.dir(path, in)
		n.made, n.writes = time.Now(), f.writes
		return n
	}
	if old := p.dirs[path]; old != nil {
		delete(p.dirs, path)
	}
	n := &node{
		p: p, path: path, info: in, ino: p.ino(in.qid), content: c,
		made: time.Now(), writes: f.writes, grown: c.size, moved: c.mtime,
	}
	old := p.shared[path]
	if in.form == formTimed || f.writes == p.writes.Load() {
		p.shared[path] = n
	} else {
		delete(p.shared, path)
	}
	p.t.publish(n)
	if old != nil {
		p.t.release(old)
	}
	return n
}

// maxPlain bounds what is remembered of a process's paths.
const maxPlain = 1 << 13

// learn remembers whether the file at path is a plain one; t.mu is held.
func (p *proc) learn(path string, f form) {
	if f != formFile {
		delete(p.plain, path)
		return
	}
	if len(p.plain) >= maxPlain {
		clear(p.plain)
	}
	p.plain[path] = struct{}{}
}

// dir returns the node of the directory at path, the one the kernel knows
// already where it is still the same directory; t.mu is held.
func (p *proc) dir(path string, in info) *node {
	n := p.dirs[path]
	if n == nil || n.info.qid != in.qid || n.info.perm != in.perm {
		n = &node{p: p, path: path, info: in, ino: p.ino(in.qid)}
		p.dirs[path] = n
		p.t.publish(n)
	}
	n.moved = in.mtime
	return n
}

// rootNode returns the node of the process's own directory, which needs no
// answer of the process; t.mu is held.
func (p *proc) rootNode() *node {
	if n := p.dirs[""]; n != nil {
		return n
	}
	return p.dir("", info{form: formDir, perm: 0o555, qid: rootQID, mtime: time.Now()})
}
