package inflight

import "sync"

// Ring keeps the newest entries. It must be given a size first.
type Ring[E any] struct {
	mu   sync.Mutex
	rows []E    // as many as are kept
	n    uint64 // how many there have been
}

// Resize forgets all, and keeps size entries from now on: 1 or more.
func (r *Ring[E]) Resize(size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows, r.n = make([]E, size), 0
}

// Clear forgets all.
func (r *Ring[E]) Clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.rows)
	r.n = 0
}

// Add keeps a copy of the entry instead of the oldest.
func (r *Ring[E]) Add(e *E) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows[r.n%uint64(len(r.rows))] = *e
	r.n++
}

// List returns the entries, newest first.
func (r *Ring[E]) List() []E {
	r.mu.Lock()
	defer r.mu.Unlock()
	size := uint64(len(r.rows))
	kept := make([]E, 0, min(r.n, size))
	for i := range min(r.n, size) {
		kept = append(kept, r.rows[(r.n-1-i)%size])
	}
	return kept
}

// Find returns the newest entry that is.
func (r *Ring[E]) Find(is func(*E) bool) (E, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	size := uint64(len(r.rows))
	for i := range min(r.n, size) {
		if e := &r.rows[(r.n-1-i)%size]; is(e) {
			return *e, true
		}
	}
	var none E
	return none, false
}
