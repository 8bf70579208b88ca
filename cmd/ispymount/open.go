//go:build linux

package main

import (
	"context"
	"io"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// handle is an open file or directory.
type handle struct {
	n *node
	// file is what is read and written; nil where the bytes are here.
	file remoteFile
	own  bool // file is closed with this handle, else it is the node's
	// talk says that reads are not filled up: in a session a short read is
	// the end of an answer.
	talk  bool
	begun atomic.Bool     // something has been read
	lines []fuse.DirEntry // of a directory, since it was last read from its start
}

func (t *tree) handle(fh uint64) *handle {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.handles[fh]
}

func (t *tree) addHandle(h *handle) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	t.handles[t.last] = h
	return t.last
}

// dropHandle ends an open file.
func (t *tree) dropHandle(fh uint64) {
	t.mu.Lock()
	h := t.handles[fh]
	delete(t.handles, fh)
	t.mu.Unlock()
	if h == nil {
		return
	}
	if h.own {
		go h.file.close()
	}
	t.leave(h.n)
}

// Open opens a file. What its lookup took is read as it is; a file that is
// written, and each talk in a session, is opened at the server.
func (t *tree) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	n := t.node(in.NodeId)
	if n == nil || !t.enter(n) {
		// The kernel looks the name up again, once.
		return eStale
	}
	h, st := t.open(cancel, n, int(in.Flags)&syscall.O_ACCMODE)
	if st != fuse.OK {
		t.leave(n)
		return st
	}
	out.Fh = t.addHandle(h)
	// Reads go by the content's end and not by pages; what is mapped or sent
	// by sendfile goes by the size all the same.
	out.OpenFlags = fuse.FOPEN_DIRECT_IO
	if n.info.form != formTimed {
		out.OpenFlags |= fuse.FOPEN_NOFLUSH
	}
	return fuse.OK
}

func (t *tree) open(cancel <-chan struct{}, n *node, mode int) (*handle, fuse.Status) {
	switch {
	case n.p.dead():
		return nil, eNotConn
	case mode != syscall.O_RDONLY && n.info.perm&0o222 == 0, mode != syscall.O_WRONLY && n.info.perm&0o444 == 0:
		return nil, fuse.EACCES
	}
	h := &handle{n: n}
	if mode == syscall.O_RDONLY && n.info.form != formSession {
		if n.content.err != fuse.OK {
			return nil, n.content.err
		}
		if n.info.form != formStream || t.takeLead(n) {
			h.file = n.content.file
			return h, fuse.OK
		}
	}
	h.own, h.talk = true, n.info.form == formSession
	ctx, stop := interruptible(cancel, h.delay())
	defer stop()
	err := n.p.do(ctx, func(r remote) (err error) {
		h.file, err = r.open(ctx, n.path, mode)
		return err
	})
	return h, errno(err)
}

// takeLead makes the caller the reader of a stream whose offsets are the
// node's. Others have their own, since the stream may have moved on.
func (t *tree) takeLead(n *node) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := !n.lead
	n.lead = true
	return first
}

// delay is how long an operation goes on when it is interrupted.
func (h *handle) delay() time.Duration {
	if h.talk || h.n.info.form == formTimed {
		return 0
	}
	return grace
}

// Read reads from an open file. It fills the buffer where the file has that
// much: the kernel takes a short read for the end when it reads for sendfile.
func (t *tree) Read(cancel <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	h := t.handle(in.Fh)
	switch {
	case h == nil:
		return nil, fuse.EBADF
	case h.n.p.dead():
		return nil, eNotConn
	}
	h.begun.Store(true)
	if h.file == nil {
		data := h.n.content.data
		from := min(in.Offset, uint64(len(data)))
		to := min(from+uint64(in.Size), uint64(len(data)))
		return fuse.ReadResultData(data[from:to]), fuse.OK
	}
	buf = buf[:min(len(buf), int(in.Size))]
	ctx, stop := interruptible(cancel, h.delay())
	defer stop()
	var n int
	err := h.n.p.do(ctx, func(remote) (err error) {
		if h.talk {
			n, err = h.file.readAt(ctx, buf, int64(in.Offset))
			if err == io.EOF {
				err = nil
			}
			return err
		}
		n, err = fill(ctx, h.file, buf, int64(in.Offset))
		return err
	})
	if err != nil {
		if st := errno(err); !h.own && (lost(st) || st == eTimedOut) {
			// The connection that held it may be another one next time.
			t.mu.Lock()
			h.n.p.unshare(h.n)
			t.mu.Unlock()
		}
		return nil, errno(err)
	}
	return fuse.ReadResultData(buf[:n]), fuse.OK
}

// Write sends one write as one message, or not at all: no command spans two.
func (t *tree) Write(cancel <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	h := t.handle(in.Fh)
	switch {
	case h == nil || h.file == nil || !h.own:
		return 0, fuse.EBADF
	case h.n.p.dead():
		return 0, eNotConn
	}
	p := h.n.p
	// What was looked at before, or is just being rendered, may show what was.
	p.writes.Add(1)
	defer p.writes.Add(1)
	ctx, stop := interruptible(cancel, h.delay())
	defer stop()
	var n int
	err := p.do(ctx, func(remote) (err error) {
		n, err = h.file.writeAt(ctx, data, int64(in.Offset))
		return err
	})
	return uint32(n), errno(err)
}

// Flush comes when a descriptor is closed, while its closer waits. A capture is
// only for the first who reads it; that a shell moves the descriptor before, and
// closes the old one, does not count.
func (t *tree) Flush(_ <-chan struct{}, in *fuse.FlushIn) fuse.Status {
	if h := t.handle(in.Fh); h != nil && h.n.info.form == formTimed && h.begun.Load() {
		t.mu.Lock()
		h.n.p.unshare(h.n)
		t.mu.Unlock()
	}
	return fuse.OK
}

// Fsync has nothing to do: a write has been done when it returns.
func (t *tree) Fsync(<-chan struct{}, *fuse.FsyncIn) fuse.Status { return fuse.OK }

// Release comes when the last descriptor of an open file is closed.
func (t *tree) Release(_ <-chan struct{}, in *fuse.ReleaseIn) { t.dropHandle(in.Fh) }

// interruptible returns a context that ends when the kernel says that the one
// who waits got a signal, and delay has passed since.
func interruptible(cancel <-chan struct{}, delay time.Duration) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		select {
		case <-ctx.Done():
			return
		case <-cancel:
		}
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
			stop()
		}
	}()
	return ctx, stop
}
