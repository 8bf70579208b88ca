package verb

import (
	"context"
	"errors"
	"slices"
	"testing"
)

func TestInOrder(t *testing.T) {
	items := make([]int, 100)
	for i := range items {
		items[i] = i
	}
	var got []int
	err := InOrder(t.Context(), slices.Values(items), func(_ context.Context, i int) int { return i }, func(i int) error {
		got = append(got, i)
		return nil
	})
	if err != nil || !slices.Equal(got, items) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestInOrderEnds(t *testing.T) {
	forever := func(yield func(int) bool) {
		for i := 0; yield(i); i++ {
		}
	}
	enough := errors.New("enough")
	hang := func(ctx context.Context, i int) int {
		if i > 0 {
			<-ctx.Done()
		}
		return i
	}
	if err := InOrder(t.Context(), forever, hang, func(int) error { return enough }); err != enough {
		t.Errorf("by use: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := InOrder(ctx, forever, hang, func(int) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("by the context: %v", err)
	}
}
