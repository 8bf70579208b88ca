package nodes

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"time"
)

// base is what all nodes have.
type base struct{ name, doc string }

func (b *base) Name() string { return b.name }
func (b *base) Doc() string  { return b.doc }

// created is the modification time of what has no better one.
var created = time.Now()

// wantRead is how a file that cannot be written checks its open flags.
func (b *base) wantRead(flags Flags) error {
	if flags&Write != 0 {
		return readOnly(b.name)
	}
	return nil
}

type static struct {
	base
	snap *Snapshot
}

// Static returns a file of constant bytes, which must not change any more.
func Static(name, doc string, data []byte) File {
	s := NewSnapshot(data)
	s.mtime = created
	return &static{base{name, doc}, s}
}

func (s *static) Attr() Attr {
	return Attr{Kind: KindStatic, Mode: 0o444, Size: s.snap.size, ModTime: s.snap.mtime}
}

func (s *static) Open(_ context.Context, flags Flags) (Handle, error) {
	return s.snap, s.wantRead(flags)
}

type text struct {
	base
	kind   Kind
	mode   fs.FileMode
	flight flight
	render func(context.Context, io.Writer) error
}

// Text returns a file that is rendered when it is opened. render runs on a
// goroutine of its own, one at a time for this file; who opens the file
// meanwhile shares the next rendering. Its context is cancelled when nobody
// waits any more. Past [MaxRendering] bytes w returns ErrTooLarge and the
// rendering is cut, which its last line says; a renderer that can leave out
// whole records and say so had better do it. A panic is an error of this file.
func Text(name, doc string, render func(ctx context.Context, w io.Writer) error) File {
	return &text{base: base{name, doc}, kind: KindText, mode: 0o444, render: render}
}

func (t *text) Attr() Attr { return Attr{Kind: t.kind, Mode: t.mode} }

func (t *text) Open(ctx context.Context, flags Flags) (Handle, error) {
	if err := t.wantRead(flags); err != nil {
		return nil, err
	}
	return t.flight.do(ctx, t.name, false, t.capture)
}

func (t *text) capture(ctx context.Context) (*Snapshot, error) {
	return render(ctx, t.render)
}

// render collects what f writes, up to the limit.
func render(ctx context.Context, f func(context.Context, io.Writer) error) (*Snapshot, error) {
	b := &buffer{limit: MaxRendering}
	err := f(ctx, b)
	if err != nil && (b.cut == 0 || !errors.Is(err, ErrTooLarge)) {
		return nil, err
	}
	return b.snapshot(), nil
}
