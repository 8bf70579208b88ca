//go:build linux

package main

import (
	"slices"
	"strings"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// rootQID stands for the QID of a process's own directory, which is shown
// before the process has been asked for it.
const rootQID = ^uint64(0)

// maxName is the longest name in bytes that Linux takes in a directory.
const maxName = 255

// Lookup finds a name in a directory. Of a file it takes a snapshot, unless
// there is one of the last second.
func (t *tree) Lookup(cancel <-chan struct{}, in *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	dir := t.node(in.NodeId)
	switch {
	case dir == nil:
		return eStale
	case len(name) > maxName:
		return fuse.Status(syscall.ENAMETOOLONG)
	case dir.p != nil && dir.p.dead():
		return eNotConn
	}
	var n *node
	var st fuse.Status
	if dir.p == nil {
		n, st = t.lookupProc(cancel, name)
	} else {
		n, st = dir.p.lookup(cancel, join(dir.path, name), in.Pid)
	}
	if st != fuse.OK {
		return st
	}
	out.NodeId, out.Generation = n.id, n.id
	t.describe(cancel, n, &out.Attr)
	return fuse.OK
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// OpenDir opens a directory. It is read when its lines are asked for.
func (t *tree) OpenDir(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	n := t.node(in.NodeId)
	if n == nil || !t.enter(n) {
		return eStale
	}
	out.Fh = t.addHandle(&handle{n: n})
	return fuse.OK
}

// ReadDir gives the lines of a directory from where the reader stands. At its
// start it is read anew.
func (t *tree) ReadDir(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	h := t.handle(in.Fh)
	if h == nil {
		return fuse.EBADF
	}
	if in.Offset == 0 {
		lines, st := t.readDir(cancel, h.n)
		if st != fuse.OK {
			return st
		}
		t.mu.Lock()
		h.lines = lines
		t.mu.Unlock()
	}
	t.mu.Lock()
	lines := h.lines
	t.mu.Unlock()
	for i := min(in.Offset, uint64(len(lines))); i < uint64(len(lines)); i++ {
		line := lines[i]
		line.Off = i + 1
		if !out.AddDirEntry(line) {
			break
		}
	}
	return fuse.OK
}

func (t *tree) readDir(cancel <-chan struct{}, n *node) ([]fuse.DirEntry, fuse.Status) {
	lines := []fuse.DirEntry{{Name: ".", Mode: fuse.S_IFDIR, Ino: n.ino}, {Name: "..", Mode: fuse.S_IFDIR}}
	if n.p == nil {
		procs, st := t.listProcs(cancel)
		return append(lines, procs...), st
	}
	if n.p.dead() {
		return nil, eNotConn
	}
	ctx, stop := interruptible(cancel, grace)
	defer stop()
	var entries []entry
	err := n.p.do(ctx, func(r remote) (err error) {
		entries, err = r.list(ctx, n.path)
		return err
	})
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range entries {
		line := fuse.DirEntry{Name: e.name, Mode: fuse.S_IFREG, Ino: n.p.ino(e.qid)}
		if e.form == formDir {
			line.Mode = fuse.S_IFDIR
		}
		n.p.learn(join(n.path, e.name), e.form)
		lines = append(lines, line)
	}
	return lines, errno(err)
}

func sortEntries(lines []fuse.DirEntry) {
	slices.SortFunc(lines, func(a, b fuse.DirEntry) int {
		if len(a.Name) != len(b.Name) {
			return len(a.Name) - len(b.Name) // pids by number
		}
		return strings.Compare(a.Name, b.Name)
	})
}

// ReleaseDir closes a directory.
func (t *tree) ReleaseDir(in *fuse.ReleaseIn) { t.dropHandle(in.Fh) }

// FsyncDir has nothing to do.
func (t *tree) FsyncDir(<-chan struct{}, *fuse.FsyncIn) fuse.Status { return fuse.OK }
