package fs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/hugelgupf/p9/linux"

	"github.com/ispyd/ispyd/nodes"
)

// lastOffset is where offsets end: what comes from beyond is taken down to it,
// where no file has anything. The room above it lets nodes add to an offset.
const lastOffset = 1 << 62

// openFor checks a Tread or Twrite and returns what it is about, kept open until
// done.
func (c *conn) openFor(fr frame, need nodes.Flags) (*fid, *opened, linux.Errno) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.getFid(fr.fid())
	switch {
	case f == nil:
		return nil, nil, linux.EBADF
	case f.at.dir != nil:
		return nil, nil, linux.EISDIR
	case f.state != fidOpen || f.flags&need == 0:
		return nil, nil, linux.EBADF
	}
	o := f.open.Load()
	if o == nil || !o.use() {
		return nil, nil, linux.EBADF
	}
	return f, o, 0
}

// tread handles Tread. What is in memory is answered at once.
func (c *conn) tread(fr frame) error {
	f, o, errno := c.openFor(fr, nodes.Read)
	if errno != 0 {
		return c.replyError(fr.tag(), errno)
	}
	tag, body := fr.tag(), fr.body()
	off := int64(min(le.Uint64(body[4:]), lastOffset))
	count := int(min(le.Uint32(body[12:]), c.msize-ioHeader))
	if e := o.failure.Load(); e != nil || count == 0 {
		defer o.done()
		data := e.at(off)
		data = data[:min(len(data), count)]
		b := le.AppendUint32(appendFrame(c.small(), msgTread+1, tag), uint32(len(data)))
		return c.reply(endFrame(append(b, data...), 0))
	}
	if o.inMemory() {
		defer o.done()
		return c.readNow(f, o, tag, off, count)
	}
	r := c.request(tag, f.limit())
	r.using = o
	if err := r.hold(count); err != nil {
		return r.refuse(opRead, f, err)
	}
	return c.begin(r, func(ctx context.Context) []byte {
		r.buf = getBuffer(rreadHead + count)
		return f.replyRead(ctx, o, (*r.buf)[:0], tag, off, count)
	})
}

// hold counts n bytes that the request needs while it is in flight.
func (r *request) hold(n int) error {
	if err := r.c.srv.held.take(nil, int64(n)); err != nil {
		return err
	}
	r.held = int64(n)
	return nil
}

// refuse answers a request that is not begun.
func (r *request) refuse(op string, f *fid, err error) error {
	r.release()
	r.c.failed(op, f.at.path(), err)
	return r.c.replyError(r.tag, Errno(err))
}

// rreadHead is the size of an Rread before its data.
const rreadHead = headerSize + 4

func (c *conn) readNow(f *fid, o *opened, tag uint16, off int64, count int) error {
	if o.snap != nil {
		// Most files are much smaller than what is asked for.
		size, _ := o.snap.Stat()
		count = int(min(int64(count), max(0, size-off)))
	}
	if rreadHead+count <= smallReply {
		return c.reply(f.replyRead(c.ctx, o, c.small(), tag, off, count))
	}
	buf := getBuffer(rreadHead + count)
	defer putBuffer(buf)
	return c.reply(f.replyRead(c.ctx, o, (*buf)[:0], tag, off, count))
}

// replyRead reads and makes the reply in b, which has room for it.
func (f *fid) replyRead(ctx context.Context, o *opened, b []byte, tag uint16, off int64, count int) []byte {
	n, err := f.read(ctx, o, b[rreadHead:rreadHead+count], off)
	if err != nil && !errors.Is(err, io.EOF) {
		f.c.failed(opRead, f.at.path(), err)
		return appendError(b, tag, Errno(err))
	}
	if f.c.srv.auditReads && !o.audited.Swap(true) {
		f.c.audit(opRead, f.at.path(), nil, "")
	}
	b = appendFrame(b, msgTread+1, tag)
	b = le.AppendUint32(b, uint32(n))
	return endFrame(b[:rreadHead+n], 0)
}

func (f *fid) read(ctx context.Context, o *opened, p []byte, off int64) (int, error) {
	if o.snap != nil {
		return o.snap.ReadAt(ctx, p, off)
	}
	var d done
	var err error
	if o.own {
		d, err = protect(func() (done, error) { return readHandle(ctx, o.h, p, off) })
	} else {
		d, err = f.readDetached(ctx, o, p, off)
	}
	if err != nil {
		return 0, err
	}
	// What is captured at the first read is held from then on.
	if err := o.hold(d.size); err != nil {
		if f.open.CompareAndSwap(o, nil) {
			o.close()
		}
		return 0, err
	}
	return d.n, nil
}

