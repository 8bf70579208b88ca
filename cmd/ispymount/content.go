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

// fetch looks at the file at path and takes the snapshot of it that a lookup
// stands for.
func (t *tree) fetch(ctx context.Context, r remote, path string, in info) (content, error) {
	c := content{size: in.size, mtime: in.mtime}
	if in.form == formDir || in.form == formSession || in.perm&0o444 == 0 {
		return c, nil
	}
	f, err := r.open(ctx, path, os.O_RDONLY)
	if err == nil {
		err = t.take(ctx, f, in, &c)
		if c.file == nil {
			go f.close()
		}
	}
	// The file is there, whatever is wrong with its content: it can be
	// described, and perhaps written. A capture that failed is tried again.
	if in.form != formTimed && refused(err) {
		return content{size: c.size, mtime: c.mtime, err: errno(err)}, nil
	}
	return c, err
}

// take fills c from the open file f, or keeps f in it.
func (t *tree) take(ctx context.Context, f remoteFile, in info, c *content) (err error) {
	var head []byte
	if in.form == formTimed {
		// The first read is the capture; then the size is known.
		head = make([]byte, 4<<10)
		n, err := f.readAt(ctx, head, 0)
		if err != nil && err != io.EOF {
			return err
		}
		head = head[:n]
	}
	if c.size, c.mtime, err = f.stat(ctx); err != nil {
		return err
	}
	switch {
	case in.form == formStream:
		c.file = f
		return nil
	case c.size > inlineMax:
		// What has the same size unopened is no rendering: the program
		// holds it anyway.
		if c.size != in.size {
			c.cost = c.size
		}
		if !t.reserve(c.cost) {
			c.cost = 0
			return syscall.ENOBUFS
		}
		c.file = f
		return nil
	case c.size == 0:
		c.data, err = readAll(ctx, f, head)
	default:
		c.data = make([]byte, c.size)
		n := copy(c.data, head)
		n, err = fill(ctx, f, c.data, n, 0)
		c.data = c.data[:n]
	}
	if err != nil {
		c.data = nil
		return err
	}
	c.size, c.cost = int64(len(c.data)), int64(len(c.data))
	if !t.reserve(c.cost) {
		c.data, c.cost = nil, 0
		return syscall.ENOBUFS
	}
	return nil
}

// fill reads f from offset off into p, of which n bytes are filled already,
// until p is full or the file ends, and returns how many bytes p has then. A
// short read does not mean the end.
func fill(ctx context.Context, f remoteFile, p []byte, n int, off int64) (int, error) {
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
func readAll(ctx context.Context, f remoteFile, data []byte) ([]byte, error) {
	if len(data) == 0 {
		data = make([]byte, 0, 4<<10)
	}
	for {
		n := len(data)
		if n == cap(data) {
			data = append(data, make([]byte, n)...)
		}
		m, err := fill(ctx, f, data[n:cap(data)], 0, int64(n))
		data = data[:n+m]
		switch {
		case err != nil:
			return nil, err
		case n+m < cap(data):
			return data, nil
		case len(data) >= unknownMax:
			return nil, syscall.EFBIG
		}
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
