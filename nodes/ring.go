package nodes

import (
	"fmt"
	"io"
	"io/fs"
	"sort"
	"sync"
	"time"
)

// Ring keeps the newest records of a stream, up to a number of bytes. All its
// methods may be called at once from many goroutines, and none blocks.
type Ring struct {
	mu  sync.Mutex
	max int
	// buf is a circle: the byte at position p of the stream is buf[p%len(buf)].
	buf  []byte
	base int64 // the position of the oldest byte kept
	end  int64 // the position behind the newest byte
	// starts are the positions of the records kept, oldest first, from head on.
	starts []int64
	head   int
	first  uint64 // the number of the record starts[head]
	mtime  time.Time
}

// NewRing returns a Ring that keeps at most max bytes. It takes memory as it
// fills.
func NewRing(max int) *Ring { return &Ring{max: max, mtime: time.Now()} }

// Append adds one record and lets the oldest fall out. A newline is added where
// the record has none at its end; one that is larger than the ring is cut.
func (r *Ring) Append(record []byte) {
	n := len(record)
	newline := n == 0 || record[n-1] != '\n'
	if newline {
		n++
	}
	if n > r.max {
		record, newline, n = record[:r.max-1], true, r.max
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.grow(n)
	for r.end-r.base+int64(n) > int64(len(r.buf)) {
		r.drop()
	}
	r.starts = append(r.starts, r.end)
	r.put(record)
	if newline {
		r.put([]byte{'\n'})
	}
	r.mtime = time.Now()
}

// grow makes the circle larger, up to max, where n more bytes do not fit.
func (r *Ring) grow(n int) {
	need := int(r.end-r.base) + n
	if need <= len(r.buf) || len(r.buf) == r.max {
		return
	}
	size := min(max(2*len(r.buf), need, 4<<10), r.max)
	buf := make([]byte, size)
	old := make([]byte, r.end-r.base)
	r.copyOut(old, r.base)
	for i, c := range old {
		buf[(r.base+int64(i))%int64(size)] = c
	}
	r.buf = buf
}

func (r *Ring) put(p []byte) {
	for len(p) > 0 {
		n := copy(r.buf[r.end%int64(len(r.buf)):], p)
		r.end += int64(n)
		p = p[n:]
	}
}

func (r *Ring) copyOut(p []byte, pos int64) {
	for len(p) > 0 {
		n := copy(p, r.buf[pos%int64(len(r.buf)):])
		pos += int64(n)
		p = p[n:]
	}
}

// drop lets the oldest record fall out.
func (r *Ring) drop() {
	r.head++
	r.first++
	r.base = r.end
	if r.head < len(r.starts) {
		r.base = r.starts[r.head]
	}
	if r.head > 64 && r.head > len(r.starts)/2 {
		r.starts = append(r.starts[:0], r.starts[r.head:]...)
		r.head = 0
	}
}

// cursor is one reader's view of a Ring: where its offsets lie in the stream.
type cursor struct {
	// Offset off of the reader is position off+shift of the stream, for
	// offsets from floor on. What lies before floor fell out.
	shift, floor int64
	// notice is the line "N records dropped" that stands at the offsets
	// before floor, from floor-len(notice) on.
	notice string
	// next is the number of the record that holds or follows the position
	// that was read last, pos.
	next uint64
	pos  int64
	// mid says that pos lies inside that record: the reader's last line has
	// no end yet.
	mid bool
}

func (r *Ring) open() *cursor {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &cursor{shift: r.base, next: r.first, pos: r.base}
}

// readAt reads for the cursor c. Where records fell out before the reader got
// to them, a line that counts them stands in their place.
func (r *Ring) readAt(c *cursor, p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, Errorf(fs.ErrInvalid, "offset %d: must not be negative", off)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if pos := off + c.shift; off >= c.floor && pos < r.base {
		// Records that a reader skipped by seeking count as well: their
		// places are gone.
		dropped := uint64(1)
		if r.first > c.next {
			dropped = r.first - c.next
		}
		c.notice = fmt.Sprintf("%d records dropped\n", dropped)
		if c.mid && pos == c.pos {
			c.notice = "\n" + c.notice
		}
		c.floor = off + int64(len(c.notice))
		c.shift = r.base - c.floor
		c.pos, c.next, c.mid = r.base, r.first, false
	}
	if off < c.floor {
		from := off - (c.floor - int64(len(c.notice)))
		if from < 0 {
			return 0, Errorf(fs.ErrInvalid, "offset %d: that part of the stream has been dropped", off)
		}
		return copy(p, c.notice[from:]), nil
	}
	pos := off + c.shift
	if pos >= r.end {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), r.end-pos))
	r.copyOut(p[:n], pos)
	c.pos = pos + int64(n)
	i := r.head + sort.Search(len(r.starts)-r.head, func(i int) bool { return r.starts[r.head+i] > c.pos }) - 1
	c.mid = c.pos < r.end && r.starts[i] != c.pos
	c.next = r.first + uint64(i-r.head)
	if c.pos == r.end {
		c.next++
	}
	return n, nil
}

// stat returns the size of the stream for the cursor c, in bytes, or for one that
// would be opened now where c is nil; and the time of the newest record.
func (r *Ring) stat(c *cursor) (int64, time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c == nil {
		return r.end - r.base, r.mtime
	}
	return r.end - c.shift, r.mtime
}
