package rendezvous

import (
	"cmp"
	"errors"
	"io/fs"
	"path"
	"sort"
	"strings"
	"syscall"
)

// maxFound bounds what Glob returns: a directory that anybody may write can
// hold any number of names.
const maxFound = 10_000

// Glob returns the sockets that fit the pattern, by host name and pid, live or
// not. Where root is not "", paths are looked up beneath it as a process would
// whose root directory it is (see [Resolve]). A directory that does not exist
// holds no sockets; one that cannot be read is an error, beside what was found.
func (p Pattern) Glob(root string) ([]Found, error) {
	if p.network != "unix" {
		return nil, badAddress("%s is no path", p.text)
	}
	g := &globber{pattern: p, root: root}
	g.walk("/", p.segments)
	sort.Slice(g.found, func(i, j int) bool {
		a, b := &g.found[i], &g.found[j]
		return cmp.Or(strings.Compare(a.Hostname, b.Hostname), cmp.Compare(a.PID, b.PID), strings.Compare(a.Path, b.Path)) < 0
	})
	return g.found, errors.Join(g.errs...)
}

type globber struct {
	pattern Pattern
	root    string
	found   []Found
	errs    []error
}

// walk looks for the rest of the path in dir.
func (g *globber) walk(dir string, rest []segment) {
	for len(rest) > 1 && rest[0].match == nil {
		dir, rest = path.Join(dir, rest[0].literal), rest[1:]
	}
	last := len(rest) == 1
	if last && rest[0].match == nil {
		g.add(path.Join(dir, rest[0].literal), 0)
		return
	}
	entries, err := readDir(g.root, dir)
	if err != nil {
		if !missing(err) {
			g.errs = append(g.errs, &fs.PathError{Op: "read", Path: path.Join(g.root, dir), Err: reason(err)})
		}
		return
	}
	for _, e := range entries {
		switch {
		case !rest[0].match.MatchString(e.Name()):
		case last:
			g.add(path.Join(dir, e.Name()), e.Type())
		case e.IsDir() || e.Type()&fs.ModeSymlink != 0:
			g.walk(path.Join(dir, e.Name()), rest[1:])
		}
	}
}

// add takes the path if there is a socket. typ is what its directory says it
// is, 0 where that does not tell.
func (g *globber) add(name string, typ fs.FileMode) {
	if len(g.found) >= maxFound {
		return
	}
	if typ&fs.ModeSocket == 0 {
		if typ != 0 && typ&fs.ModeSymlink == 0 {
			return
		}
		info, err := Stat(g.root, name)
		switch {
		case err != nil && missing(err):
			return
		case err != nil:
			g.errs = append(g.errs, &fs.PathError{Op: "stat", Path: path.Join(g.root, name), Err: reason(err)})
			return
		case info.Mode()&fs.ModeSocket == 0:
			return
		}
	}
	if f, ok := g.pattern.Match(name); ok {
		g.found = append(g.found, f)
	}
}

func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// reason is err without the path that PathErrors carry.
func reason(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
