package client

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/hugelgupf/p9/fsimpl/templatefs"
	"github.com/hugelgupf/p9/linux"
	"github.com/hugelgupf/p9/p9"
)

// node is a file or directory of the tree that tests look at, served by p9's own
// server: another kind of 9P server than ours.
type node struct {
	children map[string]*node // of a directory
	data     string
	mode     p9.FileMode // permissions, 0444 by default
	typ      p9.QIDType
	mtime    uint64
	symlink  bool

	walkErr error                            // fails every walk to it
	openErr error                            // fails every Open
	read    func([]byte, int64) (int, error) // instead of data
	write   func([]byte) error
	onClose func()

	id uint64
}

func dir(children map[string]*node) *node { return &node{children: children} }
func text(data string) *node              { return &node{data: data} }

// testTree is a served tree.
type testTree struct {
	root *node
	addr string
	l    net.Listener

	mu    sync.Mutex
	conns []net.Conn
	total int
}

// serveTree serves root on a unix socket until the test ends.
func serveTree(t testing.TB, root *node) *testTree {
	t.Helper()
	tree := &testTree{root: root, addr: filepath.Join(shortDir(t), "s")}
	var ids uint64
	root.number(&ids)
	l, err := net.Listen("unix", tree.addr)
	if err != nil {
		t.Fatal(err)
	}
	tree.l = l
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			tree.mu.Lock()
			tree.conns = append(tree.conns, c)
			tree.total++
			tree.mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				p9.NewServer(tree).Handle(c, c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		tree.hangUp()
		wg.Wait()
	})
	return tree
}

// hangUp closes the connections that there are.
func (tree *testTree) hangUp() {
	tree.mu.Lock()
	defer tree.mu.Unlock()
	for _, c := range tree.conns {
		c.Close()
	}
	tree.conns = nil
}

// accepted counts the connections that there were.
func (tree *testTree) accepted() int {
	tree.mu.Lock()
	defer tree.mu.Unlock()
	return tree.total
}

func (tree *testTree) Attach() (p9.File, error) { return &fid{node: tree.root}, nil }

func (n *node) number(ids *uint64) {
	n.id = *ids
	*ids++
	for _, name := range slices.Sorted(mapKeys(n.children)) {
		n.children[name].number(ids)
	}
}

func mapKeys(m map[string]*node) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func (n *node) qid() p9.QID {
	typ := n.typ
	switch {
	case n.children != nil:
		typ |= p9.TypeDir
	case n.symlink:
		typ |= p9.TypeSymlink
	}
	return p9.QID{Type: typ, Path: n.id}
}

// fid is one use of a node.
type fid struct {
	templatefs.NotImplementedFile
	p9.DefaultWalkGetAttr
	node   *node
	failed string
}

func (f *fid) Walk(names []string) ([]p9.QID, p9.File, error) {
	if len(names) == 0 {
		return nil, &fid{node: f.node}, nil
	}
	child := f.node.children[names[0]]
	if child == nil {
		return nil, nil, linux.ENOENT
	}
	if child.walkErr != nil {
		return nil, nil, child.walkErr
	}
	return []p9.QID{child.qid()}, &fid{node: child}, nil
}

func (f *fid) WalkGetAttr(names []string) ([]p9.QID, p9.File, p9.AttrMask, p9.Attr, error) {
	return f.DefaultWalkGetAttr.WalkGetAttr(names)
}

func (f *fid) GetAttr(p9.AttrMask) (p9.QID, p9.AttrMask, p9.Attr, error) {
	mode := f.node.mode
	switch {
	case f.node.children != nil:
		mode |= p9.ModeDirectory | 0o555
	case f.node.symlink:
		mode |= p9.ModeSymlink | 0o777
	case mode == 0:
		mode = p9.ModeRegular | 0o444
	default:
		mode |= p9.ModeRegular
	}
	return f.node.qid(), p9.AttrMaskAll, p9.Attr{Mode: mode, Size: uint64(len(f.node.data)), NLink: 1, MTimeSeconds: f.node.mtime}, nil
}

func (f *fid) Open(flags p9.OpenFlags) (p9.QID, uint32, error) {
	switch {
	case f.node.openErr != nil:
		return p9.QID{}, 0, f.node.openErr
	case flags.Mode() != p9.ReadOnly && f.node.write == nil,
		flags.Mode() != p9.WriteOnly && f.node.mode != 0 && f.node.mode&0o444 == 0:
		return p9.QID{}, 0, linux.EACCES
	}
	return f.node.qid(), 0, nil
}

func (f *fid) ReadAt(p []byte, off int64) (int, error) {
	if f.failed != "" {
		n := copy(p, f.failed)
		f.failed = f.failed[n:]
		return n, nil
	}
	if f.node.read != nil {
		return f.node.read(p, off)
	}
	if off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	return copy(p, f.node.data[off:]), nil
}

func (f *fid) WriteAt(p []byte, off int64) (int, error) {
	if err := f.node.write(p); err != nil {
		f.failed = err.Error() + "\n"
		return 0, linux.EINVAL
	}
	return len(p), nil
}

func (f *fid) FSync() error                           { return nil }
func (f *fid) Renamed(newDir p9.File, newName string) {}

func (f *fid) Close() error {
	if f.node.onClose != nil {
		f.node.onClose()
	}
	return nil
}

func (f *fid) Readdir(offset uint64, count uint32) (p9.Dirents, error) {
	var list p9.Dirents
	for i, name := range slices.Sorted(mapKeys(f.node.children)) {
		if uint64(i) < offset {
			continue
		}
		child := f.node.children[name]
		list = append(list, p9.Dirent{QID: child.qid(), Offset: uint64(i + 1), Type: child.qid().Type, Name: name})
	}
	return list, nil
}

// shortDir is a new directory whose path leaves room for a socket's.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "c")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// dialTest dials and, when the test ends, hangs up.
func dialTest(t testing.TB, addr string, opts Options) *Conn {
	t.Helper()
	c, err := Dial(t.Context(), addr, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
