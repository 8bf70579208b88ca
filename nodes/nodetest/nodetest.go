// Package nodetest checks that a tree keeps the rules that clients rely on. The
// test of every plugin calls it:
//
//	func TestTree(t *testing.T) {
//		nodetest.Check(t, func(t *testing.T) (nodes.Dir, io.Closer) {
//			dir, closer, err := cache.Plugin.Open(plugintest.Config(t, "cache", ""))
//			...
//			return dir, closer
//		})
//	}
//
// Run it with -race: part of it opens and reads everything at once.
package nodetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ispyd/ispyd/nodes"
)

// patience is how long anything that must happen may take. It only bounds the
// failure of a test; NODETEST_PATIENCE, a duration, changes it.
var patience = func() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("NODETEST_PATIENCE")); err == nil {
		return d
	}
	return 30 * time.Second
}()

// Check builds the tree with open, reads all of it as clients do, closes it,
// and reports every rule that it breaks:
//
//   - names are valid and stand once in their directory; what is listed is
//     found, as the same kind of node; what is not there is fs.ErrNotExist
//   - every node has a doc of one line
//   - every listed file that can be read is read without an error; what one open
//     file shows has exactly the size that it says and does not change, however
//     it is read, also while eight others read it
//   - .json twins are JSON
//   - what cannot be written says so; a bad command fails with a sentinel of
//     io/fs or nodes and a text, and the same open file then reads as that text
//   - after the last Close no goroutine is left
//
// It writes nothing that a correct tree would act on. Files that are not listed
// are not opened.
func Check(t *testing.T, open func(t *testing.T) (nodes.Dir, io.Closer)) {
	t.Helper()
	before := runtime.NumGoroutine()
	dir, closer := open(t)
	c := &checker{ctx: t.Context()}
	c.dir(t, dir, dir.Name(), 0)
	if c.files == 0 {
		t.Error("the tree has no files")
	}
	c.parallel(t)
	if closer != nil {
		if err := closer.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	goroutinesBack(t, before)
}

// goroutinesBack waits until no more goroutines run than before.
func goroutinesBack(t *testing.T, before int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Errorf("%d goroutines before, %d after Close:\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
			return
		}
		runtime.Gosched()
	}
}

type checker struct {
	ctx   context.Context
	files int
	read  []namedFile // the files to read in parallel
}

type namedFile struct {
	path string
	file nodes.File
}

const maxDepth = 32

func (c *checker) dir(t *testing.T, dir nodes.Dir, path string, depth int) {
	t.Helper()
	c.doc(t, dir, path)
	if depth == maxDepth {
		t.Errorf("%s: more than %d levels deep", path, maxDepth)
		return
	}
	list, err := dir.List(c.ctx)
	if err != nil {
		t.Errorf("%s: List: %v", path, err)
		return
	}
	c.missing(t, dir, path)
	seen := map[string]bool{}
	for _, n := range list {
		name := n.Name()
		p := path + "/" + name
		if !nodes.ValidName(name) {
			t.Errorf("%s: %q is not a valid name", path, name)
			continue
		}
		if seen[name] {
			t.Errorf("%s: listed twice", p)
		}
		seen[name] = true
		found, err := nodes.Lookup(c.ctx, dir, name)
		if errors.Is(err, fs.ErrNotExist) && gone(c.ctx, dir, name) {
			continue // it came and went
		}
		if err != nil {
			t.Errorf("%s: listed, but Lookup says: %v", p, err)
			continue
		}
		if found.Name() != name {
			t.Errorf("%s: Lookup finds a node called %q", p, found.Name())
		}
		c.node(t, n, found, p, depth)
	}
}

// gone reports whether the name is no longer listed.
func gone(ctx context.Context, dir nodes.Dir, name string) bool {
	list, err := dir.List(ctx)
	if err != nil {
		return false
	}
	for _, n := range list {
		if n.Name() == name {
			return false
		}
	}
	return true
}

func (c *checker) node(t *testing.T, listed, found nodes.Node, p string, depth int) {
	t.Helper()
	d, isDir := found.(nodes.Dir)
	f, isFile := found.(nodes.File)
	_, listedDir := listed.(nodes.Dir)
	switch {
	case isDir && isFile:
		t.Errorf("%s: both a file and a directory", p)
	case isDir != listedDir:
		t.Errorf("%s: a directory in the list or by Lookup, but not both", p)
	case isDir:
		c.dir(t, d, p, depth+1)
	case isFile:
		c.files++
		c.file(t, f, p)
	default:
		t.Errorf("%s: neither a file nor a directory: %T", p, found)
	}
}

