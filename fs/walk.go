package fs

import (
	"context"
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

	at   *place // how far the walk has come
	qids [maxWalk]qid
	done int // names walked
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
	if errno := w.start(from); errno != 0 {
		return c.replyError(f.tag(), errno)
	}
	return w.run()
}

// start checks the fids of a walk.
func (w *walking) start(from uint32) (errno linux.Errno) {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	src := c.getFid(from)
	switch {
	case src == nil:
		return linux.EBADF
	case from != w.n:
		w.fid, errno = c.reserve(w.n)
	case src.state != fidReady:
		return linux.EBUSY
	default:
		src.state = fidMoving
		w.fid = src
	}
	w.at = src.at
	return errno
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
	w := &walking{c: c, typ: msgTattach, tag: f.tag(), n: n, at: c.srv.root}
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
	return w.run()
}

// run walks as far as it can at once, and the rest, if there is one, in a
// goroutine.
func (w *walking) run() error {
	ok, err := w.steps(nil)
	if ok && w.typ == msgTwalkgetattr && err == nil && w.at.file != nil && !w.at.own {
		ok = false
	}
	if ok {
		return w.c.reply(w.reply(w.c.ctx, w.c.small(), err))
	}
	return w.c.begin(w.c.request(w.tag, w.c.srv.lim.Operation), func(ctx context.Context) []byte {
		_, err := w.steps(ctx)
		return w.reply(ctx, nil, err)
	})
}

// steps walks the names that are left. Without a context it stops, with false,
// before a name that cannot be looked up at once.
func (w *walking) steps(ctx context.Context) (bool, error) {
	for ; w.done < len(w.names); w.done++ {
		next, ok, err := w.step(ctx, w.names[w.done])
		if !ok || err != nil {
			return ok, err
		}
		w.at = next
		w.qids[w.done] = next.qid
	}
	return true, nil
}

func (w *walking) step(ctx context.Context, name string) (*place, bool, error) {
	p := w.at
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
	f, ok, err := w.c.lookup(ctx, p, name)
	if !ok || err != nil {
		return nil, ok, err
	}
	return p.below(name, f), true, nil
}

// reply ends the walk and makes its reply. A walk that fails on its way is an
// error, not a shorter walk as walk(5) has it: p9's clients take any Rwalk for
// success, and none makes more of the shorter one than a missing name, where
// the error tells what was wrong.
func (w *walking) reply(ctx context.Context, b []byte, err error) []byte {
	c := w.c
	var a []byte
	if err == nil && w.typ == msgTwalkgetattr {
		a, err = c.appendAttr(ctx, nil, w.at, nil)
	}
	c.mu.Lock()
	switch {
	case err == nil:
		w.fid.at = w.at
		w.fid.state = fidReady
	case w.fid.state == fidMoving:
		w.fid.state = fidReady
	default:
		delete(c.fids, w.n)
	}
	c.mu.Unlock()
	if err != nil {
		errno := Errno(err)
		if errno != linux.ENOENT {
			c.failed(opWalk, w.target(), err)
		}
		return appendError(b, w.tag, errno)
	}
	b = appendFrame(b, w.typ+1, w.tag)
	if w.typ == msgTattach {
		return endFrame(appendQID(b, w.at.qid), 0)
	}
	b = append(b, a...)
	b = le.AppendUint16(b, uint16(w.done))
	for _, q := range w.qids[:w.done] {
		b = appendQID(b, q)
	}
	return endFrame(b, 0)
}

// target is the path of what could not be walked to.
func (w *walking) target() string {
	if w.done == len(w.names) {
		return w.at.path()
	}
	if w.at.up == nil {
		return w.names[w.done]
	}
	return w.at.path() + "/" + w.names[w.done]
}
