//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// fake is a process without a connection, for tests of the bookkeeping.
type fake struct {
	mu    sync.Mutex
	files map[string]*fakeFile
	open  int // files that are open now
	ended chan struct{}
}

// fakeFile is a file of a fake.
type fakeFile struct {
	form    form
	perm    uint32
	size    int           // of a rendering
	capture chan struct{} // timed: the first read waits for it
	err     error         // of open
	hangs   bool          // open does, until it is cancelled
	opens   int
	begun   chan struct{} // timed: closed when the first read has begun
	ended   error         // timed: how the first read's context ended
}

func newFake() *fake {
	return &fake{ended: make(chan struct{}), files: map[string]*fakeFile{
		"text":   {form: formFile, perm: 0o444, size: 100},
		"large":  {form: formFile, perm: 0o444, size: inlineMax + 1},
		"var":    {form: formFile, perm: 0o600, size: 10},
		"stream": {form: formStream, perm: 0o444, size: 50},
		"timed":  {form: formTimed, perm: 0o444, size: 200, capture: make(chan struct{}), begun: make(chan struct{})},
		"broken": {form: formFile, perm: 0o444, err: syscall.EACCES},
		"hung":   {form: formFile, perm: 0o444, size: 10},
		"dir/a":  {form: formFile, perm: 0o444, size: 1},
	}}
}

func (f *fake) list(context.Context, string) ([]server, error) {
	return []server{{name: "1", addr: "fake"}}, nil
}

func (f *fake) dial(context.Context, string, time.Duration) (remote, owner, error) {
	return f.remote(), owner{}, nil
}

func (f *fake) remote() remote { return fakeRemote{f} }

func (f *fake) opened() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open
}

type fakeRemote struct{ f *fake }

func (r fakeRemote) stat(_ context.Context, path string) (info, error) {
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	if x := r.f.files[path]; x != nil {
		return info{form: x.form, perm: x.perm, qid: uint64(len(path))}, nil
	}
	if strings.HasPrefix(path, "dir") {
		return info{form: formDir, perm: 0o555, qid: 7}, nil
	}
	return info{}, syscall.ENOENT
}

func (r fakeRemote) list(context.Context, string) ([]entry, error) { return nil, nil }

func (r fakeRemote) open(ctx context.Context, path string, flags int) (remoteFile, error) {
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	x := r.f.files[path]
	if x == nil {
		return nil, syscall.ENOENT
	}
	if x.hangs {
		r.f.mu.Unlock()
		<-ctx.Done()
		r.f.mu.Lock()
		return nil, ctx.Err()
	}
	if x.err != nil {
		return nil, x.err
	}
	x.opens++
	r.f.open++
	return &fakeOpen{f: r.f, x: x, qid: uint64(len(path)), data: bytes.Repeat([]byte{byte('0' + x.opens%10)}, x.size)}, nil
}

func (r fakeRemote) done() <-chan struct{} { return r.f.ended }

func (r fakeRemote) alive() bool {
	select {
	case <-r.f.ended:
		return false
	default:
		return true
	}
}

func (r fakeRemote) close() {}

type fakeOpen struct {
	f    *fake
	x    *fakeFile
	qid  uint64
	data []byte
}

func (o *fakeOpen) readAt(ctx context.Context, p []byte, off int64) (int, error) {
	if o.x.capture != nil && off == 0 {
		select {
		case <-o.x.begun:
		default:
			close(o.x.begun)
		}
		select {
		case <-o.x.capture:
		case <-ctx.Done():
			o.x.ended = ctx.Err()
			return 0, ctx.Err()
		}
	}
	if off >= int64(len(o.data)) {
		return 0, io.EOF
	}
	return copy(p[:min(len(p), 64)], o.data[off:]), nil // always short
}

func (o *fakeOpen) writeAt(_ context.Context, p []byte, _ int64) (int, error) { return len(p), nil }

func (o *fakeOpen) stat(context.Context) (info, error) {
	o.f.mu.Lock()
	defer o.f.mu.Unlock()
	in := info{form: o.x.form, perm: o.x.perm, qid: o.qid, size: int64(len(o.data))}
	if o.x.form == formStream {
		in.size = int64(o.x.size)
	}
	return in, nil
}

func (o *fakeOpen) close() {
	o.f.mu.Lock()
	defer o.f.mu.Unlock()
	o.f.open--
}

// kernel asks a tree what the kernel would ask.
type kernel struct {
	t    *testing.T
	tree *tree
	stop context.CancelFunc
}

// boot makes a tree over a fake process and returns the number of its directory.
func boot(t *testing.T, f *fake, opts options) (*kernel, uint64) {
	t.Helper()
	if opts.times == (times{}) {
		opts.times = defaultTimes
	}
	if opts.memory == 0 {
		opts.memory = 256 << 20
	}
	opts.timeout = 5 * time.Second
	ctx, stop := context.WithCancel(context.Background())
	k := &kernel{t, newTree(ctx, opts, f), stop}
	dir, st := k.lookup(fuse.FUSE_ROOT_ID, "1")
	if st != fuse.OK {
		t.Fatal(st)
	}
	return k, dir.NodeId
}

func (k *kernel) lookup(dir uint64, name string) (out fuse.EntryOut, st fuse.Status) {
	return k.lookupBy(0, dir, name)
}

// lookupBy is the lookup of a process.
func (k *kernel) lookupBy(pid uint32, dir uint64, name string) (out fuse.EntryOut, st fuse.Status) {
	in := &fuse.InHeader{NodeId: dir, Caller: fuse.Caller{Pid: pid}}
	st = k.tree.Lookup(make(chan struct{}), in, name, &out)
	return out, st
}

// must is lookup of what is there.
func (k *kernel) must(dir uint64, name string) fuse.EntryOut {
	k.t.Helper()
	out, st := k.lookup(dir, name)
	if st != fuse.OK {
		k.t.Fatalf("lookup of %s: %v", name, st)
	}
	return out
}

func (k *kernel) open(id uint64, flags uint32) (uint64, fuse.Status) {
	in := &fuse.OpenIn{InHeader: fuse.InHeader{NodeId: id}, Flags: flags}
	var out fuse.OpenOut
	st := k.tree.Open(make(chan struct{}), in, &out)
	return out.Fh, st
}

func (k *kernel) read(fh uint64, off uint64, size int) string {
	k.t.Helper()
	in := &fuse.ReadIn{Fh: fh, Offset: off, Size: uint32(size)}
	res, st := k.tree.Read(make(chan struct{}), in, make([]byte, size))
	if st != fuse.OK {
		k.t.Fatalf("read: %v", st)
	}
	b, _ := res.Bytes(nil)
	return string(b)
}

func (k *kernel) release(fh uint64) {
	k.tree.Release(nil, &fuse.ReleaseIn{Fh: fh})
}

func (k *kernel) size(id uint64) (uint64, fuse.Status) {
	in := &fuse.GetAttrIn{InHeader: fuse.InHeader{NodeId: id}}
	var out fuse.AttrOut
	st := k.tree.GetAttr(make(chan struct{}), in, &out)
	return out.Size, st
}

// known is how many nodes, open files and bytes the tree holds.
func (k *kernel) known() string {
	k.tree.mu.Lock()
	defer k.tree.mu.Unlock()
	return fmt.Sprintf("%d nodes, %d open, %d bytes, %d idle", len(k.tree.nodes), len(k.tree.handles), k.tree.used, len(k.tree.idle))
}
