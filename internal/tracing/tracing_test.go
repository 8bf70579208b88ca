package tracing

import (
	"context"
	"errors"
	"testing"
)

func TestDepthIsZero(t *testing.T) {
	for godebug, want := range map[string]bool{
		"": false, "profstackdepth=0": true, "x=1,profstackdepth=00,y=2": true, "profstackdepth=1": false,
		"profstackdepth=": false, "xprofstackdepth=0": false, "profstackdepth=-1": true,
	} {
		if got := depthIsZero(godebug); got != want {
			t.Errorf("%q: %v, want %v", godebug, got, want)
		}
	}
}

func TestSlot(t *testing.T) {
	var s Slot
	s.Unlock() // nothing to give back
	if by, ok := s.TryLock("one"); !ok || by != "" {
		t.Fatalf("a free slot: %q, %v", by, ok)
	}
	if by, ok := s.TryLock("two"); ok || by != "one" {
		t.Errorf("a slot of one: %q, %v", by, ok)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Lock(ctx, "two"); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for it with a cancelled context: %v", err)
	}
	done := make(chan error, 2)
	for range 2 {
		go func() {
			err := s.Lock(t.Context(), "two")
			s.Unlock()
			done <- err
		}()
	}
	s.Unlock()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if _, ok := s.TryLock("three"); !ok {
		t.Error("the slot is not free in the end")
	}
}