func (c *checker) doc(t *testing.T, n nodes.Node, path string) {
	t.Helper()
	switch doc := n.Doc(); {
	case strings.TrimSpace(doc) == "":
		t.Errorf("%s: no doc", path)
	case strings.ContainsAny(doc, "\n\t\r"):
		t.Errorf("%s: the doc is not one line without tabs: %q", path, doc)
	case strings.HasSuffix(doc, "."):
		t.Errorf("%s: the doc ends with a full stop: %q", path, doc)
	}
}

// missing looks up names that no tree has.
func (c *checker) missing(t *testing.T, dir nodes.Dir, path string) {
	t.Helper()
	for _, name := range []string{"no such name", "no such name.json", ".json", "", ".", "..", "a/b", "\x00", strings.Repeat("x", 300)} {
		if n, err := nodes.Lookup(c.ctx, dir, name); err == nil {
			t.Errorf("%s: Lookup(%q) finds %q", path, name, n.Name())
		} else if !known(err) {
			t.Errorf("%s: Lookup(%q): the error wraps no sentinel: %v", path, name, err)
		}
	}
	if _, err := nodes.Lookup(c.ctx, dir, "no such name"); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("%s: Lookup of a name that is not there: %v, want fs.ErrNotExist", path, err)
	}
}

var sentinels = []error{
	fs.ErrNotExist, fs.ErrExist, fs.ErrInvalid, fs.ErrPermission,
	nodes.ErrBusy, nodes.ErrNotSupported, nodes.ErrDisabled, nodes.ErrReadOnly,
	nodes.ErrTooLarge, nodes.ErrTimeout, context.Canceled, context.DeadlineExceeded,
}

