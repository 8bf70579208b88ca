package profile

import (
	"context"
	"runtime/pprof"
	"slices"
	"sync"
	"time"

	"github.com/ispyd/ispyd/internal/profiles"
	"github.com/ispyd/ispyd/nodes"
)

// takeCPU takes a CPU profile. There is one for the whole program: who calls
// pprof.StopCPUProfile ends whichever is running.
func takeCPU(ctx context.Context, d time.Duration) ([]byte, error) {
	var c collector
	began := time.Now()
	if err := pprof.StartCPUProfile(&c); err != nil {
		return nil, nodes.Errorf(nodes.ErrBusy, "the program itself takes a CPU profile (%v)", err)
	}
	err := wait(ctx, d)
	// One that is complete was ended by the program, and what may be running now
	// is the program's own.
	if profiles.Complete(c.bytes()) {
		return nil, nodes.Errorf(nodes.ErrBusy, "the program itself has ended this CPU profile, with pprof.StopCPUProfile, before its %s were over", time.Since(began).Round(time.Second))
	}
	pprof.StopCPUProfile()
	if err != nil {
		return nil, err
	}
	return c.bytes(), nil
}

// collector keeps what is written.
type collector struct {
	mu   sync.Mutex
	data []byte
}

// Write implements io.Writer.
func (c *collector) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.data = append(c.data, p...)
	return len(p), nil
}

// bytes returns what was written so far.
func (c *collector) bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clip(c.data)
}
