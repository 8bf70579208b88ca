package files

import (
	"context"
	"io"
	"iter"
	"sync"
)

// ahead is how many files, or directories, are read at once.
const ahead = 16

// heldOutput is how many bytes one item puts out before its turn has come; then it
// waits.
const heldOutput = 64 << 10

// inOrder does something with each item, with several at once, and lets out what
// they write in the items' order. report is called in that order too, once for
// each item, after what it wrote; its error ends all, and so does that of out.
func inOrder[T any](ctx context.Context, out io.Writer, items iter.Seq[T],
	do func(ctx context.Context, item T, out io.Writer) error, report func(item T, err error) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var work sync.WaitGroup
	defer work.Wait()
	slots := make(chan struct{}, ahead)
	before := make(chan struct{})
	close(before)
	for item := range items {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		w := &turn{ctx: ctx, before: before, out: out}
		done := make(chan struct{})
		before = done
		work.Go(func() {
			defer func() { close(done); <-slots }()
			err := do(ctx, item, w)
			<-w.before
			if ctx.Err() != nil {
				return
			}
			w.flush()
			if w.err == nil {
				w.err = report(item, err)
			}
			if w.err != nil {
				stop(w.err)
			}
		})
	}
	work.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// indexes are the numbers from 0 to n-1, as items.
func indexes(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; i < n && yield(i); i++ {
		}
	}
}

// turn is what one of several writes to, who come out one after the other.
type turn struct {
	ctx    context.Context
	before chan struct{} // closed when the turn has come
	out    io.Writer
	held   []byte
	err    error
}

func (t *turn) Write(p []byte) (int, error) {
	if len(t.held)+len(p) <= heldOutput {
		t.held = append(t.held, p...)
		return len(p), nil
	}
	select {
	case <-t.before:
	case <-t.ctx.Done():
		return 0, context.Cause(t.ctx)
	}
	t.flush()
	if t.err == nil {
		_, t.err = t.out.Write(p)
	}
	if t.err != nil {
		return 0, t.err
	}
	return len(p), nil
}

// flush puts out what was held, when the turn has come.
func (t *turn) flush() {
	if t.err == nil && len(t.held) > 0 {
		_, t.err = t.out.Write(t.held)
	}
	t.held = t.held[:0]
}
