package ispyd

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/ispyd/ispyd/internal/bundle"
	"github.com/ispyd/ispyd/nodes"
)

// CaptureOptions say what [Server.CaptureWith] takes.
type CaptureOptions struct {
	// To is where the evidence goes: see [Server.Capture].
	To string
	// Also are paths in the tree of what is taken beside all that is listed.
	Also []string
	// Timeout is the time that each file may take; one that is called by a
	// duration, as profile/cpu/5s, has that time more. 0 stands for 5 s.
	Timeout time.Duration
	// MaxBytes bounds all files together, uncompressed; a single one has at
	// most a quarter of it. 0 stands for 256 MiB.
	MaxBytes int64
}

// Capture takes evidence for later: all files that the tree lists, and those of
// the given paths, such as "runtime/goroutines.full" and "profile/cpu/5s". The
// program's variables, in globals, are taken only where they are named. It is
// for the program's own SIGTERM handler or preStop hook, works where clients have
// taken all connections and where nothing could be listened on any more, and hides
// the same secrets as the tree.
//
// to is a directory, which is made if it is missing and gets a directory
// ispyd-HOST-PID-TIME, so that many programs can share it; or an archive,
// NAME.tar.gz or NAME.tgz, which must not exist, and in whose name a * stands for
// ispyd-HOST-PID-TIME. Only the owner may read what is made. While it is being
// made its name ends in .unfinished.
//
// The path of what was made is returned unless it is "", also with an error: then
// something is missing, and its file capture-errors.txt, a table of path and
// error, says what. Files that hang or panic cost their time (5 s, see
// [CaptureOptions]) and a line there. Where ctx ends, the capture does, and what
// has been taken by then is kept.
//
// It works after [Server.Close] too, and then shows what the plugins still have: the
// process and the runtime, but no flight recorder and no log lines since.
//
// A [Server.Close] that follows does not wait for files that hung in a capture. It
// does, up to 5 s more, where a client waits for one too: who has less time before
// he is killed allows for both, in ctx or in [CaptureOptions].
func (s *Server) Capture(ctx context.Context, to string, also ...string) (path string, err error) {
	return s.CaptureWith(ctx, CaptureOptions{To: to, Also: also})
}

// CaptureWith is [Server.Capture] with options.
func (s *Server) CaptureWith(ctx context.Context, o CaptureOptions) (path string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("ispyd: Capture: %w", err)
		}
	}()
	if s == nil || s.root == nil {
		return "", nodes.Errorf(nodes.ErrNotSupported, "ispyd is off, there is nothing to capture")
	}
	if ctx == nil {
		ctx = context.Background() // a mistake, but not one to die of
	}
	host, _ := os.Hostname() // it may be unknown
	var r *bundle.Result
	err = nodes.Protect(func() (err error) {
		r, err = bundle.Take(ctx, tree{s.root}, bundle.Options{
			To: o.To, Host: host, PID: strconv.Itoa(os.Getpid()),
			Also: o.Also, Timeout: o.Timeout, MaxBytes: o.MaxBytes,
		})
		return err
	})
	switch {
	case r == nil:
		return "", fmt.Errorf("%s: %w", o.To, err)
	case err != nil:
		return r.Path, fmt.Errorf("%s: not finished: %w", r.Path, err)
	case r.Stopped != nil:
		return r.Path, fmt.Errorf("stopped, %s has what was taken: %w", r.Path, r.Stopped)
	}
	failed := r.Failures()
	if len(failed) == 0 {
		return r.Path, nil
	}
	err = failed[0].Err
	if !strings.HasPrefix(err.Error(), failed[0].Name+": ") {
		err = fmt.Errorf("%s: %w", failed[0].Name, err)
	}
	if n := len(failed) - 1; n > 0 {
		err = fmt.Errorf("%w (and %d more)", err, n)
	}
	return r.Path, fmt.Errorf("%w; %s lists what is missing", err, manifestOf(r.Path))
}