// known reports whether err wraps something that has an errno of its own.
func known(err error) bool {
	for _, s := range sentinels {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}

func (c *checker) file(t *testing.T, f nodes.File, p string) {
	t.Helper()
	c.doc(t, f, p)
	a := f.Attr()
	if a.Mode&^0o666 != 0 {
		t.Errorf("%s: mode %o has other bits than those for reading and writing", p, a.Mode)
	}
	if a.Mode&0o022 != 0 {
		t.Errorf("%s: mode %o lets others write", p, a.Mode)
	}
	switch a.Kind {
	case nodes.KindStatic, nodes.KindText, nodes.KindValue, nodes.KindVar, nodes.KindCtl, nodes.KindStream, nodes.KindSession:
	case nodes.KindTimed:
		t.Errorf("%s: a timed file must not be listed", p)
		return
	default:
		t.Errorf("%s: kind %q is none of package nodes'", p, a.Kind)
	}
	c.writing(t, f, p)
	if a.Mode&0o444 == 0 || a.Slow {
		return
	}
	c.snapshot(t, f, p)
	if tw, ok := f.(nodes.Twinned); ok {
		c.twin(t, tw, p)
	}
	c.read = append(c.read, namedFile{p, f})
}

// snapshot reads one open file in several ways.
func (c *checker) snapshot(t *testing.T, f nodes.File, p string) {
	t.Helper()
	h, err := f.Open(c.ctx, nodes.Read)
	if err != nil {
		if !known(err) || strings.TrimSpace(err.Error()) == "" {
			t.Errorf("%s: Open: no sentinel, or no text: %v", p, err)
		}
		if f.Attr().Kind != nodes.KindSession {
			t.Errorf("%s: listed, but cannot be read: %v", p, err)
		}
		return
	}
	defer closeHandle(t, h, p)
	kind := f.Attr().Kind
	if kind == nodes.KindStream {
		if _, err := readAll(c.ctx, h, 512); err != nil {
			t.Errorf("%s: read: %v", p, err)
		}
		return
	}
	whole, err := readAll(c.ctx, h, 64<<10)
	if err != nil {
		t.Errorf("%s: read: %v", p, err)
		return
	}
	if size, _ := h.Stat(); size != int64(len(whole)) {
		t.Errorf("%s: %d bytes, but the open file says %d", p, len(whole), size)
	}
	if a := f.Attr(); kind == nodes.KindStatic && a.Size != int64(len(whole)) {
		t.Errorf("%s: %d bytes, but Attr says %d", p, len(whole), a.Size)
	}
	step := max(7, len(whole)/512)
	if again, err := readAll(c.ctx, h, step); err != nil || !bytes.Equal(again, whole) {
		t.Errorf("%s: reading it again by %d bytes gives something else (error %v)", p, step, err)
	}
	if n, err := h.ReadAt(c.ctx, make([]byte, 1), int64(len(whole))+1000); n != 0 || err != io.EOF {
		t.Errorf("%s: read behind the end: %d, %v, want 0, io.EOF", p, n, err)
	}
	if n, err := h.ReadAt(c.ctx, make([]byte, 1), -1); n != 0 || err == nil {
		t.Errorf("%s: read at offset -1: %d, %v, want an error", p, n, err)
	}
	if kind != nodes.KindStatic && len(whole) > 0 && whole[len(whole)-1] != '\n' && isText(whole) {
		t.Errorf("%s: text that does not end with a newline: %q", p, whole[max(0, len(whole)-40):])
	}
}

func isText(b []byte) bool { return bytes.IndexByte(b, 0) < 0 }

func (c *checker) twin(t *testing.T, f nodes.Twinned, p string) {
	t.Helper()
	tw := f.Twin()
	if tw.Name() != f.Name()+".json" {
		t.Errorf("%s: its twin is called %q", p, tw.Name())
	}
	c.doc(t, tw, p+".json")
	h, err := tw.Open(c.ctx, nodes.Read)
	if err != nil {
		t.Errorf("%s.json: Open: %v", p, err)
		return
	}
	defer closeHandle(t, h, p+".json")
	b, err := readAll(c.ctx, h, 64<<10)
	if err != nil {
		t.Errorf("%s.json: read: %v", p, err)
	}
	if !json.Valid(b) {
		t.Errorf("%s.json: not JSON: %.100q", p, b)
	}
}

// writing checks what must be refused.
func (c *checker) writing(t *testing.T, f nodes.File, p string) {
	t.Helper()
	a := f.Attr()
	if a.Mode&0o222 == 0 {
		if h, err := f.Open(c.ctx, nodes.Write); err == nil {
			t.Errorf("%s: mode %o, but it can be opened for writing", p, a.Mode)
			closeHandle(t, h, p)
		} else if !known(err) {
			t.Errorf("%s: opening it for writing: the error wraps no sentinel: %v", p, err)
		}
		return
	}
	if a.Kind != nodes.KindCtl && a.Kind != nodes.KindVar {
		return
	}
	h, err := f.Open(c.ctx, nodes.Read|nodes.Write)
	if err != nil {
		if !known(err) {
			t.Errorf("%s: opening it: the error wraps no sentinel: %v", p, err)
		}
		return
	}
	defer closeHandle(t, h, p)
	before, err := readAll(c.ctx, h, 4096)
	if err != nil {
		t.Errorf("%s: read: %v", p, err)
	}
	if a.Kind == nodes.KindVar && !isNumber(before) {
		return // any text might be right
	}
	if a.Kind == nodes.KindCtl {
		for line := range strings.Lines(string(before)) {
			if strings.Count(line, "\t") != 2 {
				t.Errorf("%s: not verb, tab, arguments, tab, doc: %q", p, line)
			}
		}
	}
	bad := "no-such-verb-or-value\n"
	n, err := h.WriteAt(c.ctx, []byte(bad), 0)
	switch {
	case err == nil:
		t.Errorf("%s: takes %q", p, bad)
		return
	case n != 0:
		t.Errorf("%s: a write that failed says that it took %d bytes", p, n)
	case !known(err):
		t.Errorf("%s: a bad write: the error wraps no sentinel: %v", p, err)
	}
	text, rerr := readAll(c.ctx, h, 4096)
	if rerr != nil || !strings.Contains(string(text), err.Error()) {
		t.Errorf("%s: after the write that failed with %q it reads as %q (error %v)", p, err, text, rerr)
	}
}

func isNumber(b []byte) bool {
	var n json.Number
	return json.Unmarshal(bytes.TrimSpace(b), &n) == nil
}

// parallel reads every file eight times at once.
func (c *checker) parallel(t *testing.T) {
	t.Helper()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, f := range c.read {
				c.once(t, f)
			}
		})
	}
	wg.Wait()
}

func (c *checker) once(t *testing.T, f namedFile) {
	h, err := f.file.Open(c.ctx, nodes.Read)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: Open, while others read: %v", f.path, err)
		}
		return
	}
	defer closeHandle(t, h, f.path)
	b, err := readAll(c.ctx, h, 32<<10)
	if err != nil {
		t.Errorf("%s: read, while others read: %v", f.path, err)
	}
	if size, _ := h.Stat(); f.file.Attr().Kind != nodes.KindStream && size != int64(len(b)) {
		t.Errorf("%s: %d bytes, but the open file says %d, while others read", f.path, len(b), size)
	}
}

func closeHandle(t *testing.T, h nodes.Handle, p string) {
	t.Helper()
	if err := h.Close(); err != nil {
		t.Errorf("%s: Close: %v", p, err)
	}
}

// readAll reads from 0 to the end by pieces of at most step bytes.
func readAll(ctx context.Context, h nodes.Handle, step int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var all []byte
	buf := make([]byte, step)
	for {
		n, err := h.ReadAt(ctx, buf, int64(len(all)))
		all = append(all, buf[:n]...)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		if n == 0 {
			return all, io.ErrNoProgress
		}
		if len(all) > 2*nodes.MaxRendering {
			return all, nodes.Errorf(nodes.ErrTooLarge, "does not end within %d bytes", len(all))
		}
	}
}
