package fs_test

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hugelgupf/p9/linux"
	"github.com/hugelgupf/p9/p9"

	"github.com/ispyd/ispyd/fs"
	"github.com/ispyd/ispyd/nodes"
)

// A foreignFile is a node of somebody else's: each method does what the hook
// called like it says, if there is one.
type foreignFile struct {
	name   string
	kind   nodes.Kind
	data   string
	hooks  map[string]func()
	closed atomic.Int32
}

func (f *foreignFile) run(name string) {
	if h := f.hooks[name]; h != nil {
		h()
	}
}

func (f *foreignFile) Name() string { f.run("Name"); return f.name }
func (f *foreignFile) Doc() string  { return "somebody else's" }
func (f *foreignFile) Attr() nodes.Attr {
	f.run("Attr")
	return nodes.Attr{Kind: f.kind, Mode: 0o600}
}
func (f *foreignFile) Open(context.Context, nodes.Flags) (nodes.Handle, error) {
	f.run("Open")
	return &foreignHandle{f}, nil
}

type foreignHandle struct{ f *foreignFile }

func (h *foreignHandle) ReadAt(_ context.Context, p []byte, off int64) (int, error) {
	h.f.run("ReadAt")
	if off >= int64(len(h.f.data)) {
		return 0, io.EOF
	}
	n := copy(p, h.f.data[off:])
	if int(off)+n == len(h.f.data) {
		return n, io.EOF // as io.ReaderAt may
	}
	return n, nil
}
func (h *foreignHandle) WriteAt(_ context.Context, p []byte, _ int64) (int, error) {
	h.f.run("WriteAt")
	return len(p), nil
}
func (h *foreignHandle) Stat() (int64, time.Time) {
	h.f.run("Stat")
	return int64(len(h.f.data)), time.Time{}
}
func (h *foreignHandle) Close() error {
	h.f.closed.Add(1)
	h.f.run("Close")
	return nil
}

type foreignDir struct {
	*nodes.Folder
	hooks map[string]func()
}

func (d *foreignDir) Lookup(ctx context.Context, name string) (nodes.Node, error) {
	if h := d.hooks["Lookup"]; h != nil {
		h()
	}
	return d.Folder.Lookup(ctx, name)
}

func (d *foreignDir) List(ctx context.Context) ([]nodes.Node, error) {
	if h := d.hooks["List"]; h != nil {
		h()
	}
	return d.Folder.List(ctx)
}

// use does with the tree what a client can do.
func use(root p9.File, path string) error {
	_, f, err := root.Walk(strings.Split(path, "/"))
	if err != nil {
		return err
	}
	defer f.Close()
	if _, _, _, err := f.GetAttr(p9.AttrMaskAll); err != nil {
		return err
	}
	if _, _, err := f.Open(p9.ReadWrite); err != nil {
		return err
	}
	if _, _, _, err := f.GetAttr(p9.AttrMaskAll); err != nil {
		return err
	}
	if _, err := f.ReadAt(make([]byte, 100), 0); err != nil {
		return err
	}
	_, err = f.WriteAt([]byte("x\n"), 0)
	return err
}

func list(root p9.File, path string) (names []string, err error) {
	var elems []string
	if path != "" {
		elems = strings.Split(path, "/")
	}
	_, d, err := root.Walk(elems)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	if _, _, err := d.Open(p9.ReadOnly); err != nil {
		return nil, err
	}
	for off := uint64(0); ; {
		entries, err := d.Readdir(off, 8192)
		if err != nil || len(entries) == 0 {
			return names, err
		}
		for _, e := range entries {
			names = append(names, e.Name)
			off = e.Offset
		}
	}
}

func TestForeignNode(t *testing.T) {
	file := &foreignFile{name: "file", kind: nodes.KindText, data: "content"}
	dir := &foreignDir{Folder: nodes.Directory("dir", "somebody else's", file)}
	s := start(t, fs.Options{Root: nodes.Directory("", "", dir)})
	root := s.attach(t)
	if err := use(root, "dir/file"); err != nil {
		t.Error(err)
	}
	if got := cat(t, root, "dir/file"); got != "content" {
		t.Errorf("read %q", got)
	}
	if names, err := list(root, "dir"); err != nil || len(names) != 1 || names[0] != "file" {
		t.Error(names, err)
	}
	wait(t, "both handles to be closed", func() bool { return file.closed.Load() == 2 })
}

