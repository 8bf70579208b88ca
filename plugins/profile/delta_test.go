package profile

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ispyd/ispyd/internal/goroutines"
	"github.com/ispyd/ispyd/nodes"
)

var ballast [][]byte

//go:noinline
func grow() {
	if len(ballast) == 200 {
		ballast = nil
	}
	ballast = append(ballast, make([]byte, 1<<20))
	runtime.GC() // the profile is as of a collection
}

// until repeats what may have come too early or too late.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !cond(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not so after %s", what, patience)
		}
	}
}

// during runs f while a file is being captured for d.
func during(t *testing.T, dir nodes.Dir, name string, f func()) string {
	t.Helper()
	var data []byte
	var err error
	done := make(chan bool)
	go func() {
		defer close(done)
		data, err = readFile(t.Context(), dir, name)
	}()
	for {
		select {
		case <-done:
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return string(data)
		default:
			f()
		}
	}
}

func TestDeltaHeap(t *testing.T) {
	dir := tree(t, "")
	defer func() { ballast = nil }()
	for _, name := range []string{"heap", "allocs"} {
		until(t, "delta/"+name, func() bool {
			p := parsed(t, during(t, dir, "delta/"+name+"/200ms", grow))
			if p.DurationNanos < int64(200*time.Millisecond) {
				t.Errorf("delta/%s lasted %d", name, p.DurationNanos)
			}
			return hasFunction(p, ".grow")
		})
	}
	until(t, "delta/allocs.txt", func() bool {
		text := during(t, dir, "delta/allocs/100ms.txt", grow)
		return strings.HasPrefix(text, "# delta of allocs: ") && strings.Contains(text, "profile.grow\n")
	})
}

func TestDeltaGoroutine(t *testing.T) {
	dir := tree(t, "")
	stop := make(chan bool)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	spawn := func() {
		<-pace.C
		wg.Go(func() { waiting(stop) })
	}
	until(t, "delta/goroutine.txt", func() bool {
		text := during(t, dir, "delta/goroutine/200ms.txt", spawn)
		return strings.HasPrefix(text, "# goroutines: ") && strings.Contains(text, "profile.waiting(...)\n") &&
			(runtime.GOOS != "linux" || strings.Contains(text, " created by sync.(*WaitGroup).Go\n"))
	})
	until(t, "delta/goroutine", func() bool {
		return hasFunction(parsed(t, during(t, dir, "delta/goroutine/200ms", spawn)), ".waiting")
	})
}

func TestGrowth(t *testing.T) {
	group := func(n int, fn string, creators ...goroutines.CreatorCount) goroutines.Group {
		return goroutines.Group{Count: n, States: []goroutines.Counted{{Name: "select", Count: n}}, Stack: []goroutines.Frame{{Func: fn, File: "a.go", Line: 1}}, Creators: creators}
	}
	by := func(n int, fn string) goroutines.CreatorCount {
		return goroutines.CreatorCount{Frame: goroutines.Frame{Func: fn, File: "c.go", Line: 2}, Count: n}
	}
	before := []goroutines.Group{group(5, "same"), group(5, "less"), group(2, "more", by(1, "x"), by(1, "y"))}
	after := []goroutines.Group{group(5, "same"), group(4, "less"), group(9, "more", by(8, "x"), by(1, "y")), group(100, "new", by(100, "z"))}
	want := `# goroutines: 12, and 118 after 30s; 2 groups of the same stack grew

+100 goroutines, 0 before, 100 now [select 100]:
new(...)
	a.go:1
+100 created by z
	c.go:2

+7 goroutines, 2 before, 9 now [select 9]:
more(...)
	a.go:1
+7 created by x
	c.go:2
`
	if got := string(writeGrowth(12, 118, 30*time.Second, before, after)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	var many []goroutines.Group
	for i := range maxGrown + 10 {
		many = append(many, goroutines.Group{Count: 1, Stack: []goroutines.Frame{{Func: "f", Line: i}}})
	}
	if got := string(writeGrowth(0, 1, time.Second, nil, many)); !strings.HasSuffix(got, "\n[10 more groups that grew by less are not shown]\n") {
		t.Errorf("many groups end with %q", got[len(got)-100:])
	}
}

//go:noinline
func contend(mu *sync.Mutex) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				mu.Lock()
				runtime.Gosched()
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func TestDeltaMutex(t *testing.T) {
	dir := tree(t, "")
	for _, c := range []struct{ own, during, meanwhile, after int }{
		{0, mutexFraction, -1, 0}, // set and put back
		{3, 3, -1, 3},             // the program's own stays
		{0, mutexFraction, 5, 5},  // changed meanwhile
	} {
		until(t, fmt.Sprintf("%+v", c), func() bool {
			runtime.SetMutexProfileFraction(c.own)
			seen := 0
			during(t, dir, "delta/mutex/200ms", func() {
				if f := runtime.SetMutexProfileFraction(-1); f != 0 {
					seen = max(seen, f)
					if f == mutexFraction && c.meanwhile >= 0 {
						runtime.SetMutexProfileFraction(c.meanwhile)
					}
				}
				runtime.Gosched()
			})
			return seen == c.during && runtime.SetMutexProfileFraction(-1) == c.after
		})
	}
	runtime.SetMutexProfileFraction(0)
	var mu sync.Mutex
	until(t, "contention", func() bool {
		return hasFunction(parsed(t, during(t, dir, "delta/mutex/200ms", func() { contend(&mu) })), ".Unlock")
	})
}

func TestDeltaBlock(t *testing.T) {
	_, err := readFile(t.Context(), tree(t, ""), "delta/block/1s")
	wantError(t, "delta/block", err, nodes.ErrDisabled, "put block = true under [profile]")
	dir := tree(t, "[profile]\nblock = true\n")
	c := make(chan bool)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan bool)
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			wakes(ctx, c)
		}
	}()
	until(t, "waiting", func() bool {
		return hasFunction(parsed(t, during(t, dir, "delta/block/200ms", func() { blocks(ctx, c) })), ".blocks")
	})
	cancel()
	<-done
}

func wakes(ctx context.Context, c chan bool) {
	select {
	case <-time.After(100 * time.Microsecond):
	case <-ctx.Done():
		return
	}
	select {
	case c <- true:
	case <-ctx.Done():
	}
}

//go:noinline
func blocks(ctx context.Context, c chan bool) {
	select {
	case <-c:
	case <-ctx.Done():
	}
}
