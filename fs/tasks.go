package fs

import (
	"context"
	"math"
	"sync"
)

// tasks counts goroutines that somebody waits for, as long as he likes.
type tasks struct {
	mu   sync.Mutex
	n    int
	none chan struct{} // closed when n becomes 0, if somebody waits
}

const noLimit = math.MaxInt

func (t *tasks) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

// start counts one more, unless there are limit already.
func (t *tasks) start(limit int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n >= limit {
		return false
	}
	t.n++
	return true
}

func (t *tasks) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n--; t.n == 0 && t.none != nil {
		close(t.none)
		t.none = nil
	}
}

// wait returns when none is left, or how many are when ctx ends.
func (t *tasks) wait(ctx context.Context) int {
	t.mu.Lock()
	if t.n == 0 {
		t.mu.Unlock()
		return 0
	}
	if t.none == nil {
		t.none = make(chan struct{})
	}
	none := t.none
	t.mu.Unlock()
	select {
	case <-none:
		return 0
	case <-ctx.Done():
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.n
	}
}