// Code that panics is an error of its file, and of no other.
func TestForeignPanic(t *testing.T) {
	for _, where := range []string{"Attr", "Open", "ReadAt", "WriteAt", "Stat", "Close", "Name"} {
		t.Run(where, func(t *testing.T) {
			file := &foreignFile{name: "file", kind: nodes.KindText, data: "content"}
			tr := newTree()
			if err := tr.root.Add(file); err != nil {
				t.Fatal(err)
			}
			file.hooks = map[string]func(){where: func() { panic("at " + where) }}
			s := start(t, fs.Options{Root: tr.root})
			root := s.attach(t)
			err := use(root, "file")
			if want := error(linux.EIO); where != "Close" && where != "Name" && err != want {
				t.Errorf("%v, want %v", err, want)
			}
			if got := cat(t, root, "process/pid"); got != "14905\n" {
				t.Errorf("pid %q", got)
			}
			names, err := list(root, "")
			if err != nil || len(names) < 9 {
				t.Error(names, err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if log := text(t, s.records.Errors()); where == "ReadAt" && !strings.Contains(log, "\tread\tfile\tEIO\t0\t") ||
				where == "ReadAt" && !strings.Contains(log, "\tpanic: at ReadAt\n") {
				t.Error(log)
			}
			if log := s.log.String(); where == "ReadAt" && !strings.Contains(log, "foreign_test.go") {
				t.Errorf("no stack in the log: %s", log)
			}
		})
	}
	dir := &foreignDir{Folder: nodes.Directory("dir", "somebody else's")}
	dir.hooks = map[string]func(){"Lookup": func() { panic("in Lookup") }, "List": func() { panic("in List") }}
	s := start(t, fs.Options{Root: nodes.Directory("", "", dir)})
	root := s.attach(t)
	if _, _, err := root.Walk([]string{"dir", "x"}); err != linux.EIO {
		t.Error(err)
	}
	if _, err := list(root, "dir"); err != linux.EIO {
		t.Error(err)
	}
}

// Code that does not return is left behind: the operation ends with its time,
// others go on, and Close of the server says what still runs.
func TestForeignHang(t *testing.T) {
	for _, where := range []string{"Attr", "Open", "ReadAt", "WriteAt", "Stat", "Close"} {
		t.Run(where, func(t *testing.T) {
			file := &foreignFile{name: "file", kind: nodes.KindCtl, data: "content"}
			tr := newTree()
			if err := tr.root.Add(file); err != nil {
				t.Fatal(err)
			}
			back := goroutinesBack(t)
			file.hooks = map[string]func(){where: func() { <-tr.release }}
			s := start(t, fs.Options{Root: tr.root, Limits: fs.Limits{Operation: 300 * time.Millisecond}})
			root := s.attach(t)
			err := use(root, "file")
			if want := error(linux.ETIMEDOUT); where != "Close" && err != want {
				t.Errorf("%v, want %v", err, want)
			}
			if log := text(t, s.records.Errors()); where != "Close" && !strings.Contains(log, "\tETIMEDOUT\t0\t") ||
				where != "Close" && !strings.Contains(log, "file: no answer yet after 3") {
				t.Errorf("errors: %s", log)
			}
			if got := cat(t, root, "process/pid"); got != "14905\n" {
				t.Errorf("pid %q", got)
			}
			close(tr.release)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			back()
			if where != "Attr" && where != "Open" && file.closed.Load() != 1 || file.closed.Load() > 1 {
				t.Errorf("closed %d times", file.closed.Load())
			}
		})
	}
	hang := make(chan struct{})
	dir := &foreignDir{Folder: nodes.Directory("dir", "somebody else's")}
	dir.hooks = map[string]func(){"Lookup": func() { <-hang }, "List": func() { <-hang }}
	s := start(t, fs.Options{Root: nodes.Directory("", "", dir), Limits: fs.Limits{Operation: 300 * time.Millisecond}})
	root := s.attach(t)
	if _, _, err := root.Walk([]string{"dir", "x"}); err != linux.ETIMEDOUT {
		t.Error(err)
	}
	if _, err := list(root, "dir"); err != linux.ETIMEDOUT {
		t.Error(err)
	}
	close(hang)
}

// Close gives up on code that does not return, and says so.
func TestCloseGivesUp(t *testing.T) {
	tr := newTree()
	file := &foreignFile{name: "file", kind: nodes.KindCtl, hooks: map[string]func(){"Open": func() { tr.blocked <- "opening"; <-tr.release }}}
	if err := tr.root.Add(file); err != nil {
		t.Fatal(err)
	}
	s := start(t, fs.Options{Root: tr.root})
	root := s.attach(t)
	go tryOpen(root, "file", p9.ReadOnly)
	tr.await(t, "opening", 1)
	s.SetCloseTime(100 * time.Millisecond)
	if err := s.Close(); err == nil {
		t.Error("no error")
	}
	close(tr.release)
	s.SetCloseTime(patience)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wait(t, "the late handle to be closed", func() bool { return file.closed.Load() == 1 })
}

// Only so much code can be left behind.
func TestForeignHangLimit(t *testing.T) {
	tr := newTree()
	file := &foreignFile{name: "file", kind: nodes.KindCtl, hooks: map[string]func(){"Open": func() { <-tr.release }}}
	if err := tr.root.Add(file); err != nil {
		t.Fatal(err)
	}
	s := start(t, fs.Options{Root: tr.root, Limits: fs.Limits{Operation: 300 * time.Millisecond, Detached: 3}})
	root := s.attach(t)
	for range 3 {
		if _, err := tryOpen(root, "file", p9.ReadOnly); err != linux.ETIMEDOUT {
			t.Error(err)
		}
	}
	// The walk looks at it, which is foreign code already.
	if _, err := tryOpen(root, "file", p9.ReadOnly); err != linux.EBUSY {
		t.Error(err)
	}
	if got := cat(t, root, "process/pid"); got != "14905\n" {
		t.Errorf("pid %q", got)
	}
	close(tr.release)
}

// A Handle that breaks its promises.
func TestForeignNonsense(t *testing.T) {
	for name, h := range map[string]nodes.Handle{
		"none": nil, "negative": nonsense{n: -1}, "more": nonsense{n: 1000}, "less": nonsense{n: 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, fs.Options{Root: nodes.Directory("", "", nonsenseFile{h})})
			if err := use(s.attach(t), "file"); err != linux.EIO {
				t.Errorf("%v", err)
			}
		})
	}
}

