package fs

import (
	"sync/atomic"

	"github.com/hugelgupf/p9/linux"

	"github.com/ispyd/ispyd/nodes"
)

// fid is a file as a client holds it: a place, and what it is open for. conn.mu
// guards at, state and flags; at and flags do not change while it is open.
type fid struct {
	c     *conn
	at    *place
	state fidState
	flags nodes.Flags // what it is open for

	open   atomic.Pointer[opened] // the open file
	list   listing                // of an open directory
	closed atomic.Bool            // the client has given it up
}

type fidState uint8

const (
	fidReserved fidState = iota // a walk or attach to it is in flight: it does not exist yet
	fidReady                    // can be walked from, and opened
	fidMoving                   // is walked to its own new place
	fidOpening                  // an open is in flight
	fidOpen
)

// getFid returns a fid that exists, or nil. This and what follows want c.mu.
func (c *conn) getFid(n uint32) *fid {
	f := c.fids[n]
	if f == nil || f.state == fidReserved {
		return nil
	}
	return f
}

// reserve makes a place for what will be walked or attached to.
func (c *conn) reserve(n uint32) (*fid, linux.Errno) {
	if n == noFid || c.fids[n] != nil {
		return nil, linux.EBADF
	}
	if len(c.fids) >= c.srv.lim.Fids {
		return nil, linux.EMFILE
	}
	f := &fid{c: c}
	c.fids[n] = f
	return f, 0
}

// close lets go of what the fid holds. Whatever still runs for it does so too
// when it ends.
func (f *fid) close() {
	f.closed.Store(true)
	if o := f.open.Swap(nil); o != nil {
		o.close()
	}
	f.list.drop(f.c.srv)
}

// clunk handles Tclunk and Tremove. The tree cannot be changed, but the fid of
// a Tremove is gone in any case, says remove(5).
func (c *conn) clunk(fr frame) error {
	c.mu.Lock()
	f := c.getFid(fr.fid())
	switch {
	case f == nil:
		c.mu.Unlock()
		return c.replyError(fr.tag(), linux.EBADF)
	case f.state == fidMoving:
		c.mu.Unlock()
		return c.replyError(fr.tag(), linux.EBUSY)
	case f.state >= fidOpening:
		c.nopen--
	}
	delete(c.fids, fr.fid())
	c.mu.Unlock()
	f.close()
	if fr.typ() == msgTremove {
		return c.replyError(fr.tag(), linux.EPERM)
	}
	return c.reply(endFrame(appendFrame(c.small(), msgTclunk+1, fr.tag()), 0))
}
