package fs

import (
	"fmt"

	"github.com/hugelgupf/p9/linux"
)

// dispatch handles one request. An error ends the connection.
func (c *conn) dispatch(f frame) error {
	shape := shapes[f.typ()]
	if shape == nil {
		if f.typ()%2 == 1 {
			return violation(fmt.Sprintf("message type %d is not a request", f.typ()))
		}
		return c.replyError(f.tag(), linux.EOPNOTSUPP)
	}
	if n := len(f.body()); n < shape.min || shape.exact && n > shape.min {
		return violation(fmt.Sprintf("a message of type %d has %d bytes", f.typ(), len(f)))
	}
	switch f.typ() {
	case msgTversion:
		// It would mean to forget all fids and requests: no client does so.
		return violation("a second Tversion")
	case msgTflush:
		return c.flush(f)
	case msgTattach:
		return c.attach(f)
	case msgTwalk, msgTwalkgetattr:
		return c.walk(f)
	case msgTlopen:
		return c.lopen(f)
	case msgTread:
		return c.tread(f)
	case msgTwrite:
		return c.twrite(f)
	case msgTreaddir:
		return c.readdir(f)
	case msgTgetattr:
		return c.getattr(f)
	case msgTclunk, msgTremove:
		return c.clunk(f)
	case msgTauth:
		// There is nothing to authenticate with: the kernel tells who the
		// peer is. diod's tools take error 0, and no other, to say so.
		return c.replyError(f.tag(), 0)
	}
	return c.simple(f)
}

// simple answers requests that are the same for every file, or that no file
// grants.
func (c *conn) simple(f frame) error {
	c.mu.Lock()
	fid := c.getFid(f.fid())
	var at *place
	if fid != nil {
		at = fid.at
	}
	c.mu.Unlock()
	if fid == nil {
		return c.replyError(f.tag(), linux.EBADF)
	}
	r := appendFrame(c.small(), f.typ()+1, f.tag())
	switch f.typ() {
	case msgTfsync:
	case msgTsetattr:
		if errno := c.setattr(at, f.body()); errno != 0 {
			return c.replyError(f.tag(), errno)
		}
	case msgTstatfs:
		r = appendStatfs(r)
	case msgTlock:
		r = append(r, 0) // P9_LOCK_SUCCESS
	case msgTgetlock:
		// Nobody holds a lock: what was asked for, as F_UNLCK.
		b := fields{b: f.body()[5+8+8+4:]}
		if b.string(); !b.end() {
			return violation("malformed Tgetlock")
		}
		r = append(append(r, 2), f.body()[5:]...)
	case msgTreadlink:
		return c.replyError(f.tag(), linux.EINVAL)
	case msgTxattrwalk, msgTxattrcreate:
		// Not EINVAL: cp and ls would report it.
		return c.replyError(f.tag(), linux.EOPNOTSUPP)
	default:
		// Creating, linking, renaming, removing. Linux asks for a Tlcreate
		// only where no such name exists: what exists it opens.
		return c.replyError(f.tag(), linux.EPERM)
	}
	return c.reply(endFrame(r, 0))
}

// setattr accepts what a shell's redirection and touch(1) do, without doing
// anything: a ctl has no size that could be changed. All else is refused.
func (c *conn) setattr(at *place, body []byte) linux.Errno {
	const (
		mode = 1 << iota
		uid
		gid
		size
	)
	valid := le.Uint32(body[4:])
	switch {
	case valid&(mode|uid|gid) != 0:
		return linux.EPERM
	case valid&size == 0:
		return 0
	case at.dir != nil:
		return linux.EISDIR
	case at.attr.Mode&0o222 == 0 || c.refusesWrites() != nil:
		return linux.EACCES
	}
	return 0
}

// appendStatfs describes a file system that takes no room, as /proc does.
func appendStatfs(b []byte) []byte {
	const v9fsMagic = 0x01021997
	b = le.AppendUint32(b, v9fsMagic)
	b = le.AppendUint32(b, blockSize)
	for range 6 { // blocks, free, available; files, free; id
		b = le.AppendUint64(b, 0)
	}
	return le.AppendUint32(b, maxName)
}
