package client

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
)

// FS is the tree as an io/fs file system, within ctx. Its errors are
// *fs.PathError over an [*Error]. Its files also implement io.ReaderAt,
// io.Seeker and io.WriterTo.
func (c *Conn) FS(ctx context.Context) fs.FS { return tree{c, ctx} }

type tree struct {
	conn *Conn
	ctx  context.Context
}

var (
	_ fs.ReadDirFS  = tree{}
	_ fs.StatFS     = tree{}
	_ fs.ReadFileFS = tree{}
)

func (t tree) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	f, err := t.conn.Open(t.ctx, name, os.O_RDONLY)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	if !f.IsDir() {
		return &openFile{File: f, ctx: t.ctx, name: name}, nil
	}
	defer f.Close()
	info, err := f.Stat(t.ctx)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &openDir{tree: t, name: name, info: info}, nil
}

func (t tree) ReadDir(name string) ([]fs.DirEntry, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
	}
	entries, err := t.conn.ReadDir(t.ctx, name)
	if err != nil {
		return nil, pathError("readdir", name, err)
	}
	list := make([]fs.DirEntry, len(entries))
	for i, e := range entries {
		list[i] = fsEntry{e, path.Join(name, e.name)}
	}
	return list, nil
}

func (t tree) Stat(name string) (fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrInvalid}
	}
	info, err := t.conn.Stat(t.ctx, name)
	if err != nil {
		return nil, pathError("stat", name, err)
	}
	return info, nil
}

func (t tree) ReadFile(name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	data, err := t.conn.ReadFile(t.ctx, name)
	if err != nil {
		return nil, pathError("read", name, err)
	}
	return data, nil
}

// fsEntry is an Entry whose errors are those of io/fs.
type fsEntry struct {
	Entry
	path string
}

func (e fsEntry) Info() (fs.FileInfo, error) {
	info, err := e.Entry.Info()
	if err != nil {
		return nil, pathError("stat", e.path, err)
	}
	return info, nil
}

// pathError is err with the path where io/fs has it.
func pathError(op, name string, err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		err = pathless{e}
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

type pathless struct{ err *Error }

func (e pathless) Error() string { return e.err.Text }
func (e pathless) Unwrap() error { return e.err }

// openFile is an open file as io/fs has it.
type openFile struct {
	*File
	ctx  context.Context
	name string
}

var (
	_ io.ReaderAt = (*openFile)(nil)
	_ io.Seeker   = (*openFile)(nil)
	_ io.WriterTo = (*openFile)(nil)
)

func (f *openFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat(f.ctx)
	if err != nil {
		return nil, pathError("stat", f.name, err)
	}
	return info, nil
}

func (f *openFile) Read(p []byte) (int, error) { return f.wrap(f.File.Read(p)) }

// ReadAt fills p, as io.ReaderAt demands.
func (f *openFile) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = f.File.ReadAt(f.ctx, p[n:], off+int64(n))
		n += m
	}
	if n == len(p) {
		err = nil
	}
	return f.wrap(n, err)
}

func (f *openFile) Seek(offset int64, whence int) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += f.off
	case io.SeekEnd:
		info, err := f.File.Stat(f.ctx)
		if err != nil {
			return 0, pathError("seek", f.name, err)
		}
		offset += info.Size()
	default:
		return 0, &fs.PathError{Op: "seek", Path: f.name, Err: fs.ErrInvalid}
	}
	if offset < 0 {
		return 0, &fs.PathError{Op: "seek", Path: f.name, Err: fs.ErrInvalid}
	}
	f.off = offset
	return offset, nil
}

func (f *openFile) Close() error {
	if err := f.File.Close(); err != nil {
		return pathError("close", f.name, err)
	}
	return nil
}

func (f *openFile) wrap(n int, err error) (int, error) {
	if err != nil && err != io.EOF {
		err = pathError("read", f.name, err)
	}
	return n, err
}

// openDir is an open directory. It is listed when it is first read.
type openDir struct {
	tree    tree
	name    string
	info    Info
	entries []fs.DirEntry
	listed  bool
	next    int
}

var _ fs.ReadDirFile = (*openDir)(nil)

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }

func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errors.New("is a directory")}
}

func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if !d.listed {
		entries, err := d.tree.ReadDir(d.name)
		if err != nil {
			return nil, err
		}
		d.entries, d.listed = entries, true
	}
	rest := d.entries[d.next:]
	if n > 0 {
		if len(rest) == 0 {
			return nil, io.EOF
		}
		rest = rest[:min(n, len(rest))]
	}
	d.next += len(rest)
	return rest, nil
}
