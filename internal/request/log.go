package request

import (
	"bytes"
	"sync"
)

// What is kept of a request's log: its last lines.
const (
	maxLines = 100
	maxBytes = 16 << 10
)

// lines are the last lines of a log.
type lines struct {
	mu      sync.Mutex
	kept    [][]byte
	first   int // of kept: those before it are gone
	bytes   int
	dropped int
}

// Log keeps a copy of a line that was logged for the request, without its
// newline. The last 100 lines are kept, and of these no more than 16 KiB; what is
// left of a longer line is its beginning.
func (r *Request) Log(line []byte) {
	if r == nil {
		return
	}
	l := r.log.Load()
	if l == nil {
		r.log.CompareAndSwap(nil, new(lines))
		l = r.log.Load()
	}
	line = bytes.TrimRight(line, "\n")
	if len(line) > maxBytes {
		line = line[:maxBytes]
	}
	line = bytes.Clone(line)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, line)
	l.bytes += len(line)
	for l.len() > maxLines || l.bytes > maxBytes {
		l.bytes -= len(l.kept[l.first])
		l.kept[l.first] = nil
		l.first++
		l.dropped++
	}
	if l.first >= maxLines {
		l.kept = append(l.kept[:0], l.kept[l.first:]...)
		clear(l.kept[len(l.kept):cap(l.kept)])
		l.first = 0
	}
}

func (l *lines) len() int { return len(l.kept) - l.first }

// Lines returns the log lines that are kept, oldest first, and how many before
// them are not. They must not be changed.
func (r *Request) Lines() (kept [][]byte, dropped int) {
	if r == nil {
		return nil, 0
	}
	l := r.log.Load()
	if l == nil {
		return nil, 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return append(kept, l.kept[l.first:]...), l.dropped
}