// done is what a read has done.
type done struct {
	n    int
	data []byte // where it was read to, if that is a buffer of its own
	size int64  // of the whole, as it is now
}

func readHandle(ctx context.Context, h nodes.Handle, p []byte, off int64) (done, error) {
	n, err := h.ReadAt(ctx, p, off)
	switch {
	case n < 0 || n > len(p):
		return done{}, nodes.Errorf(linux.EIO, "a read of %d bytes gave %d", len(p), n)
	case err != nil && n == 0:
		return done{}, err
	}
	size, _ := h.Stat()
	return done{n: n, size: size}, nil
}

// readDetached reads into a buffer of its own: p is used for other replies when
// this request has been given up.
func (f *fid) readDetached(ctx context.Context, o *opened, p []byte, off int64) (done, error) {
	d, err := detach(ctx, f.c.srv, f.at.name, func(ctx context.Context) (done, error) {
		if !o.use() {
			return done{}, linux.EBADF
		}
		defer o.done()
		b := make([]byte, len(p))
		d, err := readHandle(ctx, o.h, b, off)
		d.data = b[:d.n]
		return d, err
	}, nil)
	copy(p, d.data)
	return d, err
}

// twrite handles Twrite.
func (c *conn) twrite(fr frame) error {
	tag, body := fr.tag(), fr.body()
	f, o, errno := c.openFor(fr, nodes.Write)
	if errno != 0 {
		return c.replyError(tag, errno)
	}
	off := int64(min(le.Uint64(body[4:]), lastOffset))
	if int(le.Uint32(body[12:])) != len(body)-16 {
		o.done()
		return c.replyError(tag, linux.EINVAL)
	}
	r := c.request(tag, f.limit())
	r.using = o
	if err := r.hold(len(body)); err != nil {
		return r.refuse(opWrite, f, err)
	}
	data := bytes.Clone(body[16:])
	return c.begin(r, func(ctx context.Context) []byte {
		if err := f.write(ctx, o, data, off); err != nil {
			return appendError(nil, tag, Errno(err))
		}
		b := appendFrame(nil, msgTwrite+1, tag)
		return endFrame(le.AppendUint32(b, uint32(len(data))), 0)
	})
}

// write writes all of p, and records it.
func (f *fid) write(ctx context.Context, o *opened, p []byte, off int64) error {
	if len(p) == 0 {
		return nil
	}
	var err error
	if f.at.attr.Kind == nodes.KindVar {
		err = f.c.srv.records.settings.change(ctx, f, func() error { return f.writeNode(ctx, o, p, off) })
	} else {
		err = f.writeNode(ctx, o, p, off)
	}
	path := f.at.path()
	f.c.audit(opWrite, path, err, string(p[:min(len(p), maxText+1)]))
	if err != nil {
		o.failure.Store(&failure{text: err.Error() + "\n", from: -1})
		f.c.failed(opWrite, path, err)
		return err
	}
	o.failure.Store(nil)
	return nil
}

func (f *fid) writeNode(ctx context.Context, o *opened, p []byte, off int64) error {
	var n int
	var err error
	if o.own {
		n, err = protect(func() (int, error) { return o.h.WriteAt(ctx, p, off) })
	} else {
		n, err = detach(ctx, f.c.srv, f.at.name, func(ctx context.Context) (int, error) {
			if !o.use() {
				return 0, linux.EBADF
			}
			defer o.done()
			return o.h.WriteAt(ctx, p, off)
		}, nil)
	}
	if err == nil && n != len(p) {
		err = nodes.Errorf(linux.EIO, "%s: took %d bytes of %d", f.at.name, n, len(p))
	}
	return err
}

// failure is what reading shows after a write that failed: the text of its
// error, from wherever the reader stands.
type failure struct {
	text string
	mu   sync.Mutex
	from int64 // the offset at which reading of it began, -1 before
}

// at returns what stands at off; nothing where there is no failure.
func (e *failure) at(off int64) string {
	if e == nil {
		return ""
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.from < 0 || off < e.from {
		e.from = off
	}
	return e.text[min(off-e.from, int64(len(e.text))):]
}
