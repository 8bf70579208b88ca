package nodes

import (
	"context"
	"sync"
	"time"
)

type stream struct {
	base
	ring *Ring
}

// Stream returns a file that shows the records of r. Offset 0 is the oldest
// byte kept when the file was opened, and reading ends at the newest: who wants
// more reads again later, as tail -f does. Where records fell out of the ring
// before a reader got to them he finds one line, "N records dropped".
func Stream(name, doc string, r *Ring) File {
	return &stream{base{name, doc}, r}
}

func (s *stream) Attr() Attr {
	size, mtime := s.ring.stat(nil)
	return Attr{Kind: KindStream, Mode: 0o444, Size: size, ModTime: mtime}
}

func (s *stream) Open(_ context.Context, flags Flags) (Handle, error) {
	return &streamHandle{ring: s.ring, cur: s.ring.open()}, s.wantRead(flags)
}

type streamHandle struct {
	Snapshot // refuses writes
	ring     *Ring
	mu       sync.Mutex
	cur      *cursor
}

func (h *streamHandle) ReadAt(_ context.Context, p []byte, off int64) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ring.readAt(h.cur, p, off)
}

func (h *streamHandle) Stat() (int64, time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ring.stat(h.cur)
}
