// Package bundle takes a whole tree of files to the local disk, as evidence: each
// file has its time, all are bounded in size, and what is missing is on a list.
// The program itself does so through its own nodes, ispy through a socket.
package bundle

import (
	"context"
	"errors"
	"io"
	"path"
	"strings"
	"time"
)

// Errors is the manifest of a bundle: what it lacks, path and error below a
// header. It is always there.
const Errors = "capture-errors.txt"

// Variables is the directory at the root of a tree that is taken only where it, or
// what is in it, is named: the program's variables are thousands of files, with all
// that the program keeps in them.
const Variables = "globals"

// What holds where [Options] do not say.
const (
	DefaultTimeout = 5 * time.Second
	DefaultBytes   = 256 << 20
)

// Bounds of any bundle, for trees that have no end.
const (
	maxFiles = 100_000
	maxDepth = 100
)

// Source is a tree that files are taken from. Names are slash-separated, "" is the
// root. All methods are called from several goroutines at once; they may hang,
// panic and go on after their context has ended.
type Source interface {
	// List returns what the directory lists. Of the root all is taken but for
	// [Variables].
	List(ctx context.Context, dir string) ([]Entry, error)
	// Stat tells what is called so, listed or not.
	Stat(ctx context.Context, name string) (Entry, error)
	// Copy writes what the file shows.
	Copy(ctx context.Context, name string, w io.Writer) error
}

// Entry is a file or a directory.
type Entry struct {
	Name string // in its directory
	Dir  bool
	// Asked says that the file shows nothing until it is asked, or takes
	// its time: it is taken only where it is named.
	Asked bool
}

// Options say what is taken, and where to.
type Options struct {
	// To is a directory, which is made if it is missing and gets a directory
	// ispyd-HOST-PID-TIME; or an archive, NAME.tar.gz or NAME.tgz, which must
	// not exist yet, and in whose name * stands for ispyd-HOST-PID-TIME.
	To string
	// Host and PID are those of the program.
	Host, PID string
	// Also are files and directories that are taken beside what is listed.
	Also []string
	// Timeout is the time for each file and directory. One that is called by
	// a duration, as cpu/5s, has that time more. 0 is [DefaultTimeout].
	Timeout time.Duration
	// MaxBytes is the size of all files, uncompressed. One file has at most a
	// quarter of it. 0 is [DefaultBytes].
	MaxBytes int64
	// Text is an error as the manifest has it; nil is its own text.
	Text func(error) string
}

// Result is a bundle.
type Result struct {
	// Path is where it is.
	Path string
	// Problems are what it lacks, by name.
	Problems []Problem
	// Stopped is why not all was taken, nil where it was.
	Stopped error
}

// Problem is a file that is not there, or not whole.
type Problem struct {
	Name string // in the tree
	Err  error  // a *DiskError where it is the disk's
	// Kept is the number of bytes that are there nevertheless.
	Kept int64
	// Gone says that the file was listed but has gone since, as files of
	// requests do. No evidence is lost.
	Gone bool
}

// Failures are the problems but for files that have gone since.
func (r *Result) Failures() []Problem {
	var list []Problem
	for _, p := range r.Problems {
		if !p.Gone {
			list = append(list, p)
		}
	}
	return list
}

// Take makes a bundle. When the context ends, what has been taken by then is the
// bundle, and its manifest says so. While it is being made, and for ever if the
// program is killed, its name ends in .unfinished. The Result is nil where the
// disk did not let anything be written; with an error and a Result, what was taken
// is in a bundle whose name still ends so.
func Take(ctx context.Context, src Source, o Options) (*Result, error) {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultBytes
	}
	p, err := newPlace(o, time.Now())
	if err != nil {
		return nil, &DiskError{err}
	}
	defer p.close()
	t := newTaker(src, o, p.sink)
	t.run(ctx)
	m := t.manifest()
	r := &Result{Problems: t.problems, Stopped: t.stopped}
	if r.Path, err = p.finish(m); err != nil {
		return r, &DiskError{err}
	}
	return r, nil
}

// errFull is what writing to a bundle fails with that has all it may have.
var errFull = errors.New("the bundle is full")

// Duration is how long it takes to read a file that is called by a duration:
// cpu/5s, cpu/5s.txt. That of others is 0.
func Duration(name string) time.Duration {
	name = path.Base(name)
	d, err := time.ParseDuration(name)
	if err != nil {
		d, err = time.ParseDuration(strings.TrimSuffix(name, path.Ext(name)))
	}
	if err != nil || d < 0 {
		return 0
	}
	return d
}
