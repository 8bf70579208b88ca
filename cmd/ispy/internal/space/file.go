package space

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"github.com/ispyd/ispyd/fs/client"
)

// File is an open file of a program or of the local disk.
type File struct {
	ctx    context.Context
	path   string
	name   string // of the program
	remote *client.File
	local  *os.File
}

// Open opens a file. flags are those of package os. The context bounds the
// opening, and all that is done with the file. Errors are *[client.Error], with
// the path that a person knows the file by, and a suggestion for a mistyped name.
func (s *Space) Open(ctx context.Context, abs string, flags int) (*File, error) {
	if p, ok := Local(abs); ok {
		f, err := os.OpenFile(p, flags, 0o666)
		if err != nil {
			return nil, localError(abs, err)
		}
		if info, err := f.Stat(); err == nil && info.IsDir() {
			f.Close()
			return nil, directory(abs)
		}
		return &File{ctx: ctx, path: abs, local: f}, nil
	}
	name, in := Split(abs)
	if name == "" {
		return nil, directory(abs)
	}
	p, err := s.dial(ctx, name)
	if err != nil {
		return nil, err
	}
	if in == "" {
		return nil, directory(abs)
	}
	f, err := p.conn.Open(ctx, in, flags)
	switch {
	case errors.Is(err, syscall.EISDIR):
		return nil, directory(abs)
	case err != nil:
		return nil, within(name, p.near(ctx, in, err))
	case f.IsDir():
		f.Close()
		return nil, directory(abs)
	}
	return &File{ctx: ctx, path: abs, name: name, remote: f}, nil
}

func directory(abs string) error {
	return &client.Error{Op: "open", Path: abs, Errno: syscall.EISDIR, Text: "is a directory; ls lists it"}
}

// localError is an error of the local disk in the form of the others.
func localError(abs string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		errno = syscall.EIO
	}
	return &client.Error{Op: "open", Path: abs, Errno: errno, Text: err.Error()}
}

// With is the same open file, with what is done through it bounded by another context.
func (f *File) With(ctx context.Context) *File {
	g := *f
	g.ctx = ctx
	return &g
}

// Path is the path that the file was opened by.
func (f *File) Path() string { return f.path }

func (f *File) wrap(err error) error {
	switch {
	case err == nil || err == io.EOF:
		return err
	case f.local != nil:
		return localError(f.path, err)
	case errors.Is(err, syscall.EISDIR): // 9P lets directories be opened
		return directory(f.path)
	}
	return within(f.name, err)
}

// Read reads on.
func (f *File) Read(p []byte) (int, error) {
	var n int
	var err error
	if f.local != nil {
		n, err = f.local.Read(p)
	} else {
		n, err = f.remote.Read(p)
	}
	return n, f.wrap(err)
}

// ReadAt reads at most len(p) bytes at the offset; a short read is not an error
// and does not mean the end, which is 0 and io.EOF.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	var n int
	var err error
	if f.local != nil {
		n, err = f.local.ReadAt(p, off)
		if n > 0 && err == io.EOF {
			err = nil
		}
	} else {
		n, err = f.remote.ReadAt(f.ctx, p, off)
	}
	return n, f.wrap(err)
}

// WriteTo reads on to the end. An error of w is returned as it is.
func (f *File) WriteTo(w io.Writer) (int64, error) {
	out := &sink{w: w}
	var n int64
	var err error
	if f.local != nil {
		n, err = io.Copy(out, onlyReader{f.local})
	} else {
		n, err = f.remote.WriteTo(out)
	}
	if out.err != nil {
		return n, out.err
	}
	return n, f.wrap(err)
}

// sink remembers the error of a writer, to tell it from the file's.
type sink struct {
	w   io.Writer
	err error
}

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil {
		s.err = err
	}
	return n, err
}

type onlyReader struct{ io.Reader }

// Write writes p: to a program's file in one message, one or more whole commands.
func (f *File) Write(p []byte) (int, error) {
	if f.local != nil {
		n, err := f.local.Write(p)
		return n, f.wrap(err)
	}
	n, err := f.remote.Write(f.ctx, p)
	return n, f.wrap(err)
}

// MaxWrite is the most that one Write to a program's file takes, in bytes.
func (f *File) MaxWrite() int {
	if f.local != nil {
		return 1 << 20
	}
	return f.remote.MaxWrite()
}

