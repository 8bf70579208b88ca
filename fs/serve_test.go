package fs_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hugelgupf/p9/linux"
	"github.com/hugelgupf/p9/p9"

	"github.com/ispyd/ispyd/fs"
	"github.com/ispyd/ispyd/nodes"
)

func TestRead(t *testing.T) {
	tr := newTree()
	root := start(t, fs.Options{Root: tr.root}).attach(t)
	tr.ring.Append([]byte("one"))
	for path, want := range map[string]string{
		"process/pid":      "14905\n",
		"process/pid.json": "14905\n",
		"process/args":     "srv\x00-x\n",
		"level":            "3\n",
		"ctl":              "ok\t\tdoes nothing\nbad\t\tfails\npanic\t\tpanics\nblock\t\tblocks\n",
		"cpu/5ms":          "captured for 5ms\n",
		"log/tail":         "one\n",
		"big":              strings.Repeat("0123456789abcde\n", 1<<16),
	} {
		if got := cat(t, root, path); got != want {
			t.Errorf("%s: %.40q, want %.40q", path, got, want)
		}
	}
}

func TestErrnoOfOpen(t *testing.T) {
	root := start(t, fs.Options{}).attach(t)
	for _, c := range []struct {
		path  string
		flags p9.OpenFlags
		want  error
	}{
		{"nothing", p9.ReadOnly, linux.ENOENT},
		{"process/nothing", p9.ReadOnly, linux.ENOENT},
		{"names/nume", p9.ReadOnly, linux.ENOENT},
		{"process/pid/x", p9.ReadOnly, linux.ENOTDIR},
		{"process/nothing.json", p9.ReadOnly, linux.ENOENT},
		{"process/args.json", p9.ReadOnly, linux.ENOENT},
		{"cpu/hello", p9.ReadOnly, linux.EINVAL},
		{"cpu/2h", p9.ReadOnly, linux.EINVAL},
		{"fails", p9.ReadOnly, linux.EOPNOTSUPP},
		{"panics", p9.ReadOnly, linux.EIO},
		{"process/pid", p9.WriteOnly, linux.EACCES},
		{"process/pid", p9.ReadWrite, linux.EACCES},
		{"process", p9.WriteOnly, linux.EISDIR},
		{"process/pid", 3, linux.EINVAL},
		{strings.Repeat("x", 256), p9.ReadOnly, linux.ENAMETOOLONG},
		{"a\x00b", p9.ReadOnly, linux.ENOENT},
	} {
		if _, err := tryOpen(root, c.path, c.flags); err != c.want {
			t.Errorf("open %q %v: %v, want %v", c.path, c.flags, err, c.want)
		}
	}
}

