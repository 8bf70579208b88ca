//go:build linux

package main

import (
	"context"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

const (
	// inlineMax is the size in bytes up to which a snapshot is fetched by its
	// lookup, so that the program need not hold it. A larger one stays there:
	// an ls -l of the directory should not move it.
	inlineMax = 1 << 20
	// unknownMax bounds what is fetched of a file whose size its server does
	// not tell (a foreign 9P server bound into the tree).
	unknownMax = 64 << 20
)

// content is what a file shows: bytes here, or a file that is open at the
// server. It does not change, but for a stream, which grows.
type content struct {
	size  int64
	mtime time.Time
	data  []byte
	file  remoteFile
	cost  int64       // bytes that the limit counts
	err   fuse.Status // why there is none: what opening it for reading answers
}

// free lets the server close its file.
func (c *content) free() {
	if c.file != nil {
		go c.file.close()
	}
}

// look looks at the file at path, and takes the snapshot of it that a lookup
// stands for. Where it is likely to be a plain file, guess, opening it comes
// first, which saves asking what it is. It calls timed before it captures.
func (t *tree) look(ctx context.Context, r remote, path string, guess bool, timed func()) (in info, c content, err error) {
	var f remoteFile
	if guess {
		if f, in, err = openAs(ctx, r, path, formFile); err != nil && !refused(err) {
			return in, c, err
		}
	}
	if f == nil {
		if in, err = r.stat(ctx, path); err != nil {
			return in, c, err
		}
		c = content{size: in.size, mtime: in.mtime}
		if in.form == formDir || in.form == formSession || in.perm&0o444 == 0 {
			return in, c, nil
		}
		if in.form == formTimed {
			timed()
		}
		var opened info
		if f, opened, err = openAs(ctx, r, path, in.form); f != nil {
			in = opened
		}
	}
	if f != nil {
		c, err = t.take(ctx, r, path, f, in)
	}
	// The file is there, whatever is wrong with its content: it can be
	// described, and perhaps written. A capture that failed is tried again.
	if in.form != formTimed && refused(err) {
		return in, content{size: c.size, mtime: c.mtime, err: errno(err)}, nil
	}
	return in, c, err
}

// openAs opens a file to read it and describes it then. Where it is not of that
// form after all, it is left alone.
func openAs(ctx context.Context, r remote, path string, want form) (remoteFile, info, error) {
	f, err := r.open(ctx, path, os.O_RDONLY)
	if err != nil {
		return nil, info{}, err
	}
	if want == formTimed {
		// The first read is the capture; then the size is known.
		if _, err = f.readAt(ctx, make([]byte, 1), 0); err == io.EOF {
			err = nil
		}
	}
	var in info
	if err == nil {
		in, err = f.stat(ctx)
	}
	if err != nil || in.form != want {
		go f.close()
		return nil, in, err
	}
	return f, in, nil
}

// take makes a content of the open file f, which it keeps or closes.
func (t *tree) take(ctx context.Context, r remote, path string, f remoteFile, in info) (c content, err error) {
	c = content{size: in.size, mtime: in.mtime, cost: in.size}
	switch {
	case in.form == formStream:
		c.file, c.cost = f, 0
	case in.size > inlineMax:
		c.file = f
		// What has that size unopened is no rendering: the program holds it
		// anyway.
		if unopened, err := r.stat(ctx, path); err == nil && unopened.size == in.size {
			c.cost = 0
		}
	}
	if !t.reserve(c.cost) {
		go f.close()
		return content{size: in.size, mtime: in.mtime}, syscall.ENOBUFS
	}
	if c.file != nil {
		return c, nil
	}
	defer func() { go f.close() }()
	if in.size == 0 {
		c.data, err = readAll(ctx, f)
	} else {
		c.data = make([]byte, in.size)
		var n int
		n, err = fill(ctx, f, c.data, 0)
		c.data = c.data[:n]
	}
	c.size = int64(len(c.data))
	if err == nil && c.size > c.cost {
		if t.reserve(c.size - c.cost) {
			c.cost = c.size
		} else {
			err = syscall.ENOBUFS
		}
	}
	if err != nil {
		t.unreserve(c.cost)
		return content{size: in.size, mtime: in.mtime}, err
	}
	return c, nil
}

// fill reads f from offset off until p is full or the file ends, and returns how
// much that was. A short read does not mean the end.
func fill(ctx context.Context, f remoteFile, p []byte, off int64) (n int, err error) {
	for n < len(p) {
		m, err := f.readAt(ctx, p[n:], off+int64(n))
		n += m
		if err == io.EOF || err == nil && m == 0 {
			break
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// readAll reads a file that says it is empty: our own servers' are, others only
// do not know their size before. Such a thing may never end.
func readAll(ctx context.Context, f remoteFile) ([]byte, error) {
	data := make([]byte, 0, 4<<10)
	for {
		n, err := fill(ctx, f, data[len(data):cap(data)], int64(len(data)))
		data = data[:len(data)+n]
		switch {
		case err != nil:
			return nil, err
		case len(data) < cap(data):
			return data, nil
		case len(data) >= unknownMax:
			return nil, syscall.EFBIG
		}
		data = append(data, 0)[:len(data)]
	}
}

// refused says that the server has answered, and that what it answered is about
// this one file.
func refused(err error) bool {
	switch e := errno(err); e {
	case fuse.OK, fuse.ENOENT, fuse.EINTR, eTimedOut:
		return false
	default:
		return !lost(e)
	}
}
