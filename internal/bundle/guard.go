package bundle

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// room is what a bundle may still take, in bytes.
type room struct {
	mu   sync.Mutex
	left int64
	each int64 // of one file
}

func (r *room) take(n int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	n = min(n, r.left)
	r.left -= n
	return n
}

func (r *room) give(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left += n
}

// guard is what a file is written through. It counts what is written, and stops
// whoever goes on writing when he has been left behind.
type guard struct {
	mu    sync.Mutex
	w     io.Writer
	room  *room
	n     int64
	full  error // why it takes no more
	disk  error
	ended bool
}

func (g *guard) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.ended:
		return 0, io.ErrClosedPipe
	case g.disk != nil:
		return 0, g.disk
	case len(p) == 0:
		return 0, nil
	}
	want := min(int64(len(p)), g.room.each-g.n)
	got := g.room.take(want)
	n, err := g.w.Write(p[:got])
	g.n += int64(n)
	g.room.give(got - int64(n))
	switch {
	case err != nil:
		g.disk = err
	case got < want:
		g.full = errors.New("cut: the bundle has all bytes that it may have")
	case got < int64(len(p)):
		g.full = fmt.Errorf("cut: a file may have %d bytes", g.room.each)
	default:
		return n, nil
	}
	if g.disk != nil {
		return n, g.disk
	}
	return n, errFull
}

// errNothing says that nothing was read, so that no file is made.
var errNothing = errors.New("nothing was read")

// end lets nothing more be written. The error is for who makes the file, after
// reading has ended with err.
func (g *guard) end(err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	switch {
	case g.disk != nil:
		return g.disk
	case g.n == 0 && (err != nil || g.full != nil):
		return errNothing
	}
	return nil
}
