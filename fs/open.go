package fs

import (
	"context"

	"github.com/hugelgupf/p9/linux"

	"github.com/ispyd/ispyd/nodes"
)

// lopen handles Tlopen. O_TRUNC, O_CREAT and O_APPEND mean nothing here.
func (c *conn) lopen(fr frame) error {
	asked := le.Uint32(fr.body()[4:])
	c.mu.Lock()
	f := c.getFid(fr.fid())
	errno := f.mayOpen(asked)
	if errno == 0 {
		f.state = fidOpening
		f.flags = accessModes[asked&3]
		c.nopen++
	}
	c.mu.Unlock()
	if errno != 0 {
		return c.replyError(fr.tag(), errno)
	}
	tag := fr.tag()
	if f.opensAtOnce() {
		h, err := protect(func() (handle, error) { return f.openNode(c.ctx) })
		return c.reply(f.opened(c.small(), tag, h, err))
	}
	return begin(c.request(tag, f.at), f.openNode, func(h handle, err error) []byte {
		return f.opened(nil, tag, h, err)
	}, func(h handle) { h.Close() })
}

// accessModes are the nodes' flags for O_RDONLY, O_WRONLY and O_RDWR.
var accessModes = [3]nodes.Flags{nodes.Read, nodes.Write, nodes.Read | nodes.Write}

func (f *fid) mayOpen(asked uint32) linux.Errno {
	const directory = 0o200000 // O_DIRECTORY
	switch mode := asked & 3; {
	case f == nil:
		return linux.EBADF
	case f.state == fidOpen || mode == 3:
		return linux.EINVAL
	case f.state != fidReady:
		return linux.EBUSY
	case f.at.dir != nil && mode != 0:
		return linux.EISDIR
	case f.at.dir == nil && asked&directory != 0:
		return linux.ENOTDIR
	}
	return 0
}

// opensAtOnce reports whether opening is no more than making a handle. A
// directory is listed when it is first read.
func (f *fid) opensAtOnce() bool {
	if !f.at.own {
		return f.at.dir != nil
	}
	switch f.at.attr.Kind {
	case nodes.KindStatic, nodes.KindStream, nodes.KindCtl:
		return true
	}
	return false
}

// handle is a Handle, and the size in bytes of what it reads. That of a
// directory is none.
type handle struct {
	nodes.Handle
	size int64
}

// openNode opens the node, if that is allowed and there is room.
func (f *fid) openNode(ctx context.Context) (handle, error) {
	if f.at.dir != nil {
		return handle{}, nil
	}
	if f.flags&nodes.Write != 0 {
		if err := f.c.refusesWrites(); err != nil {
			if f.at.attr.Mode&0o222 == 0 {
				return handle{}, nodes.Errorf(nodes.ErrReadOnly, "%s is read only", f.at.name)
			}
			return handle{}, err
		}
	}
	if err := f.c.srv.held.check(); err != nil {
		return handle{}, err
	}
	h, err := f.at.file.Open(ctx, f.flags)
	if err != nil {
		return handle{}, err
	}
	if h == nil {
		return handle{}, nodes.Errorf(linux.EIO, "%s: opened, but to nothing", f.at.name)
	}
	size, err := protect(func() (int64, error) {
		size, _ := h.Stat()
		return size, nil
	})
	if err != nil {
		h.Close()
		return handle{}, err
	}
	return handle{h, size}, nil
}

// opened ends an open, and makes its reply.
func (f *fid) opened(b []byte, tag uint16, h handle, err error) []byte {
	c := f.c
	if err == nil && h.Handle != nil {
		err = f.keep(h)
	}
	c.mu.Lock()
	// The client may have clunked the fid meanwhile.
	if !f.closed.Load() {
		f.state = fidOpen
		if err != nil {
			f.state = fidReady
			c.nopen--
		}
	}
	c.mu.Unlock()
	if err != nil {
		path := f.at.path()
		c.failed(opOpen, path, err)
		if f.flags&nodes.Write != 0 {
			c.audit(opOpen, path, err, err.Error())
		}
		return appendError(b, tag, Errno(err))
	}
	b = appendFrame(b, msgTlopen+1, tag)
	b = appendQID(b, f.at.qid)
	return endFrame(le.AppendUint32(b, c.iounit(h.Handle)), 0)
}

// iounit is how much one read of h surely gets, if that is there: a client then
// knows a short read for the end. 0 leaves that open.
func (c *conn) iounit(h nodes.Handle) uint32 {
	if _, ok := h.(*nodes.Snapshot); !ok {
		return 0
	}
	return c.msize - ioHeader
}

// keep makes h what the fid is open for.
func (f *fid) keep(h handle) error {
	o := &opened{srv: f.c.srv, h: h.Handle, kind: f.at.attr.Kind, own: f.at.own}
	o.snap, _ = o.h.(*nodes.Snapshot)
	if err := o.hold(h.size); err != nil {
		o.close()
		return err
	}
	f.open.Store(o)
	if f.closed.Load() && f.open.CompareAndSwap(o, nil) {
		o.close()
	}
	return nil
}