// manifestOf is where the list of errors is.
func manifestOf(bundlePath string) string {
	if info, err := os.Stat(bundlePath); err == nil && info.IsDir() {
		return filepath.Join(bundlePath, bundle.Errors)
	}
	return bundle.Errors + " in " + bundlePath
}

// tree is the tree as it is captured.
type tree struct{ root nodes.Dir }

// lookup walks to a node, one element after the other as a client does.
func (t tree) lookup(ctx context.Context, name string) (n nodes.Node, err error) {
	n = t.root
	if name == "" {
		return n, nil
	}
	for elem := range strings.SplitSeq(name, "/") {
		dir, ok := n.(nodes.Dir)
		if !ok {
			return nil, nodes.Errorf(iofs.ErrNotExist, "%s is a file", n.Name())
		}
		if !nodes.ValidName(elem) {
			return nil, nodes.Errorf(iofs.ErrNotExist, "%q: no such file", elem)
		}
		n, err = nodes.Lookup(ctx, dir, elem)
		if err == nil && n == nil {
			err = nodes.Errorf(iofs.ErrNotExist, "%s: no such file", elem)
		}
		if err != nil {
			return nil, err
		}
	}
	return n, nil
}

// List implements bundle.Source.
func (t tree) List(ctx context.Context, name string) ([]bundle.Entry, error) {
	n, err := t.lookup(ctx, name)
	if err != nil {
		return nil, err
	}
	dir, ok := n.(nodes.Dir)
	if !ok {
		return nil, nodes.Errorf(iofs.ErrNotExist, "is no directory any more")
	}
	list, err := dir.List(ctx)
	if err != nil {
		return nil, err
	}
	var entries []bundle.Entry
	for _, n := range list {
		if n != nil && nodes.ValidName(n.Name()) {
			entries = append(entries, entryOf(n))
		}
	}
	return entries, nil
}

// entryOf describes a node. One that panics is a file, which fails when it is read.
func entryOf(n nodes.Node) bundle.Entry {
	e := bundle.Entry{Name: n.Name()}
	switch n := n.(type) {
	case nodes.Dir:
		e.Dir = true
	case nodes.File:
		nodes.Protect(func() error {
			e.Asked = n.Attr().Slow
			return nil
		})
	}
	return e
}

// Stat implements bundle.Source.
func (t tree) Stat(ctx context.Context, name string) (bundle.Entry, error) {
	n, err := t.lookup(ctx, name)
	if err != nil {
		return bundle.Entry{}, err
	}
	return entryOf(n), nil
}

// Copy implements bundle.Source.
func (t tree) Copy(ctx context.Context, name string, w io.Writer) error {
	n, err := t.lookup(ctx, name)
	if err != nil {
		return err
	}
	f, ok := n.(nodes.File)
	if !ok {
		return nodes.Errorf(nodes.ErrNotSupported, "is no file")
	}
	h, err := f.Open(ctx, nodes.Read)
	if err != nil {
		return err
	}
	if h == nil {
		return errors.New("opened, but to nothing")
	}
	defer h.Close()
	end := int64(-1)
	if f.Attr().Kind == nodes.KindStream {
		end, _ = h.Stat() // a busy stream has no end
	}
	return copyHandle(ctx, w, h, end)
}

// copyHandle writes what the handle reads, up to the offset end unless that is
// negative.
func copyHandle(ctx context.Context, w io.Writer, h nodes.Handle, end int64) error {
	buf := make([]byte, 64<<10)
	idle := 0
	for off := int64(0); end < 0 || off < end; {
		p := buf
		if end >= 0 {
			p = p[:min(int64(len(p)), end-off)]
		}
		n, err := h.ReadAt(ctx, p, off)
		if n < 0 || n > len(p) {
			return fmt.Errorf("a read of %d bytes gave %d", len(p), n)
		}
		if _, werr := w.Write(p[:n]); werr != nil {
			return werr
		}
		off += int64(n)
		if n > 0 {
			idle = 0
		} else if idle++; idle > 100 && err == nil {
			return io.ErrNoProgress
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}
