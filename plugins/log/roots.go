package log

import (
	"context"
	"log/slog"
	"sync"
	"weak"
)

// root is a handler of the program's that has been wrapped.
type root struct{ next slog.Handler }

// roots are those that are still in use, for their level to be shown.
var roots struct {
	sync.Mutex
	list []weak.Pointer[root]
}

const maxRoots = 64

func newRoot(next slog.Handler) *root {
	r := &root{next}
	roots.Lock()
	defer roots.Unlock()
	alive := roots.list[:0]
	for _, p := range roots.list {
		if p.Value() != nil {
			alive = append(alive, p)
		}
	}
	if len(alive) < maxRoots {
		alive = append(alive, weak.Make(r))
	}
	roots.list = alive
	return r
}

func liveRoots() (list []*root) {
	roots.Lock()
	defer roots.Unlock()
	for _, p := range roots.list {
		if r := p.Value(); r != nil {
			list = append(list, r)
		}
	}
	return list
}

// wrapped reports whether the program has wrapped a handler.
func wrapped() bool { return len(liveRoots()) > 0 }

// lowest and highest bound the levels that a handler is asked for.
const (
	lowest  = slog.LevelDebug - 12
	highest = slog.LevelError + 8
)

// ownLevel returns the least level that the program's handlers take, which they
// are asked for one by one.
func ownLevel(ctx context.Context) level {
	least := level{off: true}
	for _, r := range liveRoots() {
		for l := lowest; l <= highest; l++ {
			if !least.off && l >= least.level {
				break
			}
			if r.next.Enabled(ctx, l) {
				least = level{level: l}
				break
			}
		}
	}
	return least
}
