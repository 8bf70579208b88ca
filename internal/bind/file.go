package bind

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/nodes"
)

// dir is a directory of the other tree.
type dir struct {
	tree *Tree
	path string // below the root of the other tree, "" for the root itself
	name string
	doc  string
}

func (d *dir) Name() string { return d.name }
func (d *dir) Doc() string  { return d.doc }

func (d *dir) Lookup(ctx context.Context, name string) (nodes.Node, error) {
	if !nodes.ValidName(name) {
		return nil, nodes.Errorf(fs.ErrNotExist, "no such name")
	}
	conn, err := d.tree.connect(ctx)
	if err != nil {
		return nil, d.tree.wrap(err)
	}
	info, err := conn.Stat(ctx, path.Join(d.path, name))
	if err != nil {
		return nil, d.tree.wrap(err)
	}
	return d.child(name, info.Mode(), info.Size(), info.ModTime()), nil
}

func (d *dir) List(ctx context.Context) ([]nodes.Node, error) {
	conn, err := d.tree.connect(ctx)
	if err != nil {
		return nil, d.tree.wrap(err)
	}
	entries, err := conn.ReadDir(ctx, d.path)
	if err != nil {
		return nil, d.tree.wrap(err)
	}
	list := make([]nodes.Node, 0, len(entries))
	for _, e := range entries {
		list = append(list, d.child(e.Name(), e.Mode(), 0, time.Time{}))
	}
	return list, nil
}

// child is the node for what the other server calls name. In a list it knows
// only of what kind it is.
func (d *dir) child(name string, mode fs.FileMode, size int64, mtime time.Time) nodes.Node {
	p := path.Join(d.path, name)
	if mode.IsDir() {
		return &dir{d.tree, p, name, "a directory of the server at " + d.tree.addr}
	}
	a := nodes.Attr{Kind: nodes.KindText, Mode: mode.Perm() & 0o666 &^ 0o022, ModTime: mtime, Slow: mode&fs.ModeTemporary != 0}
	switch {
	case mode&fs.ModeAppend != 0:
		a.Kind, a.Size = nodes.KindStream, size
	case a.Slow && a.Mode&0o200 != 0:
		a.Kind = nodes.KindSession
	case a.Slow:
		a.Kind = nodes.KindTimed
	default:
		a.Size = size
	}
	return &file{d.tree, p, name, a}
}

// file is a file of the other tree.
type file struct {
	tree *Tree
	path string
	name string
	attr nodes.Attr
}

func (f *file) Name() string     { return f.name }
func (f *file) Doc() string      { return "a file of the server at " + f.tree.addr }
func (f *file) Attr() nodes.Attr { return f.attr }

func (f *file) Open(ctx context.Context, flags nodes.Flags) (nodes.Handle, error) {
	conn, err := f.tree.connect(ctx)
	if err != nil {
		return nil, f.tree.wrap(err)
	}
	mode := [...]int{nodes.Read: os.O_RDONLY, nodes.Write: os.O_WRONLY, nodes.Read | nodes.Write: os.O_RDWR}[flags]
	opened, err := conn.Open(ctx, f.path, mode)
	if err != nil {
		return nil, f.tree.wrap(err)
	}
	h := &handle{file: f, f: opened}
	if f.attr.Slow || f.attr.Kind == nodes.KindStream || flags&nodes.Read == 0 {
		return h, nil
	}
	if err := h.size(ctx, flags); err != nil {
		h.Close()
		return nil, f.tree.wrap(err)
	}
	return h, nil
}

// handle is an open file of the other tree.
type handle struct {
	file *file
	f    *client.File
	info client.Info
	snap *nodes.Snapshot // all of it, where its server does not tell its size
}

// size finds out the true size: a server that does not tell it, as many that make
// their files up do not, has the whole file read now.
func (h *handle) size(ctx context.Context, flags nodes.Flags) (err error) {
	if h.info, err = h.f.Stat(ctx); err != nil || h.info.Size() > 0 || flags&nodes.Write != 0 {
		return err
	}
	var all []byte
	for buf := make([]byte, 64<<10); len(all) <= nodes.MaxRendering; {
		n, err := h.f.ReadAt(ctx, buf, int64(len(all)))
		all = append(all, buf[:n]...)
		if err == io.EOF || err == nil && n == 0 {
			h.snap = nodes.NewSnapshot(all)
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nodes.Errorf(nodes.ErrTooLarge, "%s: more than %d bytes, and its server does not tell how many", h.file.name, nodes.MaxRendering)
}

func (h *handle) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if h.snap != nil {
		return h.snap.ReadAt(ctx, p, off)
	}
	if off < 0 {
		return 0, nodes.Errorf(fs.ErrInvalid, "offset %d: must not be negative", off)
	}
	n, err := h.f.ReadAt(ctx, p, off)
	if n > 0 || err == io.EOF {
		return n, err
	}
	return 0, h.file.tree.wrap(err)
}

func (h *handle) WriteAt(ctx context.Context, p []byte, _ int64) (int, error) {
	n, err := h.f.Write(ctx, p)
	if err != nil {
		return 0, h.file.tree.wrap(err)
	}
	return n, nil
}

// Stat asks the other server only about what grows while it is open.
func (h *handle) Stat() (int64, time.Time) {
	switch {
	case h.snap != nil:
		return h.snap.Stat()
	case h.file.attr.Kind != nodes.KindStream:
		return h.info.Size(), h.info.ModTime()
	}
	ctx, cancel := context.WithTimeout(context.Background(), h.file.tree.timeout)
	defer cancel()
	info, err := h.f.Stat(ctx)
	if err != nil {
		return 0, time.Time{}
	}
	return info.Size(), info.ModTime()
}

// Close does not wait for the other server.
func (h *handle) Close() error {
	h.file.tree.work.Go(func() { h.f.Close() })
	return nil
}