// Stat describes the open file: its size is that of what is read.
func (f *File) Stat() (fs.FileInfo, error) {
	if f.local != nil {
		info, err := f.local.Stat()
		return info, f.wrap(err)
	}
	info, err := f.remote.Stat(f.ctx)
	return info, f.wrap(err)
}

// Close closes it, and ends what a slow file does at its program.
func (f *File) Close() error {
	if f.local != nil {
		return f.wrap(f.local.Close())
	}
	return f.wrap(f.remote.Close())
}

// ReadFile reads a file to its end.
func (s *Space) ReadFile(ctx context.Context, abs string) ([]byte, error) {
	if _, ok := Local(abs); !ok {
		if name, in := Split(abs); in != "" {
			p, err := s.dial(ctx, name)
			if err != nil {
				return nil, err
			}
			data, err := p.conn.ReadFile(ctx, in)
			if errors.Is(err, syscall.EISDIR) {
				return nil, directory(abs)
			}
			if err != nil {
				err = within(name, p.near(ctx, in, err))
			}
			return data, err
		}
	}
	f, err := s.Open(ctx, abs, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// WriteFile writes data to a file: to a program's in one message, one or more whole
// commands. The error has what the program says of them.
func (s *Space) WriteFile(ctx context.Context, abs string, data []byte) error {
	name, in := Split(abs)
	if _, ok := Local(abs); ok || in == "" {
		f, err := s.Open(ctx, abs, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		return errors.Join(err, f.Close())
	}
	p, err := s.dial(ctx, name)
	if err != nil {
		return err
	}
	if err := p.conn.WriteFile(ctx, in, data); err != nil {
		return within(name, p.near(ctx, in, err))
	}
	return nil
}

// Stat describes a file. The top and the programs are directories.
func (s *Space) Stat(ctx context.Context, abs string) (fs.FileInfo, error) {
	if p, ok := Local(abs); ok {
		info, err := os.Stat(p)
		if err != nil {
			return nil, localError(abs, err)
		}
		return info, nil
	}
	name, in := Split(abs)
	if name == "" {
		return dirInfo("/"), nil
	}
	p, err := s.dial(ctx, name)
	if err != nil {
		return nil, err
	}
	info, err := p.conn.Stat(ctx, in)
	if err != nil {
		return nil, within(name, p.near(ctx, in, err))
	}
	if in == "" {
		return named{info, name}, nil
	}
	return info, nil
}

// ReadDir lists a directory, sorted by name. That of the top is the programs that
// listen.
func (s *Space) ReadDir(ctx context.Context, abs string) ([]fs.DirEntry, error) {
	if p, ok := Local(abs); ok {
		entries, err := os.ReadDir(p)
		if err != nil {
			return nil, localError(abs, err)
		}
		return entries, nil
	}
	name, in := Split(abs)
	if name == "" {
		live, err := s.Live(ctx)
		var entries []fs.DirEntry
		for _, srv := range live {
			entries = append(entries, fs.FileInfoToDirEntry(dirInfo(srv.Name)))
		}
		if len(entries) > 0 {
			err = nil
		}
		return entries, err
	}
	p, err := s.dial(ctx, name)
	if err != nil {
		return nil, err
	}
	list, err := p.conn.ReadDir(ctx, in)
	if err != nil {
		return nil, within(name, p.near(ctx, in, err))
	}
	entries := make([]fs.DirEntry, len(list))
	for i, e := range list {
		entries[i] = e
	}
	return entries, nil
}

// Twin is the path of the file's rendering as JSON, if it has one.
func (s *Space) Twin(ctx context.Context, abs string) (string, bool) {
	if _, ok := Local(abs); ok || path.Ext(abs) == ".json" {
		return "", false
	}
	name, in := Split(abs)
	if in == "" {
		return "", false
	}
	p, err := s.dial(ctx, name)
	if err != nil {
		return "", false
	}
	info, err := p.conn.Stat(ctx, in+".json")
	return abs + ".json", err == nil && !info.IsDir()
}

// dirInfo describes the top or a program.
type dirInfo string

func (d dirInfo) Name() string     { return string(d) }
func (dirInfo) Size() int64        { return 0 }
func (dirInfo) Mode() fs.FileMode  { return fs.ModeDir | 0o555 }
func (dirInfo) ModTime() time.Time { return time.Time{} }
func (dirInfo) IsDir() bool        { return true }
func (dirInfo) Sys() any           { return nil }

// named is the root of a tree, which has the program's name here.
type named struct {
	fs.FileInfo
	name string
}

func (n named) Name() string { return n.name }
