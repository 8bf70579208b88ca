package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/hugelgupf/p9/linux"
	"github.com/hugelgupf/p9/p9"
)

// File is an open file. It must be closed. Its methods are called by any number
// of goroutines at once.
type File struct {
	conn  *Conn
	ctx   context.Context // of Open, for Read
	path  string
	flags int
	slow  bool // s is this file's alone

	s      *session
	f      p9.File
	qid    p9.QID
	iounit uint32 // what one read surely gets, if that is there; 0: who knows
	closed atomic.Bool
	end    atomic.Int64 // where the file ends, -1 until that is known

	mu  sync.Mutex
	off int64 // of Read and Write
}

// oTrunc is Linux's O_TRUNC, which 9P2000.L has.
const oTrunc = 0o1000

// open opens what a walk found, and closes it where that fails.
func (f *File) open(op within, s *session, w walked) error {
	flags := p9.ReadOnly
	switch f.flags & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR) {
	case os.O_WRONLY:
		flags = p9.WriteOnly
	case os.O_RDWR:
		flags = p9.ReadWrite
	}
	if f.flags&os.O_TRUNC != 0 {
		flags |= oTrunc
	}
	var qid p9.QID
	var iounit uint32
	err := s.do(op, func() (err error) {
		qid, iounit, err = w.file.Open(flags)
		return err
	})
	if err != nil {
		s.clunk(w.file)
		return err
	}
	f.s, f.f, f.qid, f.iounit = s, w.file, qid, iounit
	f.end.Store(-1)
	return nil
}

// Name is the path that the file was opened by.
func (f *File) Name() string { return f.path }

// IsDir says that it is a directory.
func (f *File) IsDir() bool { return f.qid.Type&p9.TypeDir != 0 }

func (f *File) readOnly() bool { return f.flags&(os.O_WRONLY|os.O_RDWR) == 0 }

func (f *File) readable() bool { return f.flags&(os.O_WRONLY|os.O_RDWR) != os.O_WRONLY }

// do runs an operation on the open file, within the time-out unless the file
// is slow.
func (f *File) do(ctx context.Context, op string, fn func() error) error {
	if f.closed.Load() {
		return wrap(op, f.path, newError(syscall.EBADF, "the file is closed"))
	}
	w := within{Context: ctx}
	if !f.slow {
		w = newWithin(ctx, f.conn.opts.Timeout)
	}
	err := f.s.do(w, fn)
	if err == nil || err == io.EOF {
		return err
	}
	if f.closed.Load() && errors.Is(err, errLost) {
		return wrap(op, f.path, newError(syscall.EBADF, "the file is closed"))
	}
	return f.conn.fail(op, f.path, err)
}

// ReadAt reads at most len(p) bytes at the offset. A short read is not an error
// and does not mean the end; that is 0 and io.EOF.
func (f *File) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, wrap("read", f.path, newError(syscall.EINVAL, "the offset is negative"))
	}
	n := 0
	for n < len(p) || len(p) == 0 {
		m, err := f.readOnce(ctx, p[n:], off+int64(n))
		n += m
		switch {
		case err == io.EOF && n > 0:
			return n, nil
		case err != nil:
			return n, err
		case m < f.s.payload():
			return n, nil
		}
	}
	return n, nil
}

// readOnce reads by one message, by none where it is known that nothing is there.
func (f *File) readOnce(ctx context.Context, p []byte, off int64) (n int, err error) {
	if end := f.end.Load(); end >= 0 && off >= end && !f.closed.Load() {
		return 0, io.EOF
	}
	p = p[:min(len(p), f.s.payload())]
	err = f.do(ctx, "read", func() (err error) {
		n, err = f.f.ReadAt(p, off)
		return err
	})
	if err != nil && err != io.EOF {
		return 0, f.conn.explain(ctx, err)
	}
	n = min(n, len(p))
	if n > 0 && n < len(p) && len(p) <= int(f.iounit) && f.qid.Type&p9.TypeAppendOnly == 0 && f.readOnly() {
		f.end.Store(off + int64(n))
	}
	return n, err
}

// Read reads on, within the context that the file was opened with.
func (f *File) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.ReadAt(f.ctx, p, f.off)
	f.off += int64(n)
	return n, err
}

// buffers holds what files are read into: one message of the default size.
var buffers = sync.Pool{New: func() any { b := make([]byte, 128<<10); return &b }}

