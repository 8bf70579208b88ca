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
	r := c.request(tag, f.at)
	r.using = o
	if err := r.hold(count); err != nil {
		return r.refuse(opRead, f, err)
	}
	r.buf = getBuffer(rreadHead + count)
	b := *r.buf
	return begin(r, func(ctx context.Context) (int, error) {
		return f.read(ctx, o, b[rreadHead:], off)
	}, func(n int, err error) []byte {
		if err != nil {
			return f.replyRead(nil, tag, o, n, err) // work may still use b
		}
		return f.replyRead(b, tag, o, n, nil)
	}, nil)
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
	b := c.out.small[:]
	if rreadHead+count > len(b) {
		buf := getBuffer(rreadHead + count)
		defer putBuffer(buf)
		b = *buf
	}
	n, err := f.read(c.ctx, o, b[rreadHead:rreadHead+count], off)
	return c.reply(f.replyRead(b, tag, o, n, err))
}

// replyRead makes an Rread of the n bytes of data that stand in b at rreadHead.
func (f *fid) replyRead(b []byte, tag uint16, o *opened, n int, err error) []byte {
	if err != nil && !errors.Is(err, io.EOF) {
		f.c.failed(opRead, f.at.path(), err)
		return appendError(b[:0], tag, Errno(err))
	}
	if f.c.srv.auditReads && !o.audited.Swap(true) {
		f.c.audit(opRead, f.at.path(), nil, "")
	}
	head := le.AppendUint32(appendFrame(b[:0], msgTread+1, tag), uint32(n))
	return endFrame(head[:rreadHead+n], 0)
}

// read reads into p, which it may go on to use when its context has ended.
func (f *fid) read(ctx context.Context, o *opened, p []byte, off int64) (int, error) {
	if o.snap != nil {
		return o.snap.ReadAt(ctx, p, off)
	}
	n, err := o.h.ReadAt(ctx, p, off)
	switch {
	case n < 0 || n > len(p):
		return 0, nodes.Errorf(linux.EIO, "%s: a read of %d bytes gave %d", f.at.name, len(p), n)
	case err != nil && n == 0:
		return 0, err
	}
	// What is captured at the first read is held from then on.
	size, _ := o.h.Stat()
	if err := o.hold(size); err != nil {
		if f.open.CompareAndSwap(o, nil) {
			o.close()
		}
		return 0, err
	}
	return n, nil
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
	if len(body) == 16 {
		o.done()
		return c.reply(appendRwrite(c.small(), tag, 0))
	}
	r := c.request(tag, f.at)
	r.using = o
	if err := r.hold(len(body)); err != nil {
		f.auditWrite(err, string(body[16:]))
		return r.refuse(opWrite, f, err)
	}
	data := bytes.Clone(body[16:])
	return begin(r, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, f.write(ctx, o, data, off)
	}, func(_ struct{}, err error) []byte {
		f.wrote(o, data, err)
		if err != nil {
			return appendError(nil, tag, Errno(err))
		}
		return appendRwrite(nil, tag, len(data))
	}, nil)
}

func appendRwrite(b []byte, tag uint16, n int) []byte {
	return endFrame(le.AppendUint32(appendFrame(b, msgTwrite+1, tag), uint32(n)), 0)
}

// write writes all of p, whose value if it is a variable it takes note of.
func (f *fid) write(ctx context.Context, o *opened, p []byte, off int64) error {
	ctx = nodes.WithLeases(ctx, f.c.srv.leases, f.at.path())
	do := func() error {
		n, err := o.h.WriteAt(ctx, p, off)
		if err == nil && n != len(p) {
			err = nodes.Errorf(linux.EIO, "%s: took %d bytes of %d", f.at.name, n, len(p))
		}
		return err
	}
	if f.at.attr.Kind == nodes.KindVar {
		return f.c.srv.records.settings.change(ctx, f, do)
	}
	return do()
}

// wrote records a write.
func (f *fid) wrote(o *opened, p []byte, err error) {
	f.auditWrite(err, string(p))
	if err == nil {
		o.failure.Store(nil)
		return
	}
	o.failure.Store(&failure{text: err.Error() + "\n", from: -1})
	f.c.failed(opWrite, f.at.path(), err)
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
