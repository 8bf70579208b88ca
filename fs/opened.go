package fs

import (
	"sync"
	"sync/atomic"

	"github.com/hugelgupf/p9/linux"

	"github.com/ispyd/ispyd/nodes"
)

// opened is an open file's handle.
type opened struct {
	srv  *Server
	h    nodes.Handle
	snap *nodes.Snapshot // h, where it is one
	kind nodes.Kind
	own  bool // h is of package nodes

	// failure is set after a write that failed, until one succeeds.
	failure atomic.Pointer[failure]
	audited atomic.Bool // its reading has been recorded

	mu     sync.Mutex
	users  int  // operations that may still use h, though their request has ended
	closed bool // the fid is gone; the last user closes h
	held   int64
}

// inMemory reports whether a read is no more than copying memory: of nodes' own
// handles only those that capture or converse are more.
func (o *opened) inMemory() bool {
	if o.snap != nil {
		return true
	}
	return o.own && o.kind != nodes.KindTimed && o.kind != nodes.KindSession
}

// use keeps h open until done. False means that it is closed.
func (o *opened) use() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	o.users++
	return true
}

func (o *opened) done() {
	o.mu.Lock()
	o.users--
	last := o.closed && o.users == 0
	o.mu.Unlock()
	if last {
		o.closeHandle()
	}
}

// close closes h as soon as nothing uses it. It does not block.
func (o *opened) close() {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return
	}
	o.closed = true
	last := o.users == 0
	held := o.held
	o.held = 0
	o.mu.Unlock()
	o.srv.held.give(o.snap, held)
	if last {
		o.closeHandle()
	}
}

func (o *opened) closeHandle() {
	if o.snap != nil {
		return // closing a Snapshot does nothing
	}
	o.srv.foreign.start(noLimit)
	go func() {
		defer o.srv.foreign.end()
		nodes.Protect(o.h.Close)
	}()
}

// hold counts what h keeps in memory, size bytes, as far as it is not counted
// yet. Static files, ctls and streams keep nothing of their own.
func (o *opened) hold(size int64) error {
	switch o.kind {
	case nodes.KindStatic, nodes.KindCtl, nodes.KindStream, nodes.KindSession:
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	more := size - o.held
	if more <= 0 || o.closed {
		return nil
	}
	if err := o.srv.held.take(o.snap, more); err != nil {
		return err
	}
	o.held = size
	return nil
}

// budget bounds the memory that open fids hold, in all connections together. A
// snapshot that several fids share is counted once if it is large.
type budget struct {
	limit  int64
	used   atomic.Int64
	mu     sync.Mutex
	shared map[*nodes.Snapshot]int // fids that hold it
}

// largeSnapshot is from where on it is worth a map entry to count it once.
const largeSnapshot = 64 << 10

// check fails where nothing more can be held, before anything is rendered.
func (b *budget) check() error {
	if b.used.Load() >= b.limit {
		return nodes.Errorf(linux.ENOMEM, "open files hold %d MiB, which is all they may (of all clients together); close some", b.limit>>20)
	}
	return nil
}

func (b *budget) take(snap *nodes.Snapshot, n int64) error {
	if snap != nil && n >= largeSnapshot {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.shared[snap] > 0 {
			b.shared[snap]++
			return nil
		}
	}
	if used := b.used.Add(n); used > b.limit {
		b.used.Add(-n)
		return nodes.Errorf(linux.ENOMEM, "%d bytes more than the %d MiB that open files may hold (of all clients together); close some", used-b.limit, b.limit>>20)
	}
	if snap != nil && n >= largeSnapshot {
		if b.shared == nil {
			b.shared = make(map[*nodes.Snapshot]int)
		}
		b.shared[snap] = 1
	}
	return nil
}

func (b *budget) give(snap *nodes.Snapshot, n int64) {
	if n == 0 {
		return
	}
	if snap != nil && n >= largeSnapshot {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.shared[snap]--; b.shared[snap] > 0 {
			return
		}
		delete(b.shared, snap)
	}
	b.used.Add(-n)
}
