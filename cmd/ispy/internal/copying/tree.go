package copying

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/internal/bundle"
)

// maxDepth is more than any tree has, and bounds one that has no end.
const maxDepth = 100

// snapshot is a directory that is being copied.
type snapshot struct {
	*copier
	from string // absolute, in the namespace
	to   string // on the local disk
	root *os.Root

	mu   sync.Mutex
	lost map[string]bool // programs that have gone meanwhile
}

// item is a file of the directory, or something else that cannot be copied.
type item struct {
	name string // relative
	err  error
}

// tree copies a directory to the local disk.
func (cp *copier) tree(ctx context.Context, from, to string) error {
	if err := outside(from, to); err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return DiskError(to, err)
	}
	root, err := os.OpenRoot(to)
	if err != nil {
		return DiskError(to, err)
	}
	defer root.Close()
	failed, err := newManifest(root)
	if err != nil {
		return DiskError(to, err)
	}
	s := &snapshot{copier: cp, from: from, to: to, root: root, lost: map[string]bool{}}
	shown := map[string]bool{}
	items := func(yield func(item) bool) { s.walk(ctx, "", 0, yield) }
	err = verb.InOrder(ctx, items, s.copy, func(it item) error {
		if it.err == nil || ctx.Err() != nil {
			return nil
		}
		failed.Add(it.name, it.err.Error())
		// Of a program that has gone one line is enough.
		if IsLost(it.err) {
			program := s.program(it.name)
			if shown[program] {
				return nil
			}
			shown[program] = true
		}
		cp.Warn(it.err)
		return nil
	})
	if err != nil {
		failed.Add(".", "the copy was stopped, what is not here is missing")
	}
	n := failed.Len()
	if cerr := failed.close(); err == nil && cerr != nil {
		err = DiskError(filepath.Join(to, Manifest), cerr)
	}
	if err == nil && n > 0 {
		err = verb.Silent(verb.Failed)
	}
	return err
}

// outside refuses to copy a local directory into itself, which would never end.
func outside(from, to string) error {
	p, ok := space.Local(from)
	if !ok {
		return nil
	}
	inner, err := resolve(filepath.Dir(filepath.Clean(to)))
	if err != nil {
		return DiskError(to, err)
	}
	inner = filepath.Join(inner, filepath.Base(filepath.Clean(to)))
	if there, err := resolve(to); err == nil {
		inner = there
	}
	outer, err := resolve(p)
	if err != nil {
		return DiskError(p, err)
	}
	if rel, err := filepath.Rel(outer, inner); err == nil && filepath.IsLocal(rel) {
		return verb.Usagef("local:%s is inside %s", to, from)
	}
	return nil
}

func resolve(p string) (string, error) {
	p, err := filepath.Abs(p)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(p)
}

func (s *snapshot) source(name string) string {
	if p, ok := space.Local(s.from); ok {
		return space.LocalPrefix + filepath.Join(p, name)
	}
	return path.Join(s.from, name)
}

// program is the name of the program that the file is of, "" for none.
func (s *snapshot) program(name string) string {
	if _, ok := space.Local(s.from); ok {
		return ""
	}
	program, _ := space.Split(s.source(name))
	return program
}

// walk yields the files of a directory and of those in it, in order, once the
// directory that they go into is there.
func (s *snapshot) walk(ctx context.Context, dir string, depth int, yield func(item) bool) bool {
	entries, err := s.list(ctx, dir, depth)
	if err != nil {
		return yield(item{max(dir, "."), err})
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case !fs.ValidPath(e.Name()) || strings.Contains(e.Name(), "/") || e.Name() == ".":
			err = fmt.Errorf("%s: %q is no name for a file", s.source(dir), e.Name())
		case name == Manifest:
			err = &client.Error{Op: "write", Path: s.source(name), Errno: syscall.EEXIST, Text: "a snapshot has a list of errors of that name"}
		case e.IsDir():
			if err := s.root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
				if !yield(item{name, s.diskError(name, err)}) {
					return false
				}
			} else if !s.walk(ctx, name, depth+1, yield) {
				return false
			}
			continue
		case space.Asked(e):
			continue
		case e.Type() != 0:
			err = &client.Error{Op: "read", Path: s.source(name), Errno: syscall.EINVAL, Text: "is neither a file nor a directory"}
		default:
			err = nil
		}
		if !yield(item{name, err}) {
			return false
		}
	}
	return true
}

func (s *snapshot) list(ctx context.Context, dir string, depth int) ([]fs.DirEntry, error) {
	if depth > maxDepth {
		return nil, &client.Error{Op: "list", Path: s.source(dir), Errno: syscall.ELOOP, Text: fmt.Sprintf("more than %d directories deep", maxDepth)}
	}
	if err := s.gone(dir); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, errTooSlow)
	defer cancel()
	entries, err := s.Space.ReadDir(ctx, s.source(dir))
	s.note(dir, err)
	return entries, s.timely(ctx, dir, err)
}

var errTooSlow = errors.New("too slow")

// timely says of what took longer than it may, which time that is.
func (s *snapshot) timely(ctx context.Context, name string, err error) error {
	if err == nil || context.Cause(ctx) != errTooSlow {
		return err
	}
	return &client.Error{Op: "read", Path: s.source(name), Errno: syscall.ETIMEDOUT, Text: fmt.Sprintf("was not read within %s, see cp --timeout", s.timeout)}
}

// copy copies one file.
func (s *snapshot) copy(ctx context.Context, it item) item {
	if it.err != nil {
		return it
	}
	if it.err = s.gone(it.name); it.err != nil {
		return it
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, errTooSlow)
	defer cancel()
	f, err := s.Space.Open(ctx, s.source(it.name), os.O_RDONLY)
	if err == nil {
		defer f.Close()
		err = bundle.Put(s.root, it.name, func(w io.Writer) error {
			_, err := f.WriteTo(w)
			return err
		})
		err = s.diskError(it.name, err)
	}
	s.note(it.name, err)
	it.err = s.timely(ctx, it.name, err)
	return it
}

func (s *snapshot) diskError(name string, err error) error {
	return DiskError(filepath.Join(s.to, name), err)
}

// note remembers that the program of the file has gone, if that is what the error
// says: nothing more is asked of it.
func (s *snapshot) note(name string, err error) {
	if IsLost(err) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lost[s.program(name)] = true
	}
}

func (s *snapshot) gone(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if program := s.program(name); s.lost[program] {
		return space.Unreachable("the program " + program + " has gone")
	}
	return nil
}

// IsLost reports whether the error says that the program has gone.
func IsLost(err error) bool {
	var gone space.Unreachable
	return errors.Is(err, client.ErrHungUp) || errors.As(err, &gone)
}
