package fs

import (
	"context"
	"time"

	"github.com/hugelgupf/p9/linux"

	"github.com/ispyd/ispyd/nodes"
)

const blockSize = 4096

// getattr handles Tgetattr. It tells all that stat(2) shows, whatever is asked
// for.
func (c *conn) getattr(f frame) error {
	c.mu.Lock()
	fid := c.getFid(f.fid())
	if fid == nil {
		c.mu.Unlock()
		return c.replyError(f.tag(), linux.EBADF)
	}
	at := fid.at
	c.mu.Unlock()
	o := fid.open.Load()
	tag := f.tag()
	if at.dir != nil || at.own {
		a, err := at.current(o)
		return c.reply(c.getattrReply(c.small(), tag, at, a, err))
	}
	return begin(c.request(tag, at), func(context.Context) (nodes.Attr, error) {
		return at.current(o)
	}, func(a nodes.Attr, err error) []byte {
		return c.getattrReply(nil, tag, at, a, err)
	}, nil)
}

func (c *conn) getattrReply(b []byte, tag uint16, at *place, a nodes.Attr, err error) []byte {
	if err != nil {
		c.failed(opWalk, at.path(), err)
		return appendError(b, tag, Errno(err))
	}
	b = le.AppendUint64(appendFrame(b, msgTgetattr+1, tag), validAttr)
	return endFrame(c.appendAttr(appendQID(b, at.qid), at, a), 0)
}

// validAttr says which attributes are told: mode, nlink, uid, gid, rdev, atime,
// mtime, ctime, ino, size, blocks.
const validAttr = 0x7ff

// appendAttr appends the attributes of Rgetattr and Rwalkgetattr. The size of a
// file that is open is that of what it reads; before, it is known only of those that
// need no rendering.
func (c *conn) appendAttr(b []byte, at *place, a nodes.Attr) []byte {
	const isDir, isFile = 0o040000, 0o100000
	mode, nlink, size := uint32(isDir|0o555), uint64(2), uint64(0)
	if at.file != nil {
		perm := a.Mode.Perm()
		if c.refusesWrites() != nil {
			perm &^= 0o222
		}
		mode, nlink, size = isFile|uint32(perm), 1, uint64(max(a.Size, 0))
	}
	// What is rendered anew at each look has changed at each look: programs
	// that compare size and time must not think otherwise.
	mtime := a.ModTime
	switch {
	case at.dir != nil:
		mtime = c.srv.started
	case mtime.IsZero():
		mtime = time.Now()
	}
	b = le.AppendUint32(b, mode)
	b = le.AppendUint32(b, c.srv.uid)
	b = le.AppendUint32(b, c.srv.gid)
	for _, v := range [...]uint64{nlink, 0, size, blockSize, (size + 511) / 512} {
		b = le.AppendUint64(b, v)
	}
	for range 3 { // atime, mtime, ctime
		b = le.AppendUint64(b, uint64(mtime.Unix()))
		b = le.AppendUint64(b, uint64(mtime.Nanosecond()))
	}
	for range 4 { // btime, gen, data version: not told
		b = le.AppendUint64(b, 0)
	}
	return b
}

// current is a file's Attr as it is now, with size and time of the handle if it
// is open. Of a directory it is nothing.
func (p *place) current(o *opened) (nodes.Attr, error) {
	if p.dir != nil {
		return nodes.Attr{}, nil
	}
	return protect(func() (nodes.Attr, error) {
		a := p.file.Attr()
		if o != nil && o.use() {
			defer o.done()
			a.Size, a.ModTime = o.h.Stat()
		}
		return a, nil
	})
}
