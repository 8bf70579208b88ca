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
	reply := func(ctx context.Context, b []byte) []byte {
		b, err := c.appendGetattr(ctx, b, tag, at, o)
		if err != nil {
			c.failed(opWalk, at.path(), err)
			return appendError(b[:0], tag, Errno(err))
		}
		return b
	}
	if at.dir != nil || at.own {
		return c.reply(reply(c.ctx, c.small()))
	}
	return c.begin(c.request(tag, c.srv.lim.Operation), func(ctx context.Context) []byte { return reply(ctx, nil) })
}

func (c *conn) appendGetattr(ctx context.Context, b []byte, tag uint16, at *place, o *opened) ([]byte, error) {
	b = appendFrame(b, msgTgetattr+1, tag)
	a, err := c.appendAttr(ctx, make([]byte, 0, 160), at, o)
	if err != nil {
		return b, err
	}
	b = append(b, a[:8]...) // the QID comes behind the mask
	b = appendQID(b, at.qid)
	return endFrame(append(b, a[8:]...), 0), nil
}

// appendAttr appends valid[8] and what follows of attributes in Rgetattr and
// Rwalkgetattr. The size of a file that is open is that of what it reads; before,
// it is known only of those that need no rendering.
func (c *conn) appendAttr(ctx context.Context, b []byte, at *place, o *opened) ([]byte, error) {
	const basic = 0x7ff // mode, nlink, uid, gid, rdev, times, ino, size, blocks
	const isDir, isFile = 0o040000, 0o100000
	mode, nlink, size := uint32(isDir|0o555), uint64(2), uint64(0)
	// What is rendered anew at each look has changed at each look: programs
	// that compare size and time must not think otherwise.
	mtime := time.Now()
	if at.file != nil {
		a, err := c.current(ctx, at, o)
		if err != nil {
			return b, err
		}
		perm := a.Mode.Perm()
		if c.refusesWrites() != nil {
			perm &^= 0o222
		}
		mode, nlink, size = isFile|uint32(perm), 1, uint64(max(a.Size, 0))
		if !a.ModTime.IsZero() {
			mtime = a.ModTime
		}
	}
	b = le.AppendUint64(b, basic)
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
	return b, nil
}

// current is a file's Attr as it is now, with size and time of the handle if it
// is open.
func (c *conn) current(ctx context.Context, at *place, o *opened) (nodes.Attr, error) {
	get := func(context.Context) (nodes.Attr, error) {
		a := at.file.Attr()
		if o != nil && o.use() {
			defer o.done()
			a.Size, a.ModTime = o.h.Stat()
		}
		return a, nil
	}
	if at.own {
		return get(ctx)
	}
	return detach(ctx, c.srv, at.name, get, nil)
}
