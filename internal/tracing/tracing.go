// Package tracing shares the runtime's two places for execution traces, that of
// trace.Start and that of the flight recorder, among those in this module who use
// them: dumps of goroutines, for a moment, and profiles. Who finds a place taken
// can then say by whom, and what nobody here holds is the program's own.
package tracing

import (
	"context"
	"os"
	"strconv"
	"strings"
	"sync"
)

// The two places. Each is locked before it is used.
var (
	Tracer   Slot
	Recorder Slot
)

// Slot is one place for a trace. The zero Slot is free.
type Slot struct {
	mu     sync.Mutex
	holder string
	freed  chan struct{} // closed when it becomes free, nil where it is
}

// TryLock takes the place if it is free. Otherwise it returns who holds it.
// holder goes on a sentence: "a dump of goroutines".
func (s *Slot) TryLock(holder string) (heldBy string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.freed != nil {
		return s.holder, false
	}
	s.holder, s.freed = holder, make(chan struct{})
	return "", true
}

// Lock takes the place and waits for it as long as ctx lasts.
func (s *Slot) Lock(ctx context.Context, holder string) error {
	for {
		if _, ok := s.TryLock(holder); ok {
			return nil
		}
		s.mu.Lock()
		freed := s.freed
		s.mu.Unlock()
		if freed == nil {
			continue
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Unlock gives the place back, if it is taken.
func (s *Slot) Unlock() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.freed != nil {
		close(s.freed)
		s.freed = nil
	}
}

// godebug is what the runtime read when the program started, unless somebody
// changed it in an earlier package's initialisation.
var godebug = os.Getenv("GODEBUG")

// Fatal reports whether a trace would be the end of the program: with
// GODEBUG=profstackdepth=0 the tracer has no room for a stack, and dies.
var Fatal = sync.OnceValue(func() bool {
	settings := godebug
	// The environment as it was at the start, where the system keeps it.
	environ, _ := os.ReadFile("/proc/self/environ")
	for v := range strings.SplitSeq(string(environ), "\x00") {
		if s, ok := strings.CutPrefix(v, "GODEBUG="); ok {
			settings += "," + s
		}
	}
	return depthIsZero(settings)
})

func depthIsZero(godebug string) bool {
	for s := range strings.SplitSeq(godebug, ",") {
		if v, ok := strings.CutPrefix(s, "profstackdepth="); ok {
			if n, err := strconv.Atoi(v); err == nil && n <= 0 {
				return true
			}
		}
	}
	return false
}
