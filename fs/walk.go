package fs

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/hugelgupf/p9/linux"

	"github.com/ispyd/ispyd/nodes"
)

// Bounds of a walk.
const (
	maxWalk = 16  // names in one Twalk, says walk(5)
	maxName = 255 // bytes in one name, as everywhere on Linux
	// maxDepth is the number of directories that can be walked down. No
	// tree needs as many; one that has no bottom must not fill the memory.
	maxDepth = 128
)

// walking is one Twalk, Twalkgetattr or Tattach.
type walking struct {
	c     *conn
	typ   byte
	tag   uint16
	names []string
	fid   *fid   // what is walked to
	n     uint32 // its number
}

// way is how far a walk has come.
type way struct {
	at   *place
	qids [maxWalk]qid
	done int        // names walked
	attr nodes.Attr // of at, where that is asked for
}

func (c *conn) walk(f frame) error {
	w := &walking{c: c, typ: f.typ(), tag: f.tag()}
	b := fields{b: f.body()}
	from := b.uint32()
	w.n = b.uint32()
	count := int(b.uint16())
	if count > maxWalk {
		return c.replyError(f.tag(), linux.EINVAL)
	}
	if count > 0 {
		w.names = make([]string, count)
	}
	for i := range w.names {
		w.names[i] = b.string()
	}
	if !b.end() {
		return violation("malformed Twalk")
	}
	at, errno := w.start(from)
	if errno != 0 {
		return c.replyError(f.tag(), errno)
	}
	return w.run(at)
}

// start checks the fids of a walk, and returns where it begins.
func (w *walking) start(from uint32) (at *place, errno linux.Errno) {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	src := c.getFid(from)
	switch {
	case src == nil:
		return nil, linux.EBADF
	case from != w.n:
		w.fid, errno = c.reserve(w.n)
	case src.state != fidReady:
		return nil, linux.EBUSY
	default:
		src.state = fidMoving
		w.fid = src
	}
	return src.at, errno
}

// attach is a walk from the root. The aname is a path from there; who asks is
// known from the socket, not from what he says.
func (c *conn) attach(f frame) error {
	b := fields{b: f.body()}
	n, afid := b.uint32(), b.uint32()
	b.string() // uname
	aname := b.string()
	if len(b.b) > 0 {
		b.uint32() // n_uname, which 9P2000 does not have
	}
	if !b.end() {
		return violation("malformed Tattach")
	}
	w := &walking{c: c, typ: msgTattach, tag: f.tag(), n: n}
	for name := range strings.SplitSeq(aname, "/") {
		if name != "" && len(w.names) < maxWalk+1 {
			w.names = append(w.names, name)
		}
	}
	if afid != noFid {
		return c.replyError(f.tag(), linux.EINVAL)
	}
	if len(w.names) > maxWalk {
		return c.replyError(f.tag(), linux.ENAMETOOLONG)
	}
	c.mu.Lock()
	var errno linux.Errno
	w.fid, errno = c.reserve(n)
	c.mu.Unlock()
	if errno != 0 {
		return c.replyError(f.tag(), errno)
	}
	return w.run(c.srv.root)
}

// run walks as far as it can from memory, and begins the rest, if there is one.
func (w *walking) run(at *place) error {
	c := w.c
	got := way{at: at}
	ok, err := w.steps(c.ctx, &got, true)
	if ok && err == nil && w.typ == msgTwalkgetattr {
		if ok = got.at.dir != nil || got.at.own; ok {
			got.attr, err = got.at.current(nil)
		}
	}
	if ok {
		return c.reply(w.reply(c.small(), got, err))
	}
	r := c.request(w.tag, got.at)
	if got.done < len(w.names) {
		r.name = w.names[got.done]
	}
	return begin(r, func(ctx context.Context) (way, error) {
		got := got
		_, err := w.steps(ctx, &got, false)
		if err == nil && w.typ == msgTwalkgetattr {
			got.attr, err = got.at.current(nil)
		}
		return got, err
	}, func(far way, err error) []byte {
		if far.at == nil {
			far = got // it was left behind
		}
		return w.reply(nil, far, err)
	}, nil)
}

// steps walks the names that are left. If that is to be done in memory it stops,
// with false, before a name that cannot be looked up there.
func (w *walking) steps(ctx context.Context, got *way, inMemory bool) (bool, error) {
	for ; got.done < len(w.names); got.done++ {
		next, ok, err := w.step(ctx, got.at, w.names[got.done], inMemory)
		if !ok || err != nil {
			return ok, err
		}
		got.at = next
		got.qids[got.done] = next.qid
	}
	return true, nil
}

func (w *walking) step(ctx context.Context, p *place, name string, inMemory bool) (*place, bool, error) {
	switch {
	case p.dir == nil:
		return nil, true, nodes.Errorf(linux.ENOTDIR, "%s is a file", p.name)
	case name == ".":
		return p, true, nil
	case name == "..":
		if p.up == nil {
			return p, true, nil
		}
		return p.up, true, nil
	case len(name) > maxName:
		return nil, true, nodes.Errorf(linux.ENAMETOOLONG, "a name of %d bytes", len(name))
	case !nodes.ValidName(name):
		return nil, true, fs.ErrNotExist
	case p.depth == maxDepth:
		return nil, true, nodes.Errorf(linux.ENAMETOOLONG, "more than %d directories deep", maxDepth)
	}
	f, ok, err := lookup(ctx, p, name, inMemory)
	if !ok || err != nil {
		return nil, ok, err
	}
	return p.below(name, f), true, nil
}

// reply ends the walk and makes its reply. A walk that fails on its way is an
// error, not a shorter walk as walk(5) has it: p9's clients take any Rwalk for
// success, and none makes more of the shorter one than a missing name, where
// the error tells what was wrong.
func (w *walking) reply(b []byte, got way, err error) []byte {
	c := w.c
	c.mu.Lock()
	switch {
	case err == nil:
		w.fid.at = got.at
		w.fid.state = fidReady
	case w.fid.state == fidMoving:
		w.fid.state = fidReady
	default:
		delete(c.fids, w.n)
	}
	c.mu.Unlock()
	if err != nil {
		errno := Errno(err)
		if errno != linux.ENOENT || errors.Is(err, nodes.ErrMisnamed) {
			c.failed(opWalk, w.target(got), err)
		}
		return appendError(b, w.tag, errno)
	}
	b = appendFrame(b, w.typ+1, w.tag)
	switch w.typ {
	case msgTattach:
		return endFrame(appendQID(b, got.at.qid), 0)
	case msgTwalkgetattr:
		b = c.appendAttr(le.AppendUint64(b, validAttr), got.at, got.attr)
	}
	b = le.AppendUint16(b, uint16(got.done))
	for _, q := range got.qids[:got.done] {
		b = appendQID(b, q)
	}
	return endFrame(b, 0)
}

// target is the path of what could not be walked to.
func (w *walking) target(got way) string {
	switch {
	case got.done == len(w.names):
		return got.at.path()
	case got.at.up == nil:
		return w.names[got.done]
	}
	return got.at.path() + "/" + w.names[got.done]
}
