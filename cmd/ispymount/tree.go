//go:build linux

package main

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// maxDirs bounds the directories that are remembered.
const maxDirs = 1 << 14

// node is an inode as the kernel knows it: a directory, or one snapshot of a
// file. Its number is never used again. What is mutable is guarded by tree.mu.
type node struct {
	id   uint64
	p    *proc // nil in the root of the mount
	path string
	info info
	ino  uint64

	content content // of files; immutable once the node is published

	lookups uint64 // references of the kernel
	opens   int    // open files and directories
	forever bool   // the root
	gone    bool   // no longer in the table

	made   time.Time // when it was complete, or found to be there
	writes uint64    // of the process, when that was begun

	// Of files:
	deadline time.Time // when to drop it, unless somebody has it open
	index    int       // in tree.idle, -1 where it is not
	closed   bool      // timed: somebody has read it
	lead     bool      // stream: its first reader has taken content.file
	grown    int64     // stream: its size when last asked for
	moved    time.Time // stream: the time of its newest record; directory: mtime

	// Of directories:
	used time.Time // the last lookup
}

// tree is the mounted file system as the kernel asks for it. It answers
// go-fuse's raw interface and not its package fs for two reasons: a snapshot
// must be let go of when the kernel does not forget it (who then comes with its
// number is told ESTALE and looks it up again), and an inode must not outlive
// the one lookup it stands for.
type tree struct {
	denied

	opts options
	find finder
	// closing ends with the mount.
	closing context.Context
	// gone tells the kernel that a process's directory is no more. It is
	// never called by a goroutine that answers the kernel.
	gone func(name string)

	mu      sync.Mutex
	nodes   map[uint64]*node
	handles map[uint64]*handle
	last    uint64 // the newest number of a node or a handle
	procs   map[string]*proc
	seq     uint64 // of the newest process
	changed time.Time
	dirs    int
	used    int64 // bytes of all snapshots
	idle    idleHeap
	timer   *time.Timer
	surveys map[string]*survey // under way, by the name that is looked for
}

func newTree(ctx context.Context, opts options, find finder) *tree {
	t := &tree{
		denied:  denied{fuse.NewDefaultRawFileSystem()},
		opts:    opts,
		closing: ctx,
		find:    find,
		gone:    func(string) {},
		nodes:   make(map[uint64]*node),
		handles: make(map[uint64]*handle),
		last:    fuse.FUSE_ROOT_ID,
		procs:   make(map[string]*proc),
		surveys: make(map[string]*survey),
		changed: time.Now(),
	}
	perm := uint32(0o500)
	if opts.allowOther {
		perm = 0o555
	}
	t.nodes[fuse.FUSE_ROOT_ID] = &node{
		id: fuse.FUSE_ROOT_ID, ino: fuse.FUSE_ROOT_ID, info: info{form: formDir, perm: perm}, forever: true, index: -1,
	}
	t.timer = time.AfterFunc(time.Hour, t.sweep)
	t.timer.Stop()
	return t
}

// Init comes before the first request.
func (t *tree) Init(srv *fuse.Server) {
	t.gone = func(name string) { srv.EntryNotify(fuse.FUSE_ROOT_ID, name) }
}

// node returns what the kernel means by id, nil where that is no longer known.
func (t *tree) node(id uint64) *node {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.nodes[id]
}

// publish puts a node into the table; t.mu is held.
func (t *tree) publish(n *node) {
	t.last++
	n.id, n.index = t.last, -1
	t.nodes[n.id] = n
	if n.info.form == formDir {
		t.dirs++
		n.used = time.Now()
		if t.dirs > maxDirs {
			t.dropOldestDir(n)
		}
		return
	}
	t.refresh(n)
}

// refer adds a reference of the kernel; t.mu is held.
func (t *tree) refer(n *node) {
	n.lookups++
	if n.info.form == formDir {
		n.used = time.Now()
		return
	}
	t.refresh(n)
}

