//go:build linux

package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// proc is one process in the mount: a name, the address behind it, and the
// connection, made when something is first asked of it. A process that follows
// another at the same address is another proc.
type proc struct {
	t    *tree
	name string
	addr string
	seed uint64 // makes its inode numbers

	// ended is closed when the process is known to be gone.
	ended chan struct{}
	once  sync.Once

	// link is the connection, nil while there is none.
	link atomic.Pointer[remote]
	// writes counts what the mount wrote to the process, before and after
	// each write: snapshots begun under another number are not shared.
	writes atomic.Uint64

	// The rest is guarded by t.mu.
	seen    time.Time            // when it was last found alive
	owner   owner                // of its files
	dirs    map[string]*node     // by path
	shared  map[string]*node     // the newest snapshot of a file, by path
	flights map[string]*flight   // lookups under way, by path
	plain   map[string]struct{}  // paths of plain files, as far as is remembered
	late    map[waiter]time.Time // lookups that timed out, and when
	dialing *dialing
}

// dialing is a connection that is being made, for all who wait for it.
type dialing struct {
	done chan struct{}
	link remote
	err  error
}

// newProc makes a process known; t.mu is held.
func (t *tree) newProc(s server) *proc {
	t.seq++
	p := &proc{
		t:       t,
		name:    s.name,
		addr:    s.addr,
		seed:    t.seq,
		ended:   make(chan struct{}),
		owner:   t.opts.owner,
		dirs:    make(map[string]*node),
		shared:  make(map[string]*node),
		flights: make(map[string]*flight),
		plain:   make(map[string]struct{}),
		late:    make(map[waiter]time.Time),
	}
	t.procs[s.name] = p
	t.changed = time.Now()
	return p
}

// ino is the inode number of a file: the same for each snapshot of it, another
// one in each process.
func (p *proc) ino(qid uint64) uint64 {
	x := qid + p.seed*0x9e3779b97f4a7c15 // splitmix64
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	// There are programs that keep inode numbers in signed words.
	return max(x>>1, 2)
}

// over says that the process is known to be gone.
func (p *proc) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// connected says that there is a connection.
func (p *proc) connected() bool { return p.link.Load() != nil }

// dead says that the process is gone, even if nobody has noticed yet. t.mu is
// not held.
func (p *proc) dead() bool {
	if p.over() {
		return true
	}
	link := p.link.Load()
	if link == nil || (*link).alive() {
		return false
	}
	p.die()
	return true
}

// do runs an operation on the process. One that is stopped lets the first time
// out; the client then fails others soon until it goes on.
func (p *proc) do(ctx context.Context, f func(remote) error) error {
	link, err := p.connect(ctx)
	if err == nil {
		err = f(link)
	}
	switch {
	case err == nil:
		return nil
	case p.dead():
		return syscall.ENOTCONN
	case errors.Is(context.Cause(ctx), syscall.ETIMEDOUT):
		return syscall.ETIMEDOUT
	}
	return err
}

// connect returns the connection, which it makes where there is none yet.
func (p *proc) connect(ctx context.Context) (remote, error) {
	p.t.mu.Lock()
	if link := p.link.Load(); link != nil {
		p.t.mu.Unlock()
		return *link, nil
	}
	d := p.dialing
	if d == nil {
		d = &dialing{done: make(chan struct{})}
		p.dialing = d
		go p.dial(d)
	}
	p.t.mu.Unlock()
	select {
	case <-d.done:
		return d.link, d.err
	case <-p.ended:
		return nil, syscall.ENOTCONN
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// dial makes the connection and then waits for its end.
func (p *proc) dial(d *dialing) {
	t := p.t
	ctx, cancel := context.WithTimeout(t.closing, t.opts.timeout)
	link, own, err := t.find.dial(ctx, p.addr, t.opts.timeout)
	cancel()
	t.mu.Lock()
	p.dialing = nil
	if err == nil {
		p.owner = own
		p.link.Store(&link)
		p.seen = time.Now()
	}
	t.mu.Unlock()
	d.link, d.err = link, err
	if s := errno(err); err != nil && (lost(s) || syscall.Errno(s) == syscall.ENOENT) {
		// Nobody is there any more.
		d.err = syscall.ENOTCONN
		p.die()
	}
	close(d.done)
	if err != nil {
		return
	}
	select {
	case <-link.done():
		p.die()
	case <-p.ended:
	case <-t.closing.Done():
	}
	link.close()
}

// die takes the process out of the mount: what is open fails from now on, and
// its directory is gone.
func (p *proc) die() {
	p.once.Do(func() {
		t := p.t
		close(p.ended)
		t.mu.Lock()
		if t.procs[p.name] == p {
			delete(t.procs, p.name)
			t.changed = time.Now()
		}
		for _, n := range p.shared {
			delete(p.shared, n.path)
			t.release(n)
		}
		t.mu.Unlock()
		// Whoever calls die may be answering the kernel, which must not
		// wait for the kernel.
		go t.gone(p.name)
	})
}

// unshare makes later lookups of n's path start a new snapshot; t.mu is held.
func (p *proc) unshare(n *node) {
	if p.shared[n.path] == n {
		delete(p.shared, n.path)
	}
}

// shares says that later lookups may get n; t.mu is held.
func (p *proc) shares(n *node) bool { return p.shared[n.path] == n }
