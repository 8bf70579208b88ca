package fs

import (
	"context"
	"math"
	"sync"

	"github.com/hugelgupf/p9/linux"

	"github.com/ispyd/ispyd/nodes"
)

// The types of directory entries, as getdents(2) has them; they are not those
// of QIDs.
const (
	dtDir = 4
	dtReg = 8
)

// dirent is an entry of a directory.
type dirent struct {
	qid  qid
	name string
}

// size is that on the wire: qid[13] offset[8] type[1] name[s].
func (d *dirent) size() int { return 13 + 8 + 1 + 2 + len(d.name) }

// listing is what an open directory shows: the list as it was when the client
// last began to read it, so that it does not tear.
type listing struct {
	mu      sync.Mutex
	taken   bool
	entries []dirent
	held    int64
}

// readdir handles Treaddir. The offset is the number of entries that the client
// has read.
func (c *conn) readdir(fr frame) error {
	tag, body := fr.tag(), fr.body()
	c.mu.Lock()
	f := c.getFid(fr.fid())
	errno := f.mayList()
	c.mu.Unlock()
	if errno != 0 {
		return c.replyError(tag, errno)
	}
	off := int(min(le.Uint64(body[4:]), math.MaxInt32))
	count := int(min(le.Uint32(body[12:]), c.msize-ioHeader))
	entries, taken := f.list.get()
	if off > 0 && taken {
		return c.reply(appendEntries(nil, tag, entries, off, count))
	}
	if list, ok := c.listNow(f.at); ok {
		return c.reply(f.listed(nil, tag, list, nil, off, count))
	}
	return begin(c.request(tag, f.at), func(ctx context.Context) ([]dirent, error) {
		list, err := f.at.dir.List(ctx)
		if err != nil {
			return nil, err
		}
		return f.at.dirents(list), nil
	}, func(entries []dirent, err error) []byte {
		return f.listed(nil, tag, entries, err, off, count)
	}, nil)
}

func (f *fid) mayList() linux.Errno {
	switch {
	case f == nil:
		return linux.EBADF
	case f.at.dir == nil:
		return linux.ENOTDIR
	case f.state != fidOpen:
		return linux.EBADF
	}
	return 0
}

// listed keeps a list that has been taken, and makes the reply.
func (f *fid) listed(b []byte, tag uint16, entries []dirent, err error, off, count int) []byte {
	if err == nil {
		err = f.list.keep(f, entries)
	}
	if err != nil {
		f.c.failed(opList, f.at.path(), err)
		return appendError(b, tag, Errno(err))
	}
	if f.c.srv.auditReads {
		f.c.audit(opList, f.at.path(), nil, "")
	}
	return appendEntries(b, tag, entries, off, count)
}

// appendEntries makes an Rreaddir of the entries from off on that fit in count
// bytes. Where not even one does it is EINVAL, as with getdents(2).
func appendEntries(b []byte, tag uint16, entries []dirent, off, count int) []byte {
	const head = headerSize + 4
	if off < len(entries) && entries[off].size() > count {
		return appendError(b, tag, linux.EINVAL)
	}
	b = le.AppendUint32(appendFrame(b, msgTreaddir+1, tag), 0)
	for i := off; i < len(entries); i++ {
		d := &entries[i]
		if len(b)-head+d.size() > count {
			break
		}
		typ := byte(dtReg)
		if d.qid.typ&qidDir != 0 {
			typ = dtDir
		}
		b = appendQID(b, d.qid)
		b = le.AppendUint64(b, uint64(i+1))
		b = appendString(append(b, typ), d.name)
	}
	le.PutUint32(b[headerSize:], uint32(len(b)-head))
	return endFrame(b, 0)
}

func (l *listing) get() ([]dirent, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries, l.taken
}

// keep holds the list from now on.
func (l *listing) keep(f *fid, entries []dirent) error {
	const each = 48 // bytes of a dirent, roughly, without its name
	held := int64(0)
	for i := range entries {
		held += int64(each + len(entries[i].name))
	}
	budget := &f.c.srv.held
	if err := budget.take(nil, held); err != nil {
		return err
	}
	l.mu.Lock()
	budget.give(nil, l.held)
	l.entries, l.held, l.taken = entries, held, true
	l.mu.Unlock()
	if f.closed.Load() {
		l.drop(f.c.srv)
	}
	return nil
}

func (l *listing) drop(s *Server) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.held.give(nil, l.held)
	l.entries, l.held = nil, 0
}

// listNow lists a directory if that runs no code but that of package nodes.
func (c *conn) listNow(p *place) ([]dirent, bool) {
	folder, ok := p.dir.(*nodes.Folder)
	if !ok {
		return nil, false
	}
	list, err := folder.List(c.ctx)
	if err != nil {
		return nil, false
	}
	for _, n := range list {
		if !isOwn(n) {
			return nil, false
		}
	}
	return p.dirents(list), true
}

// dirents makes entries of nodes. What cannot be a file name is left out.
func (p *place) dirents(list []nodes.Node) []dirent {
	entries := make([]dirent, 0, len(list))
	for _, n := range list {
		// One bad child does not hide the others.
		nodes.Protect(func() error {
			if n == nil || !nodes.ValidName(n.Name()) {
				return nil
			}
			f, err := inspect(n)
			if err != nil {
				return err
			}
			entries = append(entries, dirent{p.qidBelow(n.Name(), f), n.Name()})
			return nil
		})
	}
	return entries
}