func TestGetattr(t *testing.T) {
	tr := newTree()
	root := start(t, fs.Options{Root: tr.root}).attach(t)
	tr.ring.Append([]byte("one"))
	for path, want := range map[string]struct {
		mode p9.FileMode
		qid  p9.QIDType
		size uint64
	}{
		"":             {p9.ModeDirectory | 0o555, p9.TypeDir, 0},
		"process/args": {p9.ModeRegular | 0o444, p9.TypeRegular, 7},
		"process/pid":  {p9.ModeRegular | 0o444, p9.TypeRegular, 0},
		"level":        {p9.ModeRegular | 0o600, p9.TypeRegular, 0},
		"log/tail":     {p9.ModeRegular | 0o444, p9.TypeAppendOnly, 4},
		"session":      {p9.ModeRegular | 0o600, p9.TypeTemporary, 0},
		"cpu/1s":       {p9.ModeRegular | 0o444, p9.TypeTemporary, 0},
	} {
		var names []string
		if path != "" {
			names = strings.Split(path, "/")
		}
		begun := time.Now()
		qids, f, valid, a, err := root.WalkGetAttr(names)
		if err != nil {
			t.Fatal(path, err)
		}
		q, _, again, err := f.GetAttr(p9.AttrMaskAll)
		if err != nil {
			t.Fatal(path, err)
		}
		if len(qids) > 0 && q != qids[len(qids)-1] {
			t.Errorf("%s: QID %v, then %v", path, qids[len(qids)-1], q)
		}
		if a.Mode != want.mode || q.Type != want.qid || a.Size != want.size || again.Mode != a.Mode {
			t.Errorf("%s: mode %o, QID type %x, size %d; want %o", path, a.Mode, q.Type, a.Size, want)
		}
		if a.UID != p9.UID(os.Geteuid()) || a.GID != p9.GID(os.Getegid()) || a.NLink < 1 || a.BlockSize != 4096 || a.Blocks != (a.Size+511)/512 {
			t.Errorf("%s: %v", path, a)
		}
		if valid.Size != true || valid.MTime != true || valid.BTime || valid.Gen {
			t.Errorf("%s: %v", path, valid)
		}
		mtime := time.Unix(int64(a.MTimeSeconds), int64(a.MTimeNanoSeconds))
		if mtime.After(time.Now()) || path == "process/pid" && mtime.Before(begun) {
			t.Errorf("%s: modified at %v", path, mtime)
		}
	}
	// When it is open the size is that of what it reads.
	f := open(t, root, "big", p9.ReadOnly)
	if _, _, a, err := f.GetAttr(p9.AttrMaskAll); err != nil || a.Size != 1<<20 || a.Blocks != 2048 {
		t.Error(a, err)
	}
	s := open(t, root, "log/tail", p9.ReadOnly)
	tr.ring.Append([]byte("two"))
	if _, _, a, err := s.GetAttr(p9.AttrMaskAll); err != nil || a.Size != 8 {
		t.Error(a, err)
	}
}

// QIDs are the same on every connection and in every server, and differ from
// file to file.
func TestQIDs(t *testing.T) {
	seen := map[uint64]string{}
	for i := range 2 {
		root := start(t, fs.Options{}).attach(t)
		for _, path := range []string{"process", "process/pid", "process/args", "process/pid.json", "log", "log/tail", "big"} {
			qids, _, err := root.Walk(strings.Split(path, "/"))
			if err != nil {
				t.Fatal(err)
			}
			q := qids[len(qids)-1].Path
			if was, ok := seen[q]; ok != (i == 1) || ok && was != path {
				t.Errorf("%s and %s: %x", was, path, q)
			}
			seen[q] = path
		}
		entries := open(t, root, "process", p9.ReadOnly)
		list, err := entries.Readdir(0, 8192)
		if err != nil || len(list) != 2 {
			t.Fatal(list, err)
		}
		for _, e := range list {
			if seen[e.QID.Path] != "process/"+e.Name {
				t.Errorf("%s has another QID in its directory", e.Name)
			}
		}
	}
}

// A list does not tear while its directory changes, and is taken anew when it is
// read from the start.
func TestReaddirSnapshot(t *testing.T) {
	dir := nodes.Directory("dir", "comes and goes")
	const n = 3000
	name := func(i int) string { return fmt.Sprintf("entry-%05d", i) }
	for i := range n {
		if err := dir.Add(nodes.Static(name(i), "an entry", nil)); err != nil {
			t.Fatal(err)
		}
	}
	// The foreign directory also lists what can be no name.
	odd := nodes.Dynamic("odd", "odd names", func(context.Context, string) (nodes.Node, error) { return nil, nil },
		func(context.Context) ([]nodes.Node, error) {
			return []nodes.Node{
				nodes.Static("a/b", "", nil), nil, nodes.Static("ok", "", nil), nodes.Static("", "", nil),
				nodes.Static(strings.Repeat("x", 256), "", nil), nodes.Static("..", "", nil),
			}, nil
		})
	root := start(t, fs.Options{Root: nodes.Directory("", "", dir, odd)}).attach(t)
	d := open(t, root, "dir", p9.ReadOnly)
	var got []string
	for off := uint64(0); ; {
		entries, err := d.Readdir(off, 2000)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			got = append(got, e.Name)
			off = e.Offset
		}
		// What has been read and what will be both go.
		dir.Remove(name(len(got) - 1))
		dir.Remove(name(n - 1 - len(got)))
		dir.Add(nodes.Static(fmt.Sprintf("entry-%05d-new", len(got)), "", nil))
	}
	if len(got) != n || !slices.IsSorted(got) {
		t.Errorf("%d entries", len(got))
	}
	first, err := d.Readdir(0, 2000)
	if err != nil || len(first) == 0 {
		t.Fatal(first, err)
	}
	if names, err := list(root, "odd"); err != nil || !slices.Equal(names, []string{"ok"}) {
		t.Error(names, err)
	}
}

