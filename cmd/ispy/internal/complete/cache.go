package complete

import (
	"context"
	"sync"
	"time"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
)

// What programs have answered is kept for a moment: a person types several keys
// and asks again and again for the same. It is bounded by the number of answers,
// and each of these by itself.
const (
	cacheAge     = 3 * time.Second  // of directories and ctl files
	cacheAgeList = 10 * time.Second // of long lists of names
	cacheEntries = 16
)

type cacheKey struct {
	space *space.Space
	kind  string
	path  string
}

type cached struct {
	value any
	until time.Time
}

var cache = struct {
	sync.Mutex
	m map[cacheKey]cached
}{m: map[cacheKey]cached{}}

// remember returns what ask returned lately for the key, or asks. Errors are
// remembered too, but not that time ran out.
func remember[T any](ctx context.Context, key cacheKey, age time.Duration, ask func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	cache.Lock()
	c, ok := cache.m[key]
	cache.Unlock()
	if ok && time.Now().Before(c.until) {
		a := c.value.(answer)
		return a.value, a.err
	}
	a, err := promptly(ctx, func() answer {
		value, err := ask()
		return answer{value, err}
	})
	if err != nil {
		return a.value, err
	}
	value, err := a.value, a.err
	cache.Lock()
	defer cache.Unlock()
	now := time.Now()
	for k, c := range cache.m {
		if now.After(c.until) {
			delete(cache.m, k)
		}
	}
	if len(cache.m) >= cacheEntries {
		clear(cache.m)
	}
	cache.m[key] = cached{answer{value, err}, now.Add(age)}
	return value, err
}

// promptly returns what ask does, or the context's error as soon as it has one: an
// operation that it ends may still wait for a frozen program to call it off.
func promptly[T any](ctx context.Context, ask func() T) (value T, err error) {
	if err := ctx.Err(); err != nil {
		return value, err
	}
	done := make(chan T, 1)
	go func() { done <- ask() }()
	select {
	case value = <-done:
		return value, ctx.Err()
	case <-ctx.Done():
		return value, ctx.Err()
	}
}
