package client

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"sort"
	"strings"
	"syscall"

	"github.com/hugelgupf/p9/linux"
	"github.com/hugelgupf/p9/p9"
)

// MaxFile is the most that [Conn.ReadFile] returns, in bytes. Servers bound a
// rendering to 64 MiB by default.
const MaxFile = 256 << 20

// maxEntries is the most names of one directory, and maxListing the most bytes
// that their list may take.
const (
	maxEntries = 1 << 20
	maxListing = 64 << 20
)

// Stat describes a file.
func (c *Conn) Stat(ctx context.Context, name string) (Info, error) {
	names, err := split(name)
	if err != nil {
		return Info{}, wrap("stat", name, err)
	}
	var w walked
	err = c.with(ctx, "stat", name, true, func(op within, s *session) (err error) {
		if len(names) == 0 {
			w = walked{file: s.root}
			return s.getattr(op, &w)
		}
		if w, err = s.stat(op, names); err == nil {
			s.clunk(w.file)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return Info{}, err // there is nothing more to say, and it is common
	}
	if err != nil {
		return Info{}, c.explain(ctx, err)
	}
	return Info{name: path.Base(path.Clean("/" + name)), qid: w.qid, attr: w.attr}.named(), nil
}

// named calls the root ".", as io/fs does.
func (i Info) named() Info {
	if i.name == "/" {
		i.name = "."
	}
	return i
}

// ReadDir lists a directory, sorted by name.
func (c *Conn) ReadDir(ctx context.Context, name string) ([]Entry, error) {
	names, err := split(name)
	if err != nil {
		return nil, wrap("list", name, err)
	}
	var entries []Entry
	err = c.with(ctx, "list", name, true, func(op within, s *session) (err error) {
		w, err := s.walk(op, names)
		if err != nil {
			return err
		}
		defer s.clunk(w.file)
		if err := s.do(op, func() error { _, _, err := w.file.Open(p9.ReadOnly); return err }); err != nil {
			return err
		}
		entries, err = s.list(op, w.file)
		return err
	})
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].name < entries[j].name })
	for i, e := range entries {
		entries[i].info = func() (fs.FileInfo, error) { return c.Stat(ctx, path.Join(name, e.name)) }
	}
	return entries, nil
}

// list reads an open directory to its end.
func (s *session) list(op within, dir p9.File) ([]Entry, error) {
	var entries []Entry
	var offset uint64
	for size := 0; ; {
		var batch p9.Dirents
		err := s.do(op, func() (err error) {
			batch, err = dir.Readdir(offset, uint32(s.payload()))
			return err
		})
		if err != nil && err != io.EOF {
			return nil, err
		}
		if len(batch) == 0 {
			return entries, nil
		}
		if next := batch[len(batch)-1].Offset; next == offset {
			return nil, protocolError("a directory that does not go on")
		} else {
			offset = next
		}
		for _, d := range batch {
			size += 64 + len(d.Name)
			if len(entries) >= maxEntries || size > maxListing {
				return nil, newError(syscall.EFBIG, "the directory has more than %d names", len(entries))
			}
			if validName(d.Name) {
				entries = append(entries, Entry{name: d.Name, typ: entryType(d), qid: d.QID})
			}
		}
	}
}

// validName says that a name can be part of a path. Other servers list . and ..
func validName(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= maxName && !strings.ContainsAny(name, "/\x00")
}

// Open opens a file. flags are those of package os: os.O_RDONLY, os.O_WRONLY or
// os.O_RDWR, and os.O_TRUNC; os.O_CREATE and os.O_APPEND are taken and mean
// nothing, for no file is ever made. The context bounds the opening, and what
// [File.Read] reads later.
func (c *Conn) Open(ctx context.Context, name string, flags int) (*File, error) {
	names, err := split(name)
	if err != nil {
		return nil, wrap("open", name, err)
	}
	file := &File{conn: c, ctx: ctx, path: name, flags: flags}
	slow, absent := false, false
	err = c.with(ctx, "open", name, true, func(op within, s *session) error {
		w, err := s.walk(op, names)
		if err != nil {
			absent = errors.Is(err, linux.ENOENT)
			return err
		}
		if slow = isSlow(w.qid); slow {
			s.clunk(w.file)
			return nil
		}
		return file.open(op, s, w)
	})
	if err == nil && slow {
		err = c.openSlow(ctx, file, names)
	}
	switch {
	case absent: // there is nothing more to say, and it is common
		return nil, err
	case err != nil:
		return nil, c.explain(ctx, err)
	}
	return file, nil
}

func isSlow(q p9.QID) bool {
	return q.Type&p9.TypeTemporary != 0 && q.Type&p9.TypeDir == 0
}

// openSlow opens a slow file on a connection of its own.
func (c *Conn) openSlow(ctx context.Context, file *File, names []string) error {
	op := newWithin(ctx, c.opts.Timeout)
	s, err := c.ownSession(op)
	if err != nil {
		return c.fail("open", file.path, err)
	}
	w, err := s.walk(op, names)
	if err == nil {
		err = file.open(op, s, w)
	}
	if err != nil {
		c.disown(s)
		return c.fail("open", file.path, err)
	}
	file.slow = true
	return nil
}

// ReadFile reads a file to its end, at most [MaxFile] bytes.
func (c *Conn) ReadFile(ctx context.Context, name string) ([]byte, error) {
	f, err := c.Open(ctx, name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.readAll(ctx)
}

// WriteFile writes data to a file: one or more whole commands, one a line, in
// one message. The error carries what the server has to say about them.
func (c *Conn) WriteFile(ctx context.Context, name string, data []byte) error {
	// Open for reading too, where the file allows it: what the server has to
	// say about a write that fails is read from the same open file.
	f, err := c.Open(ctx, name, os.O_RDWR|os.O_TRUNC)
	if errors.Is(err, fs.ErrPermission) && c.writeOnly(ctx, name) {
		f, err = c.Open(ctx, name, os.O_WRONLY|os.O_TRUNC)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(ctx, data)
	return err
}

// writeOnly says whether nobody may read the file.
func (c *Conn) writeOnly(ctx context.Context, name string) bool {
	info, err := c.Stat(ctx, name)
	return err == nil && info.Mode().Perm()&0o444 == 0
}