// Many clients at once do all that there is.
func TestAtOnce(t *testing.T) {
	tr := newTree()
	back := goroutinesBack(t)
	s := start(t, fs.Options{Root: tr.root})
	var wg sync.WaitGroup
	for range 8 {
		root := s.attach(t)
		for range 4 {
			wg.Go(func() {
				for i := range 50 {
					tr.ring.Append([]byte("record"))
					for _, path := range []string{"process/pid", "process/args", "level", "log/tail", "ctl", "cpu/1ms"} {
						f, err := tryOpen(root, path, p9.ReadOnly)
						if err != nil {
							t.Error(path, err)
							return
						}
						f.ReadAt(make([]byte, 1000), 0)
						f.Close()
					}
					if f, err := tryOpen(root, "level", p9.WriteOnly); err != nil || write(f, fmt.Sprint(i%10)) != nil {
						t.Error(err)
						return
					} else {
						f.Close()
					}
					if _, err := list(root, ""); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	s.Close()
	back()
}

// An idle server has one goroutine for each connection, and no timer.
func TestIdle(t *testing.T) {
	tr := newTree()
	base := runtime.NumGoroutine()
	s := start(t, fs.Options{Root: tr.root})
	var wg sync.WaitGroup
	for range 10 {
		root := s.attach(t)
		wg.Go(func() {
			for range 20 {
				f, err := tryOpen(root, "process/pid", p9.ReadOnly)
				if err != nil {
					t.Error(err)
					return
				}
				f.ReadAt(make([]byte, 10), 0)
				f.Close()
			}
		})
	}
	wg.Wait()
	// One more accepts connections.
	wait(t, "all but the readers to end", func() bool { return runtime.NumGoroutine() <= base+10+1 })
	wait(t, "the watch to end", func() bool { return !strings.Contains(stacks(), "fs.(*watch).run(") })
}

// Nor does the watch go on for a request that lost the reader and was the last
// of its connection.
func TestIdleAfterSlow(t *testing.T) {
	tr := newTree()
	root := start(t, fs.Options{Root: tr.root}).attach(t)
	readers := func() int { return strings.Count(stacks(), "fs.(*conn).reader(") }
	before := readers()
	tr.mu.Lock()
	var wg sync.WaitGroup
	wg.Go(func() {
		if f, err := tryOpen(root, "level", p9.ReadOnly); err != nil {
			t.Error(err)
		} else {
			f.Close()
		}
	})
	wait(t, "the request to lose the reader", func() bool { return readers() > before })
	tr.mu.Unlock()
	wait(t, "the watch to end", func() bool { return !strings.Contains(stacks(), "fs.(*watch).run(") })
	wg.Wait()
}

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

// A listener may be of any kind. Of whom the kernel does not tell who he is can
// read.
func TestAnyConnection(t *testing.T) {
	s := fs.NewServer(fs.Options{Root: newTree().root})
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	ours, theirs := net.Pipe()
	l.conns <- theirs
	root := attach(t, ours)
	if got := cat(t, root, "level"); got != "3\n" {
		t.Errorf("level %q", got)
	}
	if _, err := tryOpen(root, "level", p9.WriteOnly); err != linux.EACCES {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := s.Serve(l); err != nil {
		t.Errorf("Serve of a closed server: %v", err)
	}
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }
