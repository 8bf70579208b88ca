package profile

import (
	"context"
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
	for range 64 {
		ballast = append(ballast, make([]byte, 1<<20))
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
	grow()
	for _, name := range []string{"heap", "allocs"} {
		p := parsed(t, during(t, dir, "delta/"+name+"/300ms", func() {
			ballast = nil
			grow()
			runtime.GC() // the profile is as of a collection
		}))
		if !hasFunction(p, ".grow") || p.DurationNanos < int64(300*time.Millisecond) {
			t.Errorf("delta/%s: %v", name, p)
		}
	}
	text := during(t, dir, "delta/allocs/100ms.txt", func() { ballast = nil; grow(); runtime.GC() })
	if !strings.HasPrefix(text, "# delta of allocs: ") || !strings.Contains(text, "profile.grow\n") {
		t.Errorf("delta/allocs.txt:\n%s", text)
	}
}

func TestDeltaGoroutine(t *testing.T) {
	dir := tree(t, "")
	stop := make(chan bool)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	spawn := func() {
		if runtime.NumGoroutine() < 500 {
			wg.Go(func() { waiting(stop) })
		}
		runtime.Gosched()
	}
	text := during(t, dir, "delta/goroutine/200ms.txt", spawn)
	if !strings.HasPrefix(text, "# goroutines: ") || !strings.Contains(text, " goroutines, 0 before, ") || !strings.Contains(text, "profile.waiting(...)\n") {
		t.Errorf("delta/goroutine.txt:\n%s", text)
	}
	if runtime.GOOS == "linux" && !strings.Contains(text, " created by sync.(*WaitGroup).Go\n") {
		t.Errorf("it does not say who created them:\n%s", text)
	}
	more := 0
	p := parsed(t, during(t, dir, "delta/goroutine/200ms", func() {
		if more++; more < 100 {
			wg.Go(func() { waiting(stop) })
		}
		runtime.Gosched()
	}))
	if !hasFunction(p, ".waiting") {
		t.Errorf("delta/goroutine: %v", p)
	}
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
	var mu sync.Mutex
	for _, c := range []struct{ own, during, meanwhile, after int }{
		{0, mutexFraction, -1, 0}, // set and put back
		{3, 3, -1, 3},             // the program's own stays
		{0, mutexFraction, 5, 5},  // changed meanwhile
	} {
		runtime.SetMutexProfileFraction(c.own)
		var seen int
		p := parsed(t, during(t, dir, "delta/mutex/200ms", func() {
			contend(&mu)
			if f := runtime.SetMutexProfileFraction(-1); f != 0 {
				seen = max(seen, f)
				if f == mutexFraction && c.meanwhile >= 0 {
					runtime.SetMutexProfileFraction(c.meanwhile)
				}
			}
		}))
		if seen != c.during || runtime.SetMutexProfileFraction(-1) != c.after {
			t.Errorf("%+v: %d meanwhile, %d after", c, seen, runtime.SetMutexProfileFraction(-1))
		}
		if !hasFunction(p, ".Unlock") {
			t.Errorf("%+v: %v", c, p)
		}
	}
	runtime.SetMutexProfileFraction(0)
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
	p := parsed(t, during(t, dir, "delta/block/200ms", func() { blocks(ctx, c) }))
	cancel()
	<-done
	if len(p.Sample) == 0 {
		t.Errorf("nothing has waited: %v", p)
	}
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
