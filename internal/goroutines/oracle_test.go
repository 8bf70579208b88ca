package goroutines

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"runtime"
	"runtime/trace"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	xtrace "golang.org/x/exp/trace"
)

// final is what a trace says of a goroutine at its end.
type final struct {
	state string
	stack string
}

// oracle reads the first generation of a trace as golang.org/x/exp/trace does.
func oracle(t *testing.T, raw []byte) map[uint64]final {
	t.Helper()
	r, err := xtrace.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	type last struct {
		state string
		stack xtrace.Stack
	}
	seen := map[uint64]last{}
	for syncs := 0; syncs < 2; {
		ev, err := r.ReadEvent()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("golang.org/x/exp/trace: %v", err)
		}
		switch ev.Kind() {
		case xtrace.EventSync:
			syncs++
		case xtrace.EventStateTransition:
			st := ev.StateTransition()
			if st.Resource.Kind != xtrace.ResourceGoroutine {
				continue
			}
			id := uint64(st.Resource.Goroutine())
			_, to := st.Goroutine()
			if to == xtrace.GoNotExist {
				delete(seen, id)
				continue
			}
			l := seen[id]
			l.state = to.String()
			if st.Stack != xtrace.NoStack {
				l.stack = st.Stack
			}
			seen[id] = l
		}
	}
	got := map[uint64]final{}
	for id, l := range seen {
		var stack strings.Builder
		for f := range l.stack.Frames() {
			if f.PC == 0 {
				continue // an empty stack
			}
			fmt.Fprintf(&stack, "%s %s:%d\n", f.Func, f.File, f.Line)
		}
		got[id] = final{l.state, stack.String()}
	}
	return got
}

var stateWords = map[State]string{Running: "Running", Runnable: "Runnable", Waiting: "Waiting", Syscall: "Syscall"}

// decoded reads the same with our decoder.
func decoded(t *testing.T, raw []byte) map[uint64]final {
	t.Helper()
	d := newDecoder()
	d.Write(raw)
	if err := d.finish(); err != nil {
		t.Fatal(err)
	}
	got := map[uint64]final{}
	add := func(id uint64, state State, stack uint32) {
		var text strings.Builder
		for _, f := range d.table.resolve(d.table.number(stack)) {
			fmt.Fprintf(&text, "%s %s:%d\n", f.Func, f.File, f.Line)
		}
		got[id] = final{stateWords[state], text.String()}
	}
	for _, g := range slices.Concat(d.sched.still...) {
		add(g.id, g.state, g.stack)
	}
	for id, g := range d.sched.moved {
		if !g.dead {
			add(id, g.state, g.stack)
		}
	}
	return got
}

// commotion keeps all kinds of goroutines moving until the returned function is
// called.
func commotion(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var mu sync.Mutex
	ping := make(chan int)
	for range 3 {
		wg.Go(func() { // each wakes another
			for ctx.Err() == nil {
				select {
				case ping <- 1:
				case <-ping:
				case <-ctx.Done():
				}
			}
		})
		wg.Go(func() { // come and go
			for ctx.Err() == nil {
				done := make(chan struct{})
				go func() { mu.Lock(); runtime.Gosched(); mu.Unlock(); close(done) }()
				<-done
			}
		})
	}
	wg.Go(func() { // coroutines
		for ctx.Err() == nil {
			next, stop := iter.Pull(func(yield func(int) bool) {
				for yield(1) {
				}
			})
			for range 10 {
				next()
			}
			stop()
		}
	})
	wg.Go(func() { // what the program itself writes into traces
		for ctx.Err() == nil {
			c, task := trace.NewTask(ctx, "task")
			trace.WithRegion(c, "region", func() { trace.Log(c, "category", "message") })
			task.End()
		}
	})
	wg.Go(func() { // system calls
		for ctx.Err() == nil {
			blockInPipe(t, func() {})
		}
	})
	var sink atomic.Pointer[[]byte]
	wg.Go(func() { // garbage
		for ctx.Err() == nil {
			b := make([]byte, 1<<16)
			sink.Store(&b)
		}
	})
	return sync.OnceFunc(func() { cancel(); wg.Wait() })
}

// TestOracle holds the decoder against golang.org/x/exp/trace, on traces of a
// program in which everything happens.
func TestOracle(t *testing.T) {
	lock(t)
	stop := commotion(t)
	defer stop()
	traces := make([]bytes.Buffer, 12)
	for i := range traces {
		raw := &traces[i]
		if i%2 == 0 {
			if err := trace.Start(raw); err != nil {
				t.Fatal(err)
			}
			trace.Stop()
		} else {
			fr := trace.NewFlightRecorder(trace.FlightRecorderConfig{MaxBytes: 1})
			if err := fr.Start(); err != nil {
				t.Fatal(err)
			}
			runtime.GC() // so that its events are in the trace
			_, err := fr.WriteTo(raw)
			fr.Stop()
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	stop()
	moved := 0
	for i := range traces {
		raw := traces[i].Bytes()
		want, got := oracle(t, raw), decoded(t, raw)
		for _, id := range slices.Sorted(maps.Keys(want)) {
			g, ok := got[id]
			if !ok {
				t.Errorf("goroutine %d is missing", id)
			} else if g != want[id] {
				t.Errorf("goroutine %d:\n%+v\nwant\n%+v", id, g, want[id])
			}
			delete(got, id)
		}
		for id, g := range got {
			t.Errorf("goroutine %d is not there: %+v", id, g)
		}
		moved += len(want)
		if t.Failed() {
			return
		}
	}
	if moved == 0 {
		t.Error("no goroutine in any trace")
	}
}

// FuzzDecoder holds that no bytes make the decoder panic.
func FuzzDecoder(f *testing.F) {
	var raw bytes.Buffer
	if err := trace.Start(&raw); err != nil {
		f.Skip(err)
	}
	trace.Stop()
	f.Add(raw.Bytes())
	f.Add([]byte(traceHeader))
	f.Fuzz(func(t *testing.T, p []byte) {
		d := newDecoder()
		if n, err := d.Write(p); n != len(p) || err != nil {
			t.Fatalf("Write: %d, %v", n, err)
		}
		if d.err != nil && strings.Contains(d.err.Error(), "panic") {
			t.Fatal(d.err)
		}
		if d.finish() == nil {
			newDump(Tracer).fill(d, myself{})
		}
	})
}
