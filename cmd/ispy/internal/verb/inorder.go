package verb

import (
	"context"
	"iter"
	"sync"
)

// AtOnce is how many operations of one command are under way at once.
const AtOnce = 16

// InOrder works on the items, [AtOnce] at once, and hands the results over in
// their order, one at a time. It ends with the first error of use, or when the
// context does; when it returns, nothing of it runs any more. The items are asked
// for on another goroutine, work runs on several; use runs on the caller's.
func InOrder[T, R any](ctx context.Context, items iter.Seq[T], work func(context.Context, T) R, use func(R) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	queue := make(chan chan R, AtOnce-1)
	wg.Go(func() {
		defer close(queue)
		for item := range items {
			slot := make(chan R, 1)
			select {
			case queue <- slot:
			case <-ctx.Done():
				return
			}
			wg.Go(func() { slot <- work(ctx, item) })
		}
	})
	for slot := range queue {
		if err := use(<-slot); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}
