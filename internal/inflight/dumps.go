package inflight

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ispyd/ispyd/internal/goroutines"
	"github.com/ispyd/ispyd/nodes"
)

// Dumps keeps the last dump for a moment, so that reading all requests, one after
// the other, takes a small share of the program's time however many there are.
type Dumps struct {
	mu    sync.Mutex
	last  *goroutines.Dump
	began time.Time // of last
	timer *time.Timer
}

// A dump is shown again for as many times as long as it took, and no longer than
// this.
const (
	keepTimes = 10
	keepMost  = 2 * time.Second
)

// Get returns a dump that began after a time.
func (k *Dumps) Get(ctx context.Context, after time.Time) (*goroutines.Dump, error) {
	k.mu.Lock()
	if k.last != nil && k.began.After(after) && time.Since(k.last.Taken) < keepFor(k.last) {
		defer k.mu.Unlock()
		return k.last, nil
	}
	k.mu.Unlock()
	began := time.Now()
	d, err := goroutines.Take(ctx)
	if err != nil {
		var p *goroutines.PanicError
		if errors.As(err, &p) {
			err = &nodes.PanicError{Value: p.Value, Stack: p.Stack}
		}
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.last == nil || d.Taken.After(k.last.Taken) {
		k.last, k.began = d, began
		if k.timer != nil {
			k.timer.Stop()
		}
		k.timer = time.AfterFunc(keepFor(d), k.Drop)
	}
	return d, nil
}

func keepFor(d *goroutines.Dump) time.Duration { return min(keepTimes*d.Cost.Whole, keepMost) }

// Drop forgets the dump.
func (k *Dumps) Drop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last = nil
	if k.timer != nil {
		k.timer.Stop()
	}
}
