package request_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/ispyd/ispyd/internal/request"
)

func TestLife(t *testing.T) {
	a, b := request.New("test.life"), request.New("test.life")
	if a.ID() == 0 || b.ID() <= a.ID() {
		t.Errorf("ids %d, %d", a.ID(), b.ID())
	}
	if request.Lookup(a.ID()) != a || request.Lookup(b.ID()) != b {
		t.Error("a live request is not found")
	}
	if live := request.Live("test.life"); len(live) != 2 || live[0] != a || live[1] != b {
		t.Errorf("live: %v", live)
	}
	ctx := b.Context(a.Context(t.Context()))
	if request.FromContext(ctx) != b || request.FromContext(t.Context()) != nil {
		t.Error("FromContext")
	}
	a.Done()
	a.Done()
	if request.Lookup(a.ID()) != nil || len(request.Live("test.life")) != 1 {
		t.Error("a request lives on after Done")
	}
	b.Done()
}

type job struct {
	request.Request
	name string
}

func TestOwner(t *testing.T) {
	j := &job{name: "x"}
	j.Start("test.owner", j)
	defer j.Done()
	if got := request.Lookup(j.ID()).Owner().(*job); got.name != "x" || got.Kind() != "test.owner" {
		t.Errorf("owner %v", got)
	}
}

func TestNil(t *testing.T) {
	var r *request.Request
	r.Start("x", nil)
	r.Done()
	r.Log([]byte("x"))
	r.SetLevel(slog.LevelDebug)
	r.ClearLevel()
	if _, ok := r.Level(); ok || r.ID() != 0 || r.Kind() != "" || r.Owner() != nil {
		t.Error("nil knows something")
	}
	if kept, dropped := r.Lines(); kept != nil || dropped != 0 {
		t.Error("nil has lines")
	}
	if ctx := t.Context(); r.Context(ctx) != ctx {
		t.Error("Context of nil")
	}
	if request.FromContext(context.Context(nil)) != nil {
		t.Error("FromContext of nil")
	}
}

func TestLevel(t *testing.T) {
	r := request.New("test.level")
	defer r.Done()
	if _, ok := r.Level(); ok {
		t.Error("a level that nobody set")
	}
	for _, l := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelError, -100} {
		r.SetLevel(l)
		if got, ok := r.Level(); !ok || got != l {
			t.Errorf("%v: got %v, %v", l, got, ok)
		}
	}
	r.ClearLevel()
	if _, ok := r.Level(); ok {
		t.Error("the level is still there")
	}
}

func TestLog(t *testing.T) {
	for _, tt := range []struct {
		name            string
		lines, size     int
		kept, lineBytes int
	}{
		{"few", 3, 10, 3, 10},
		{"many", 1000, 10, 100, 10},
		{"large", 1000, 1000, 16, 1000},
		{"huge", 3, 1 << 20, 1, 16 << 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := request.New("test.log")
			defer r.Done()
			buf := make([]byte, 0, tt.size)
			for i := range tt.lines {
				buf = append(fmt.Appendf(buf[:0], "%d", i), strings.Repeat("x", tt.size)...)[:tt.size]
				r.Log(append(buf, '\n'))
			}
			clear(buf)
			kept, dropped := r.Lines()
			if len(kept) != tt.kept || dropped != tt.lines-tt.kept {
				t.Fatalf("kept %d, dropped %d of %d", len(kept), dropped, tt.lines)
			}
			for i, l := range kept {
				if len(l) != tt.lineBytes || !bytes.HasPrefix(l, fmt.Append(nil, dropped+i)) {
					t.Errorf("line %d: %d bytes, %.20q", i, len(l), l)
				}
			}
		})
	}
}

func TestConcurrent(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				r := request.New("test.concurrent")
				r.Log([]byte("line"))
				request.Live("test.concurrent")
				if request.Lookup(r.ID()) != r {
					t.Error("not found")
				}
				r.Lines()
				r.Done()
			}
		})
	}
	wg.Wait()
	if n := len(request.Live("test.concurrent")); n != 0 {
		t.Errorf("%d are left", n)
	}
}

func BenchmarkRequest(b *testing.B) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			request.New("test.bench").Done()
		}
	})
}