// WriteTo reads on to the end, in pieces of one message, within the context that
// the file was opened with.
func (f *File) WriteTo(w io.Writer) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	pooled := buffers.Get().(*[]byte)
	defer buffers.Put(pooled)
	b := *pooled
	for total := int64(0); ; {
		n, err := f.readOnce(f.ctx, b, f.off)
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		f.off += int64(n)
		m, err := w.Write(b[:n])
		total += int64(m)
		if err != nil {
			return total, err
		}
		if n == len(b) && n < f.s.payload() {
			b = make([]byte, f.s.payload())
		}
	}
}

// readAll reads the file from its beginning to its end.
func (f *File) readAll(ctx context.Context) ([]byte, error) {
	pooled := buffers.Get().(*[]byte)
	defer buffers.Put(pooled)
	n, err := f.readOnce(ctx, *pooled, 0)
	data := bytes.Clone((*pooled)[:n])
	for err == nil {
		if len(data) > MaxFile {
			return nil, wrap("read", f.path, newError(syscall.EFBIG, "the file has more than %d bytes", MaxFile))
		}
		// A small file has ended with its first piece; the pool's buffer is
		// for asking. A large one is read where it will stay.
		b := *pooled
		if len(data) >= len(b) {
			data = slices.Grow(data, f.s.payload())
			b = data[len(data):cap(data)]
			b = b[:min(len(b), f.s.payload())]
			n, err = f.readOnce(ctx, b, int64(len(data)))
			data = data[:len(data)+n]
			continue
		}
		n, err = f.readOnce(ctx, b, int64(len(data)))
		data = append(data, b[:n]...)
	}
	if err != io.EOF {
		return nil, err
	}
	return data, nil
}

// MaxWrite is the most that one [File.Write] takes, in bytes: what fits into one
// message.
func (f *File) MaxWrite() int { return f.s.payload() }

// Write writes p in one message: one or more whole commands, one a line, never
// split. What is too long for one message fails with syscall.EMSGSIZE. The error
// carries what the server has to say.
func (f *File) Write(ctx context.Context, p []byte) (int, error) {
	if most := f.MaxWrite(); len(p) > most {
		return 0, wrap("write", f.path, newError(syscall.EMSGSIZE,
			"%d bytes; a write holds whole commands and is not split, and this server takes %d bytes at once", len(p), most))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	err := f.do(ctx, "write", func() (err error) {
		n, err = f.f.WriteAt(p, f.off)
		return err
	})
	if err != nil {
		e := wrap("write", f.path, err)
		if errors.Is(err, errLost) || e.Errno == syscall.ETIMEDOUT || e.Errno == syscall.ECANCELED {
			e.Text += "; whether it was done is not known"
			return 0, e
		}
		return 0, f.writeText(ctx, e)
	}
	f.off += int64(n)
	if n < len(p) {
		return n, wrap("write", f.path, newError(syscall.EIO, "the server took %d of %d bytes", n, len(p)))
	}
	return n, nil
}

// maxText is the most bytes of a server's text for one error.
const maxText = 4 << 10

// writeText replaces the text of a failed write by what the server says about
// it: on the same open file, or else in its list of errors.
func (f *File) writeText(ctx context.Context, e *Error) error {
	if !f.readable() {
		return f.conn.explain(ctx, e)
	}
	var text []byte
	p := make([]byte, maxText)
	for len(text) < maxText {
		n := 0
		err := f.do(ctx, "read", func() (err error) {
			n, err = f.f.ReadAt(p[:maxText-len(text)], f.off+int64(len(text)))
			return err
		})
		text = append(text, p[:min(n, len(p))]...)
		if err != nil || n == 0 {
			break
		}
	}
	if text = bytes.TrimSpace(text); len(text) == 0 {
		return f.conn.explain(ctx, e)
	}
	e.Text = printable(string(text))
	return e
}

// Stat describes the open file: its size is that of what this File reads.
func (f *File) Stat(ctx context.Context) (Info, error) {
	w := walked{file: f.f}
	err := f.do(ctx, "stat", func() (err error) {
		w.qid, _, w.attr, err = f.f.GetAttr(p9.AttrMaskAll)
		return err
	})
	if err != nil {
		return Info{}, err
	}
	return Info{name: path.Base(path.Clean("/" + f.path)), qid: w.qid, attr: w.attr}.named(), nil
}

// Close closes the file. Closing a slow file ends what it does at the server.
func (f *File) Close() error {
	if f.closed.Swap(true) {
		return wrap("close", f.path, newError(syscall.EBADF, "the file is closed"))
	}
	if f.slow {
		f.conn.disown(f.s)
		return nil
	}
	err := f.s.do(newWithin(context.Background(), f.conn.opts.Timeout), f.f.Close)
	if errno, ok := errors.AsType[linux.Errno](err); ok && errno != 0 {
		return wrap("close", f.path, errno)
	}
	return nil // a connection that is lost has closed it; 0: see wire.drop
}
