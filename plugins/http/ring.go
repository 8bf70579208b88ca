package http

import "sync"

// ring keeps the newest entries.
type ring struct {
	mu   sync.Mutex
	rows []entry // as many as are kept
	n    uint64  // how many there have been
}

// resize forgets all.
func (r *ring) resize(size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows, r.n = make([]entry, size), 0
}

func (r *ring) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.rows)
	r.n = 0
}

func (r *ring) add(e *entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows[r.n%uint64(len(r.rows))] = *e
	r.n++
}

// list returns the entries, newest first.
func (r *ring) list() []entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	size := uint64(len(r.rows))
	kept := make([]entry, 0, min(r.n, size))
	for i := range min(r.n, size) {
		kept = append(kept, r.rows[(r.n-1-i)%size])
	}
	return kept
}

// find returns the entry of an id.
func (r *ring) find(id uint64) (entry, bool) {
	for _, e := range r.list() {
		if e.id == id {
			return e, true
		}
	}
	return entry{}, false
}
