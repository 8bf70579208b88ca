package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strings"
	"sync"
	"syscall"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/fs/client"
)

// maxDepth is where a walk ends in any case: a tree that is bound into itself has
// no end.
const maxDepth = 64

// walker goes through directories, what is in one after the directory itself,
// sorted by name. It lists several directories at once, ahead of what is taken.
type walker struct {
	space *space.Space
	// depth is how deep to go: 0 is the root alone, less than 0 without bound.
	depth int
	// keep selects what is shown; nil is all. What is in a directory that is not
	// kept is left out as well.
	keep func(fs.DirEntry) bool
}

// found is what a walk comes to. err is why a directory could not be listed; it
// comes after the directory itself.
type found struct {
	path  string // absolute
	name  string // as the person would type it
	dir   bool
	mode  fs.FileMode // the kind of file
	depth int
	last  bool // of its directory
	width int  // of the longest name beside it
	err   error
}

// walk goes through the tree at the absolute path, which the person called name.
// A file is a tree of itself.
func (w walker) walk(ctx context.Context, abs, name string) iter.Seq[found] {
	return func(yield func(found) bool) {
		root := found{path: abs, name: name, dir: true, mode: fs.ModeDir, last: true}
		if name != "" && name != "." { // the current directory is one
			info, err := w.space.Stat(ctx, abs)
			if err != nil {
				root.err = err
				yield(root)
				return
			}
			root.dir, root.mode = info.IsDir(), info.Mode()
		}
		if !yield(root) || !root.dir || w.depth == 0 {
			return
		}
		entries, err := w.space.ReadDir(ctx, abs)
		if err != nil {
			root.err = err
			yield(root)
			return
		}
		ctx, stop := context.WithCancel(ctx)
		wk := &walk{walker: w, ctx: ctx, yield: yield, slots: make(chan struct{}, ahead)}
		defer wk.work.Wait()
		defer stop()
		wk.dir(root, entries)
	}
}

// walk is one use of a walker.
type walk struct {
	walker
	ctx   context.Context
	yield func(found) bool
	slots chan struct{}
	work  sync.WaitGroup
}

// listing is what a directory holds, once done is closed.
type listing struct {
	done    chan struct{}
	entries []fs.DirEntry
	err     error
}

func (w *walk) list(abs string) *listing {
	l := &listing{done: make(chan struct{})}
	w.work.Go(func() {
		defer close(l.done)
		select {
		case w.slots <- struct{}{}:
			l.entries, l.err = w.space.ReadDir(w.ctx, abs)
			<-w.slots
		case <-w.ctx.Done():
			l.err = context.Cause(w.ctx)
		}
	})
	return l
}

// dir goes through what is in a directory, and says whether to go on.
func (w *walk) dir(in found, entries []fs.DirEntry) bool {
	depth := in.depth + 1
	if w.walker.depth >= 0 && depth > w.walker.depth {
		return true
	}
	if w.keep != nil {
		kept := make([]fs.DirEntry, 0, len(entries))
		for _, e := range entries {
			if w.keep(e) {
				kept = append(kept, e)
			}
		}
		entries = kept
	}
	width := 0
	for _, e := range entries {
		width = max(width, len(e.Name()))
	}
	deeper := w.walker.depth < 0 || depth < w.walker.depth
	var listings []*listing // of the directories from here to next
	next := 0
	for i, e := range entries {
		for ; deeper && depth < maxDepth && next < len(entries) && len(listings) < ahead; next++ {
			if entries[next].IsDir() {
				listings = append(listings, w.list(join(in.path, entries[next].Name())))
			}
		}
		f := found{path: join(in.path, e.Name()), name: join(in.name, e.Name()), dir: e.IsDir(), mode: mode(e),
			depth: depth, last: i == len(entries)-1, width: width}
		if !w.yield(f) {
			return false
		}
		if !f.dir || !deeper {
			continue
		}
		if depth == maxDepth {
			f.err = &client.Error{Op: "list", Path: f.path, Errno: syscall.ELOOP,
				Text: fmt.Sprintf("is %d directories deep, and what is in it is left out", depth)}
			if !w.yield(f) {
				return false
			}
			continue
		}
		l := listings[0]
		listings = listings[1:]
		<-l.done
		switch {
		case errors.Is(l.err, fs.ErrNotExist): // gone meanwhile
		case l.err != nil:
			f.err = l.err
			if !w.yield(f) {
				return false
			}
		case !w.dir(f, l.entries):
			return false
		}
	}
	return true
}

// join is a name in a directory, as it is typed: "" is the current one.
func join(dir, name string) string {
	if dir == "" || dir == space.LocalPrefix || strings.HasSuffix(dir, "/") {
		return dir + name
	}
	return dir + "/" + name
}

// mode is what a directory tells of a file: its kind, and whether it is a stream
// or slow.
func mode(e fs.DirEntry) fs.FileMode {
	if m, ok := e.(interface{ Mode() fs.FileMode }); ok {
		return m.Mode()
	}
	return e.Type()
}
