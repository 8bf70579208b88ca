package nodes

import (
	"context"
	"io"
	"io/fs"
	"time"
)

// FS returns dir as an io/fs file system, for programs and tests that look at
// their own tree. It reads; opening for writing is by [File].Open. Every open
// file is one snapshot, and Stat renders: its size is true. Slow files are 0
// bytes large until they are read. ctx bounds all operations.
func FS(ctx context.Context, dir Dir) fs.FS { return &fileSystem{ctx, dir} }

type fileSystem struct {
	ctx  context.Context
	root Dir
}

// Open implements fs.FS.
func (f *fileSystem) Open(name string) (fs.File, error) {
	file, err := f.open(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return file, nil
}

func (f *fileSystem) open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, fs.ErrInvalid
	}
	n, err := Walk(f.ctx, f.root, name)
	if err != nil {
		return nil, err
	}
	return f.openNode(n, baseName(name))
}

func baseName(name string) string {
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '/' {
			return name[i+1:]
		}
	}
	return name
}

func (f *fileSystem) openNode(n Node, name string) (fs.File, error) {
	switch n := n.(type) {
	case Dir:
		return &openDir{fs: f, dir: n, name: name}, nil
	case File:
		h, err := n.Open(f.ctx, Read)
		if err != nil {
			return nil, err
		}
		return &openFile{ctx: f.ctx, file: n, h: h, name: name}, nil
	}
	return nil, Errorf(ErrNotSupported, "%s is neither a file nor a directory", name)
}

// openFile implements fs.File and io.ReaderAt.
type openFile struct {
	ctx  context.Context
	file File
	h    Handle
	name string
	off  int64
}

func (o *openFile) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := o.h.ReadAt(o.ctx, p, o.off)
	o.off += int64(n)
	return n, o.wrap(err)
}

func (o *openFile) ReadAt(p []byte, off int64) (int, error) {
	total := 0
	for total < len(p) {
		n, err := o.h.ReadAt(o.ctx, p[total:], off+int64(total))
		total += n
		if err != nil {
			return total, o.wrap(err)
		}
	}
	return total, nil
}

func (o *openFile) wrap(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &fs.PathError{Op: "read", Path: o.name, Err: err}
}

func (o *openFile) Stat() (fs.FileInfo, error) {
	size, mtime := o.h.Stat()
	a := o.file.Attr()
	if a.Kind == KindStatic || a.Kind == KindStream {
		return &info{o.name, a.Mode, size, mtime}, nil
	}
	// A rendering's own time would tell two looks at the same file apart.
	return &info{o.name, a.Mode, size, created}, nil
}

func (o *openFile) Close() error { return o.h.Close() }

// openDir implements fs.ReadDirFile.
type openDir struct {
	fs   *fileSystem
	dir  Dir
	name string
	list []fs.DirEntry
	read bool
}

func (o *openDir) Stat() (fs.FileInfo, error) {
	return &info{o.name, fs.ModeDir | 0o555, 0, created}, nil
}

func (o *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: o.name, Err: Errorf(fs.ErrInvalid, "is a directory")}
}

func (o *openDir) Close() error { return nil }

func (o *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if !o.read {
		nodes, err := o.dir.List(o.fs.ctx)
		if err != nil {
			return nil, &fs.PathError{Op: "readdir", Path: o.name, Err: err}
		}
		for _, n := range nodes {
			if ValidName(n.Name()) {
				o.list = append(o.list, &entry{o.fs, n})
			}
		}
		o.read = true
	}
	if n <= 0 || n > len(o.list) {
		if n > 0 && len(o.list) == 0 {
			return nil, io.EOF
		}
		n = len(o.list)
	}
	list := o.list[:n:n]
	o.list = o.list[n:]
	return list, nil
}

// entry implements fs.DirEntry.
type entry struct {
	fs   *fileSystem
	node Node
}

func (e *entry) Name() string { return e.node.Name() }

func (e *entry) IsDir() bool {
	_, ok := e.node.(Dir)
	return ok
}

func (e *entry) Type() fs.FileMode {
	if e.IsDir() {
		return fs.ModeDir
	}
	return 0
}

func (e *entry) Info() (fs.FileInfo, error) {
	f, err := e.fs.openNode(e.node, e.node.Name())
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Stat()
}

func (e *entry) String() string { return fs.FormatDirEntry(e) }

// info implements fs.FileInfo.
type info struct {
	name  string
	mode  fs.FileMode
	size  int64
	mtime time.Time
}

func (i *info) Name() string       { return i.name }
func (i *info) Size() int64        { return i.size }
func (i *info) Mode() fs.FileMode  { return i.mode }
func (i *info) ModTime() time.Time { return i.mtime }
func (i *info) IsDir() bool        { return i.mode.IsDir() }
func (i *info) Sys() any           { return nil }
func (i *info) String() string     { return fs.FormatFileInfo(i) }
