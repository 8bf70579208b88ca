package nodes

import (
	"context"
	"io"
	"io/fs"
	"strings"
	"sync/atomic"
	"time"
)

type timedDir struct {
	base
	max     time.Duration
	capture func(context.Context, time.Duration, io.Writer) error
}

// Timed returns a directory whose unlisted files are called by a duration, such
// as cpu/5s or cpu/250ms. What such a file shows is captured when it is first
// read, once for each time it is opened; the capture is cancelled with the
// request or connection that waits for it. A duration of more than max or of 0, and
// a name that is no duration, is fs.ErrInvalid; a hidden one, or one that ends in
// .json, is fs.ErrNotExist.
func Timed(name, doc string, max time.Duration, capture func(ctx context.Context, d time.Duration, w io.Writer) error) Dir {
	return &timedDir{base{name, doc}, max, capture}
}

func (d *timedDir) Lookup(_ context.Context, name string) (Node, error) {
	t, err := time.ParseDuration(name)
	switch {
	case err != nil && (name == "" || name[0] == '.' || strings.HasSuffix(name, twinSuffix)):
		// Tools look for files of their own in any directory, and for twins.
		return nil, Errorf(fs.ErrNotExist, "%s/%s: not a duration such as 5s or 250ms", d.name, printable(name))
	case err != nil:
		// Somebody means a capture: "not there" would tell nothing.
		return nil, Errorf(fs.ErrInvalid, "%s/%s: not a duration such as 5s or 250ms", d.name, printable(name))
	case t <= 0 || t > d.max:
		return nil, Errorf(fs.ErrInvalid, "%s/%s: the duration must be more than 0 and at most %s", d.name, printable(name), d.max)
	}
	return &timed{base{name, d.doc + ", for " + t.String()}, t, d.capture}, nil
}

func (d *timedDir) List(context.Context) ([]Node, error) { return nil, nil }

// Explain implements Explainer.
func (d *timedDir) Explain() []Help {
	return []Help{{Path: "DURATION", Kind: KindTimed, Doc: d.doc + ", for a duration of at most " + d.max.String()}}
}

type timed struct {
	base
	d       time.Duration
	capture func(context.Context, time.Duration, io.Writer) error
}

func (t *timed) Attr() Attr { return Attr{Kind: KindTimed, Mode: 0o444, Slow: true} }

func (t *timed) Open(ctx context.Context, flags Flags) (Handle, error) {
	if err := t.wantRead(flags); err != nil {
		return nil, err
	}
	h := &timedHandle{t: t}
	h.ctx, h.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return h, nil
}

type timedHandle struct {
	Snapshot // refuses writes
	t        *timed
	flight   flight
	snap     atomic.Pointer[Snapshot] // the capture, once there is one
	ctx      context.Context
	cancel   context.CancelFunc
}

func (h *timedHandle) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	s, err := h.captured(ctx)
	if err != nil {
		return 0, err
	}
	return s.ReadAt(ctx, p, off)
}

// captured returns the one capture of this handle. Reads that wait for it at
// once share it; when all are cancelled it ends, and a later read begins anew.
func (h *timedHandle) captured(ctx context.Context) (*Snapshot, error) {
	if s := h.snap.Load(); s != nil {
		return s, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.ctx, cancel)()
	return h.flight.do(ctx, h.t.name, true, func(ctx context.Context) (*Snapshot, error) {
		if s := h.snap.Load(); s != nil {
			return s, nil
		}
		s, err := render(ctx, func(ctx context.Context, w io.Writer) error { return h.t.capture(ctx, h.t.d, w) })
		if err == nil {
			h.snap.Store(s)
		}
		return s, err
	})
}

// Stat gives the size of the capture, 0 before there is one.
func (h *timedHandle) Stat() (int64, time.Time) {
	if s := h.snap.Load(); s != nil {
		return s.Stat()
	}
	return 0, time.Now()
}

func (h *timedHandle) Close() error {
	h.cancel()
	return nil
}
