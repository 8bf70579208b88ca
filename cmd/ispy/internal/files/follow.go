package files

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// streamWait is how long tail -f waits between looks at a stream, which cost a
// message; other files are made anew for each look, and have one in restWait.
const (
	streamWait = 250 * time.Millisecond
	restWait   = 4
)

// follower is one use of tail.
type follower struct {
	*verb.Call
	titles
	wait  time.Duration
	rest  int
	files []*followed
}

// followed is a file that tail goes on with.
type followed struct {
	name, path string
	stream     *space.File // nil for what is not one
	off        int64
	ended      bool
}

// begin prints the end of a file, and keeps in mind what is needed to follow it.
func (t *follower) begin(ctx context.Context, in *verb.Input, a amount, follow bool) error {
	if in.File == nil {
		_, err := copyTail(t.Stdout, in, nil, 0, a)
		return err
	}
	info, err := in.File.Stat()
	if err != nil {
		return err
	}
	f := &followed{name: in.Name, path: in.File.Path()}
	switch {
	case info.Mode()&fs.ModeAppend != 0 && !a.from:
		return t.beginStream(ctx, f, a, follow)
	case info.Mode()&fs.ModeAppend != 0 && follow:
		// in is closed when begin returns.
		if f.stream, err = t.Space.Open(ctx, f.path, os.O_RDONLY); err != nil {
			return err
		}
		t.files = append(t.files, f)
		f.off, err = copyTail(t.Stdout, f.stream, f.stream, info.Size(), a)
		return err
	}
	f.off, err = copyTail(t.Stdout, in, in.File, info.Size(), a)
	if follow && err == nil && info.Mode()&fs.ModeTemporary == 0 {
		t.files = append(t.files, f)
	}
	return err
}

// beginStream prints the end of a stream. It reads forward from a guess of where
// that begins, and from further back if that was not enough: what falls out of a
// stream while it is read backwards moves the rest.
func (t *follower) beginStream(ctx context.Context, f *followed, a amount, follow bool) error {
	for window := int64(4 * block); ; window *= 16 {
		s, err := t.Space.Open(ctx, f.path, os.O_RDONLY)
		if err != nil {
			return err
		}
		info, err := s.Stat()
		if err != nil {
			s.Close()
			return err
		}
		if a.bytes {
			window = max(window, a.n+1)
		}
		from := max(0, info.Size()-window)
		kept, n, err := lastOf(&offset{s, from}, amount{n: a.n + 1, bytes: a.bytes})
		if err != nil {
			s.Close()
			return err
		}
		cut := a.cut(kept)
		if from > 0 && cut == 0 && a.n > 0 {
			s.Close()
			continue
		}
		f.stream, f.off = s, from+n
		t.files = append(t.files, f)
		if !follow {
			f.close()
		}
		_, err = t.Stdout.Write(kept[cut:])
		return err
	}
}

// offset reads a file from an offset on.
type offset struct {
	f   readerAt
	off int64
}

func (o *offset) Read(p []byte) (int, error) {
	n, err := o.f.ReadAt(p, o.off)
	o.off += int64(n)
	return n, err
}

// follow prints what is added, until the context ends or all files have.
func (t *follower) follow(ctx context.Context) error {
	tick := time.NewTicker(t.wait)
	defer tick.Stop()
	for round := 1; ; round++ {
		more := false
		for _, f := range t.files {
			if f.ended {
				continue
			}
			more = true
			if f.stream == nil && round%t.rest != 0 {
				continue
			}
			out := &titled{titles: &t.titles, name: f.name}
			err := t.on(ctx, f, out)
			if out.err != nil {
				return out.err
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				t.Warn(err)
				f.ended = true
			}
		}
		if !more {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if t.ReaderGone() {
			return verb.Silent(128 + int(syscall.SIGPIPE))
		}
	}
}

// on prints what has been added to a file since.
func (t *follower) on(ctx context.Context, f *followed, out io.Writer) (err error) {
	if f.stream != nil {
		f.off, err = copyOn(out, f.stream, f.off)
		return err
	}
	file, err := t.Space.Open(ctx, f.path, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer file.Close()
	off, err := copyOn(out, file, f.off)
	if err != nil || off > f.off {
		f.off = off
		return err
	}
	info, err := file.Stat()
	if err != nil || info.Size() >= f.off || f.off == 0 {
		return err
	}
	fmt.Fprintf(t.Stderr, "ispy: tail: %s has become shorter and is shown from its beginning\n", f.name)
	f.off, err = copyOn(out, file, 0)
	return err
}

func (f *followed) close() {
	if f.stream != nil {
		f.stream.Close()
		f.stream, f.ended = nil, true
	}
}

func (t *follower) close() {
	for _, f := range t.files {
		f.close()
	}
}

// titled puts the file's name above what is written of it.
type titled struct {
	titles *titles
	name   string
	err    error // of the writer beneath
}

func (w *titled) Write(p []byte) (int, error) {
	if w.err = w.titles.title(w.name); w.err != nil {
		return 0, w.err
	}
	n, err := w.titles.out.Write(p)
	w.err = err
	return n, err
}
