package nodes

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"sort"
	"time"
)

// MaxRendering is the size in bytes past which a rendering is cut.
const MaxRendering = 64 << 20

// buffer collects a rendering in pieces, so that a large one is never copied
// to grow, and stops at its limit.
type buffer struct {
	pieces [][]byte
	size   int64
	limit  int64
	cut    int64 // bytes that came after the limit
}

const (
	minPiece = 256
	maxPiece = 256 << 10
)

// Write takes p, or the part of it up to the limit and returns ErrTooLarge,
// which tells a renderer that it can stop.
func (b *buffer) Write(p []byte) (int, error) {
	n := len(p)
	var err error
	if room := b.limit - b.size; int64(n) > room {
		b.cut += int64(n) - room
		n = int(room)
		err = ErrTooLarge
	}
	p = p[:n]
	b.size += int64(n)
	for len(p) > 0 {
		if len(b.pieces) == 0 || len(b.last()) == cap(b.last()) {
			next := min(max(int(b.size), len(p), minPiece), maxPiece)
			b.pieces = append(b.pieces, make([]byte, 0, next))
		}
		last := b.last()
		c := copy(last[len(last):cap(last)], p)
		b.pieces[len(b.pieces)-1] = last[:len(last)+c]
		p = p[c:]
	}
	return n, err
}

func (b *buffer) last() []byte { return b.pieces[len(b.pieces)-1] }

// snapshot makes the rendering immutable. One that was cut ends with a line
// that says so.
func (b *buffer) snapshot() *Snapshot {
	if b.cut > 0 {
		b.limit = 1 << 62
		fmt.Fprintf(b, "\n[cut at %d bytes: %d bytes or more are missing]\n", b.size, b.cut)
	}
	return newSnapshot(b.pieces)
}

// Snapshot is immutable content of a known size. It is a Handle that cannot be
// written.
type Snapshot struct {
	pieces [][]byte
	starts []int64 // the offset of each piece, where there are several
	size   int64
	mtime  time.Time
}

// NewSnapshot returns a Snapshot of data, which must not change any more.
func NewSnapshot(data []byte) *Snapshot {
	return newSnapshot([][]byte{data})
}

func newSnapshot(pieces [][]byte) *Snapshot {
	s := &Snapshot{pieces: pieces, mtime: time.Now()}
	for _, p := range pieces {
		if len(pieces) > 1 {
			s.starts = append(s.starts, s.size)
		}
		s.size += int64(len(p))
	}
	return s
}

// ReadAt implements Handle. It also fills p from several pieces, so that only
// the end is a short read.
func (s *Snapshot) ReadAt(_ context.Context, p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, Errorf(fs.ErrInvalid, "offset %d: must not be negative", off)
	}
	if off >= s.size {
		return 0, io.EOF
	}
	i := 0
	if len(s.starts) > 0 {
		i = sort.Search(len(s.starts), func(i int) bool { return s.starts[i] > off }) - 1
		off -= s.starts[i]
	}
	n := 0
	for ; i < len(s.pieces) && n < len(p); i++ {
		n += copy(p[n:], s.pieces[i][off:])
		off = 0
	}
	return n, nil
}

// Bytes returns the content, which must not be changed.
func (s *Snapshot) Bytes() []byte {
	if len(s.pieces) == 1 {
		return s.pieces[0]
	}
	return bytes.Join(s.pieces, nil)
}

// WriteAt implements Handle: a snapshot cannot be written.
func (s *Snapshot) WriteAt(context.Context, []byte, int64) (int, error) {
	return 0, Errorf(fs.ErrInvalid, "not open for writing")
}

// Stat implements Handle: the size in bytes and the time of the rendering.
func (s *Snapshot) Stat() (int64, time.Time) { return s.size, s.mtime }

// Close implements Handle.
func (s *Snapshot) Close() error { return nil }
