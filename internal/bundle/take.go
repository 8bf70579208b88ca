package bundle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// headStart is how long what takes its time waits for the rest: a profile should
// not show the making of the bundle, nor hold what the others use.
const headStart = time.Second

// taker is one use of Take.
type taker struct {
	src  Source
	o    Options
	sink sink
	room *room

	mu       sync.Mutex
	seen     map[string]bool
	problems []Problem
	stopped  error
	last     bool   // what the disk fails at now, is missing
	again    []task // what it has failed at before
}

// task is a file or directory to be taken.
type task struct {
	name  string
	dir   bool
	depth int
	named bool // what it is, is not known
}

func newTaker(src Source, o Options, s sink) *taker {
	return &taker{src: src, o: o, sink: s, room: &room{left: o.MaxBytes, each: max(o.MaxBytes/4, 1)}, seen: map[string]bool{}}
}

// run takes all that is listed, and what is named.
func (t *taker) run(ctx context.Context) {
	listed := make(chan struct{})
	go func() {
		defer close(listed)
		t.all(ctx, task{dir: true})
	}()
	var named []task
	for _, name := range t.o.Also {
		named = append(named, task{name: strings.Trim(path.Clean("/"+name), "/"), named: true})
	}
	if len(named) > 0 {
		wait := time.NewTimer(headStart)
		defer wait.Stop()
		select {
		case <-listed:
		case <-wait.C:
		case <-ctx.Done():
		}
		t.all(ctx, named...)
	}
	<-listed
	// What had no room while others were written may have some now.
	t.last = true
	for _, k := range t.again {
		if ctx.Err() == nil {
			t.file(ctx, k)
		} else {
			t.problem(k.name, context.Cause(ctx), 0)
		}
	}
	if err := ctx.Err(); err != nil {
		t.stop(context.Cause(ctx))
	}
	slices.SortFunc(t.problems, func(a, b Problem) int { return cmp.Compare(a.Name, b.Name) })
}

// all does the tasks, and those that they make.
func (t *taker) all(ctx context.Context, tasks ...task) {
	q := newQueue(tasks...)
	q.run(func(k task) {
		if ctx.Err() != nil {
			return
		}
		if k.named {
			e, err := within(ctx, t.o.Timeout, func(ctx context.Context) (Entry, error) { return t.src.Stat(ctx, k.name) })
			if err != nil {
				t.problem(k.name, err, 0)
				return
			}
			k.dir = e.Dir
		}
		switch {
		case !t.claim(k):
		case k.name == Errors:
			t.problem(k.name, errors.New("the bundle has a list of errors of that name"), 0)
		case k.dir:
			q.add(t.list(ctx, k)...)
		default:
			t.file(ctx, k)
		}
	})
}

// claim reports whether nobody else takes the file.
func (t *taker) claim(k task) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen[k.name] {
		return false
	}
	if len(t.seen) >= maxFiles {
		if t.stopped == nil {
			t.stopped = fmt.Errorf("there are more than %d files", maxFiles)
		}
		return false
	}
	t.seen[k.name] = true
	return true
}

// list makes a directory, and tasks of what it lists.
func (t *taker) list(ctx context.Context, k task) []task {
	if k.depth > maxDepth {
		t.problem(k.name, fmt.Errorf("more than %d directories deep", maxDepth), 0)
		return nil
	}
	if err := t.sink.mkdir(cmp.Or(k.name, ".")); err != nil {
		t.problem(k.name, &DiskError{err}, 0)
		return nil
	}
	entries, err := within(ctx, t.o.Timeout, func(ctx context.Context) ([]Entry, error) { return t.src.List(ctx, k.name) })
	if err != nil {
		t.failed(k, err, 0)
		return nil
	}
	var tasks []task
	for _, e := range entries {
		switch {
		case !fs.ValidPath(e.Name) || strings.Contains(e.Name, "/") || e.Name == ".":
			t.problem(path.Join(k.name, "?"), fmt.Errorf("%q is no name for a file", e.Name), 0)
		case k.name == "" && e.Dir && e.Name == Variables:
		case e.Dir || !e.Asked:
			tasks = append(tasks, task{name: path.Join(k.name, e.Name), dir: e.Dir, depth: k.depth + 1})
		}
	}
	return tasks
}

// file takes a file. What has been read of one that fails is kept, unless it is
// the disk that failed.
func (t *taker) file(ctx context.Context, k task) {
	var g *guard
	var readErr error
	if k.named {
		if err := t.sink.mkdir(path.Dir(k.name)); err != nil {
			t.problem(k.name, &DiskError{err}, 0)
			return
		}
	}
	err := t.sink.put(k.name, func(w io.Writer) error {
		g = &guard{w: w, room: t.room}
		_, readErr = within(ctx, t.o.Timeout+Duration(k.name), func(ctx context.Context) (struct{}, error) {
			return struct{}{}, t.src.Copy(ctx, k.name, g)
		})
		return g.end(readErr)
	})
	switch {
	case g == nil || err != nil && !errors.Is(err, errNothing):
		if g != nil {
			t.room.give(g.n)
		}
		t.diskFailed(k, err)
	case g.full != nil:
		t.problem(k.name, g.full, g.n)
	case readErr != nil:
		t.failed(k, readErr, g.n)
	}
}

func (t *taker) diskFailed(k task, err error) {
	if t.last {
		t.problem(k.name, &DiskError{err}, 0)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.again = append(t.again, k)
}

// failed notes what reading failed with.
func (t *taker) failed(k task, err error, kept int64) {
	t.add(Problem{Name: k.name, Err: err, Kept: kept, Gone: !k.named && kept == 0 && k.name != "" && errors.Is(err, fs.ErrNotExist)})
}

func (t *taker) problem(name string, err error, kept int64) {
	t.add(Problem{Name: name, Err: err, Kept: kept})
}

func (t *taker) add(p Problem) {
	p.Name = cmp.Or(p.Name, ".")
	t.mu.Lock()
	defer t.mu.Unlock()
	t.problems = append(t.problems, p)
}

func (t *taker) stop(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = err
}

// manifest is the list of what is missing, in order.
func (t *taker) manifest() *Manifest {
	m := &Manifest{}
	if t.stopped != nil {
		m.Add(".", "stopped, what is not here is missing: "+t.text(t.stopped))
	}
	for _, p := range t.problems {
		text := t.text(p.Err)
		if errors.Is(p.Err, fs.ErrNotExist) {
			text = strings.TrimPrefix(text, path.Base(p.Name)+": ")
		}
		switch {
		case p.Gone:
			text = "has gone meanwhile"
		case p.Kept > 0:
			text = fmt.Sprintf("not whole, %d bytes are here: %s", p.Kept, text)
		}
		m.Add(p.Name, text)
	}
	return m
}

func (t *taker) text(err error) string {
	if t.o.Text != nil {
		return t.o.Text(err)
	}
	return err.Error()
}