type nonsense struct{ n int }

func (h nonsense) ReadAt(context.Context, []byte, int64) (int, error) {
	if h.n == 0 {
		return 1, nil
	}
	return h.n, nil
}
func (h nonsense) WriteAt(context.Context, []byte, int64) (int, error) { return h.n, nil }
func (h nonsense) Stat() (int64, time.Time)                            { return -5, time.Time{} }
func (h nonsense) Close() error                                        { return nil }

type nonsenseFile struct{ h nodes.Handle }

func (nonsenseFile) Name() string     { return "file" }
func (nonsenseFile) Doc() string      { return "nonsense" }
func (nonsenseFile) Attr() nodes.Attr { return nodes.Attr{Mode: 0o666, Size: -1} }
func (f nonsenseFile) Open(context.Context, nodes.Flags) (nodes.Handle, error) {
	return f.h, nil
}

// One operation that takes long holds up no other of the same connection.
func TestNothingHeldUp(t *testing.T) {
	tr := newTree()
	s := start(t, fs.Options{Root: tr.root})
	root := s.attach(t)
	ctl := open(t, root, "ctl", p9.WriteOnly)
	done := make(chan error, 2)
	go func() {
		_, err := ctl.WriteAt([]byte("block"), 0)
		done <- err
	}()
	tr.await(t, "blocking", 1)
	go func() {
		_, err := tryOpen(root, "block", p9.ReadOnly)
		done <- err
	}()
	tr.await(t, "blocking", 1)
	for range 100 {
		if got := cat(t, root, "process/pid"); got != "14905\n" {
			t.Fatalf("pid %q", got)
		}
	}
	s.Close()
	tr.await(t, "ended", 2)
	for range 2 {
		if err := <-done; err == nil {
			t.Error("no error")
		}
	}
}

// A Logger that blocks or panics holds up nobody.
func TestBadLogger(t *testing.T) {
	for name, h := range map[string]*badHandler{
		"blocks":           {block: make(chan struct{})},
		"blocks in asking": {block: make(chan struct{}), asking: true},
		"panics":           {},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTree()
			srv := fs.NewServer(fs.Options{Root: tr.root, Logger: slog.New(h)})
			addr := socketPath(t)
			l, err := fs.Listen(addr)
			if err != nil {
				t.Fatal(err)
			}
			go srv.Serve(l)
			s := &server{addr: addr}
			root := s.attach(t)
			f := open(t, root, "level", p9.WriteOnly)
			for range 1000 {
				if _, err := f.WriteAt([]byte("5"), 0); err != nil {
					t.Fatal(err)
				}
			}
			if h.block != nil {
				close(h.block)
			}
			if err := srv.Close(); err != nil {
				t.Error(err)
			}
			if h.block != nil && h.dropped.Load() < 700 {
				t.Errorf("%d messages dropped, says the log", h.dropped.Load())
			}
		})
	}
}

type badHandler struct {
	block   chan struct{}
	asking  bool // block when asked whether it is enabled
	dropped atomic.Int64
}

func (h *badHandler) Enabled(context.Context, slog.Level) bool {
	if h.asking {
		<-h.block
	}
	return true
}

func (h *badHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h *badHandler) WithGroup(string) slog.Handler      { return h }
func (h *badHandler) Handle(_ context.Context, r slog.Record) error {
	if h.block == nil {
		panic("logger")
	}
	<-h.block
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "dropped" {
			h.dropped.Add(a.Value.Int64())
		}
		return true
	})
	return nil
}
