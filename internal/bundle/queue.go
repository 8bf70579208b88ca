package bundle

import "sync"

// atOnce is how many operations on the tree are under way at once.
const atOnce = 16

// queue is work that may make more work.
type queue[T any] struct {
	mu      sync.Mutex
	changed sync.Cond
	items   []T
	busy    int
}

func newQueue[T any](items ...T) *queue[T] {
	q := &queue[T]{items: items}
	q.changed.L = &q.mu
	return q
}

func (q *queue[T]) add(items ...T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, items...)
	q.changed.Broadcast()
}

// next returns the next item, once the one before is done.
func (q *queue[T]) next(before bool) (item T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if before {
		q.busy--
	}
	for len(q.items) == 0 && q.busy > 0 {
		q.changed.Wait()
	}
	if len(q.items) == 0 {
		q.changed.Broadcast()
		return item, false
	}
	item, q.items = q.items[0], q.items[1:]
	q.busy++
	return item, true
}

// run works on all there is, until nothing is left and nobody makes more.
func (q *queue[T]) run(work func(T)) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for range atOnce {
		wg.Go(func() {
			for item, ok := q.next(false); ok; item, ok = q.next(true) {
				work(item)
			}
		})
	}
}
