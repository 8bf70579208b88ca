//go:build linux

package main

import (
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// blockSize is the preferred size of reads in bytes that stat tells.
const blockSize = 4096

// describe fills in the attributes of n. The timeouts beside them stay zero:
// the kernel asks each time.
func (t *tree) describe(cancel <-chan struct{}, n *node, out *fuse.Attr) {
	size, mtime := n.content.size, n.content.mtime
	if n.info.form == formStream && n.content.file != nil {
		size, mtime = t.streamSize(cancel, n)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	own := t.opts.owner
	mode := uint32(fuse.S_IFREG)
	if n.info.form == formDir {
		mode, size, mtime = fuse.S_IFDIR, 0, n.moved
	}
	if n.p == nil {
		mtime = t.changed
	} else {
		own = n.p.owner
	}
	*out = fuse.Attr{
		Ino:     n.ino,
		Size:    uint64(size),
		Blocks:  uint64(size+511) / 512,
		Mode:    mode | n.info.perm,
		Nlink:   1, // of a directory: it is not told how many there are in it
		Owner:   fuse.Owner{Uid: own.uid, Gid: own.gid},
		Blksize: blockSize,
	}
	if !mtime.IsZero() {
		out.SetTimes(&mtime, &mtime, &mtime)
	}
}

// streamSize returns how far a stream has grown, as its node's first reader
// counts; where the process does not answer, how far it had.
func (t *tree) streamSize(cancel <-chan struct{}, n *node) (size int64, mtime time.Time) {
	ctx, stop := interruptible(cancel, grace)
	defer stop()
	var in info
	err := n.p.do(ctx, func(remote) (err error) {
		in, err = n.content.file.stat(ctx)
		return err
	})
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		n.grown, n.moved = in.size, in.mtime
	}
	return n.grown, n.moved
}

// GetAttr describes a node again.
func (t *tree) GetAttr(cancel <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	n := t.node(in.NodeId)
	switch {
	case n == nil:
		return eStale
	case n.p != nil && n.p.dead():
		return eNotConn
	}
	t.describe(cancel, n, &out.Attr)
	return fuse.OK
}

// SetAttr takes what redirection and touch do to a file that can be written:
// echo x > ctl empties it first. There is nothing to empty, and no time to set.
func (t *tree) SetAttr(cancel <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	const times = fuse.FATTR_ATIME | fuse.FATTR_MTIME | fuse.FATTR_CTIME | fuse.FATTR_ATIME_NOW | fuse.FATTR_MTIME_NOW
	n := t.node(in.NodeId)
	size, truncate := in.GetSize()
	switch {
	case n == nil:
		return eStale
	case n.p != nil && n.p.dead():
		return eNotConn
	case in.Valid&(fuse.FATTR_MODE|fuse.FATTR_UID|fuse.FATTR_GID) != 0:
		return fuse.EPERM
	case n.info.form == formDir:
		return fuse.EPERM
	case n.info.perm&0o222 == 0 && truncate:
		return fuse.EACCES
	case n.info.perm&0o222 == 0 && in.Valid&times != 0:
		return fuse.EPERM
	case truncate && size != 0:
		return fuse.EINVAL
	}
	t.describe(cancel, n, &out.Attr)
	return fuse.OK
}

// Access answers access(2) by what a file can do at all: everybody who gets
// here is its owner, or root, who cannot write what is only shown either.
// With -allow-other the kernel decides and does not ask.
func (t *tree) Access(_ <-chan struct{}, in *fuse.AccessIn) fuse.Status {
	n := t.node(in.NodeId)
	switch {
	case n == nil:
		return eStale
	case n.p != nil && n.p.dead():
		return eNotConn
	case in.Mask&fuse.W_OK != 0 && n.info.perm&0o222 == 0,
		in.Mask&fuse.R_OK != 0 && n.info.perm&0o444 == 0,
		in.Mask&fuse.X_OK != 0 && n.info.perm&0o111 == 0:
		return fuse.EACCES
	}
	return fuse.OK
}

// StatFs answers df: there are no blocks to fill.
func (t *tree) StatFs(_ <-chan struct{}, _ *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	*out = fuse.StatfsOut{Bsize: blockSize, Frsize: blockSize, NameLen: maxName}
	return fuse.OK
}

// GetXAttr and ListXAttr: ENOSYS tells the kernel not to ask again, and the
// one who asked that it is not supported.

// GetXAttr reads an extended attribute.
func (t *tree) GetXAttr(<-chan struct{}, *fuse.InHeader, string, []byte) (uint32, fuse.Status) {
	return 0, fuse.ENOSYS
}

// ListXAttr lists extended attributes.
func (t *tree) ListXAttr(<-chan struct{}, *fuse.InHeader, []byte) (uint32, fuse.Status) {
	return 0, fuse.ENOSYS
}