// refresh sets the time until which a file waits to be opened; t.mu is held.
func (t *tree) refresh(n *node) {
	n.deadline = time.Now().Add(t.opts.keep)
	if n.info.form == formTimed && !n.closed {
		n.deadline = n.made.Add(t.opts.keepTimed)
	}
	if n.opens > 0 {
		return
	}
	if n.index >= 0 {
		heap.Fix(&t.idle, n.index)
	} else {
		heap.Push(&t.idle, n)
	}
	t.arm()
}

// arm sets the timer for the file that is to be dropped first; t.mu is held.
// With none it does not run: an idle mount does nothing.
func (t *tree) arm() {
	if len(t.idle) > 0 {
		t.timer.Reset(time.Until(t.idle[0].deadline))
	}
}

// sweep drops the files whose time has come.
func (t *tree) sweep() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for now := time.Now(); len(t.idle) > 0 && !t.idle[0].deadline.After(now); {
		t.drop(t.idle[0])
	}
	t.arm()
}

// enter counts one more opening of n. It reports false where n has been dropped.
func (t *tree) enter(n *node) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n.gone {
		return false
	}
	n.opens++
	if n.index >= 0 {
		heap.Remove(&t.idle, n.index)
	}
	return true
}

// leave undoes enter.
func (t *tree) leave(n *node) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n.opens--
	if n.info.form == formTimed {
		n.closed = true
		n.deadline = time.Now().Add(t.opts.keep)
		n.p.unshare(n)
	}
	if n.opens > 0 || n.gone {
		return
	}
	if n.info.form == formDir {
		t.release(n)
		return
	}
	if n.lookups == 0 && !n.p.shares(n) {
		t.drop(n)
		return
	}
	heap.Push(&t.idle, n)
	t.arm()
}

// release drops n if nobody can come back to it; t.mu is held.
func (t *tree) release(n *node) {
	if n.lookups > 0 || n.opens > 0 || n.forever || n.gone {
		return
	}
	if n.info.form != formDir && n.p.shares(n) {
		return
	}
	t.drop(n)
}

// drop takes n out of the table and lets go of its content; t.mu is held.
func (t *tree) drop(n *node) {
	if n.index >= 0 {
		heap.Remove(&t.idle, n.index)
	}
	delete(t.nodes, n.id)
	n.gone = true
	if n.info.form == formDir {
		t.dirs--
		if n.p.dirs[n.path] == n {
			delete(n.p.dirs, n.path)
		}
		return
	}
	n.p.unshare(n)
	t.used -= n.content.cost
	n.content.free()
}

// dropOldestDir drops the directory that was not looked at for the longest
// time, except keep; t.mu is held.
func (t *tree) dropOldestDir(keep *node) {
	var oldest *node
	for _, n := range t.nodes {
		if n.info.form == formDir && n != keep && n.opens == 0 && !n.forever && (oldest == nil || n.used.Before(oldest.used)) {
			oldest = n
		}
	}
	if oldest != nil {
		t.drop(oldest)
	}
}

// reserve makes room for cost bytes of a new snapshot by dropping those that
// nobody has opened, the next to go first. It reports false where the open ones
// leave no room; one snapshot may always be there, however large.
func (t *tree) reserve(cost int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.used > 0 && t.used+cost > t.opts.memory {
		var next *node
		for _, n := range t.idle {
			if n.content.cost > 0 && (next == nil || n.deadline.Before(next.deadline)) {
				next = n
			}
		}
		if next == nil {
			return false
		}
		t.drop(next)
	}
	t.used += cost
	return true
}

// unreserve gives back what reserve gave.
func (t *tree) unreserve(cost int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.used -= cost
}

// Forget takes back references of the kernel.
func (t *tree) Forget(id, lookups uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.nodes[id]
	if n == nil {
		return
	}
	n.lookups -= min(lookups, n.lookups)
	t.release(n)
}

// idleHeap holds the files that nobody has open, the next to be dropped first.
type idleHeap []*node

func (h idleHeap) Len() int           { return len(h) }
func (h idleHeap) Less(i, j int) bool { return h[i].deadline.Before(h[j].deadline) }
func (h idleHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *idleHeap) Push(x any) {
	n := x.(*node)
	n.index = len(*h)
	*h = append(*h, n)
}

// Pop implements heap.Interface.
func (h *idleHeap) Pop() any {
	old := *h
	n := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	n.index = -1
	return n
}
