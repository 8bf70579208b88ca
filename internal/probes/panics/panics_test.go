//go:build linux && amd64

package panics

import (
	"encoding/binary"
	"errors"
	"math/rand"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/ispyd/ispyd/internal/probes/jump"
)

func install(t testing.TB, f func(*Panic)) {
	t.Helper()
	if err := Install(f); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remove(t) })
}

func remove(t testing.TB) {
	t.Helper()
	if err := Remove(); err != nil {
		t.Fatal(err)
	}
	if Installed() {
		t.Fatal("installed after Remove")
	}
	if d, err := jump.Verify(); err != nil || len(d) != 0 {
		t.Fatalf("code differs from the file: %+v, %v", d, err)
	}
}

//go:noinline
func thrower(v any) (got any) {
	defer func() { got = recover() }()
	panic(v)
}

func names(pcs []uintptr) (out []string) {
	fs := runtime.CallersFrames(pcs)
	for {
		f, more := fs.Next()
		out = append(out, f.Function)
		if !more {
			return out
		}
	}
}

const pkg = "github.com/ispyd/ispyd/internal/probes/panics."

func TestHook(t *testing.T) {
	var got []string
	var p Panic
	install(t, func(q *Panic) { got, p = names(q.PCs), *q })
	if v := thrower("x"); v != "x" {
		t.Errorf("recovered %v", v)
	}
	if p.Value != "x" || len(got) < 2 || got[0] != pkg+"thrower" || got[1] != pkg+"TestHook" || p.Truncated {
		t.Errorf("hook saw %v at %v", p.Value, got)
	}
	if f := runtime.FuncForPC(p.PC - 1); f.Name() != pkg+"thrower" {
		t.Errorf("PC is in %s", f.Name())
	}
	if p.G() != getg() {
		t.Errorf("g is %#x, not %#x", p.G(), getg())
	}
	if err := Install(func(*Panic) {}); !errors.Is(err, syscall.EEXIST) {
		t.Errorf("second hook: %v", err)
	}
	if !Installed() || len(jump.Patched()) != 1 || jump.Patched()[0].Func != "runtime.gopanic" {
		t.Errorf("patched: %+v", jump.Patched())
	}
	if err := Install(nil); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("no hook: %v", err)
	}
}

// TestJumpsClosed is a Close of all jumps behind the back of this package.
func TestJumpsClosed(t *testing.T) {
	n := 0
	install(t, func(*Panic) { n++ })
	if err := jump.Close(); err != nil {
		t.Fatal(err)
	}
	thrower(1)
	if Installed() || n != 0 {
		t.Errorf("%d panics after Close", n)
	}
	if err := Install(func(*Panic) { n += 10 }); err != nil {
		t.Fatal(err)
	}
	if thrower(1); n != 10 {
		t.Errorf("n = %d after a new Install", n)
	}
}

//go:noinline
func caller(marker uintptr, v any) (sum uintptr) {
	defer func() { recover() }()
	var pad [64]uintptr
	for i := range pad {
		pad[i] = marker
	}
	keep(&pad)
	panic(v)
}

//go:noinline
func keep(*[64]uintptr) {}

//go:noinline
func grow(n int) byte {
	var pad [1024]byte
	pad[n&1023] = byte(n)
	if n == 0 {
		return pad[0]
	}
	return grow(n-1) + pad[n&1023]
}

// TestStack takes the stack before and after it has moved.
func TestStack(t *testing.T) {
	const marker = 0x5157a11ab1e
	var before, after []byte
	var sps [2]uintptr
	var bp uintptr
	install(t, func(p *Panic) {
		buf := make([]byte, 64<<10)
		n, sp, _ := p.CopyStack(buf)
		before, sps[0] = append(before, buf[:n]...), sp
		grow(200)
		n, sps[1], bp = p.CopyStack(buf)
		after = append(after, buf[:n]...)
		if s, b := p.Frame(); s != sps[1] || b != bp {
			t.Errorf("frame %#x %#x, copied %#x %#x", s, b, sps[1], bp)
		}
		if n, _, _ := p.CopyStack(buf[:16]); n != 16 {
			t.Errorf("%d bytes in a buffer of 16", n)
		}
	})
	done := make(chan bool)
	go func() { caller(marker, 1); close(done) }()
	<-done
	if sps[0] == sps[1] {
		t.Error("the stack did not move")
	}
	for _, s := range [][]byte{before, after} {
		n := 0
		for i := 0; i+8 <= len(s); i += 8 {
			if binary.LittleEndian.Uint64(s[i:]) == marker {
				n++
			}
		}
		if n < 64 {
			t.Errorf("%d markers in %d bytes of stack", n, len(s))
		}
	}
	// The frame pointer of the frame leads to the return address of caller.
	off := bp - sps[1] + 8
	if int(off)+8 > len(after) {
		t.Fatalf("bp %#x, sp %#x", bp, sps[1])
	}
	ret := uintptr(binary.LittleEndian.Uint64(after[off:]))
	if f := runtime.FuncForPC(ret); f == nil || !strings.HasPrefix(f.Name(), pkg+"TestStack.") {
		t.Errorf("return address %#x of caller", ret)
	}
}

// TestDeep has more frames than are reported.
func TestDeep(t *testing.T) {
	var n int
	var truncated bool
	install(t, func(p *Panic) { n, truncated = len(p.PCs), p.Truncated })
	var f func(int)
	f = func(d int) {
		if d == 0 {
			thrower(1)
			return
		}
		f(d - 1)
	}
	f(1000)
	if n != maxPCs || !truncated {
		t.Errorf("%d frames, truncated %v", n, truncated)
	}
}

// TestHookPanics has a hook that panics itself, which nobody shall notice.
func TestHookPanics(t *testing.T) {
	before := Swallowed()
	calls := 0
	install(t, func(p *Panic) {
		calls++
		func() {
			defer func() { recover() }()
			panic("recovered by the hook")
		}()
		p.PCs[len(p.PCs)]++
	})
	for range 10 {
		if v := thrower("x"); v != "x" {
			t.Errorf("recovered %v", v)
		}
	}
	if calls != 10 || Swallowed()-before != 10 {
		t.Errorf("%d calls, %d swallowed", calls, Swallowed()-before)
	}
}

// TestStress: panics on many goroutines, with collections all the while and the
// hook put in and out.
func TestStress(t *testing.T) {
	const workers = 50
	goal := int64(200_000) // panics that the hook sees
	if testing.Short() {
		goal = 20_000
	}
	var hits, panics atomic.Int64
	hook := func(p *Panic) {
		hits.Add(1)
		switch v := p.Value.(type) {
		case *[4]int:
			if v[0] != v[3] {
				t.Error("panic value damaged in the hook")
			}
		}
		if len(p.PCs) < 2 {
			t.Error("no stack")
		}
	}
	install(t, hook)
	var mu sync.Mutex
	on, toggles := true, 0
	toggle := func() {
		mu.Lock()
		defer mu.Unlock()
		var err error
		if on = !on; on {
			err = Install(hook)
		} else {
			err = Remove()
		}
		if toggles++; err != nil {
			t.Error(err)
		}
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for hits.Load() < goal && !t.Failed() {
				// New goroutines start with small stacks, which grow within gopanic or the hook.
				done := make(chan int)
				go func() { done <- atDepth(w*3, w) }()
				panics.Add(int64(<-done))
				if rand.Intn(100) == 0 {
					toggle()
				}
			}
		})
	}
	stop := make(chan bool)
	var collector sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})
	wg.Wait()
	close(stop)
	collector.Wait()
	if hits.Load() > panics.Load() || toggles < 10 {
		t.Errorf("%d panics, %d hits, %d toggles", panics.Load(), hits.Load(), toggles)
	}
	t.Logf("%d panics, %d hits, %d toggles", panics.Load(), hits.Load(), toggles)
}

//go:noinline
func atDepth(n, w int) int {
	var pad [100]byte
	pad[n%100] = 1
	if n > 0 {
		return atDepth(n-1, w) + int(pad[n%100]) - 1
	}
	panics := 0
	for i := range 5 {
		func() {
			defer func() {
				panics++
				switch v := recover().(type) {
				case *[4]int:
					if v[0] != i || v[3] != i {
						os.Stderr.WriteString("panic value damaged\n")
						os.Exit(1)
					}
				case runtime.Error:
				default:
					os.Stderr.WriteString("another panic value\n")
					os.Exit(1)
				}
			}()
			if i%2 == 0 {
				panic(&[4]int{i, w, w, i})
			}
			var p *[4]int
			p[i] = 1
		}()
	}
	return panics
}

// TestChildren starts programs and forks while gopanic is changed.
func TestChildren(t *testing.T) {
	install(t, func(*Panic) {})
	for range 10 {
		out, err := exec.Command("/bin/echo", "x").Output()
		if err != nil || string(out) != "x\n" {
			t.Fatalf("echo: %q, %v", out, err)
		}
		if err := exec.Command("/nonexistent").Run(); err == nil {
			t.Error("no error")
		}
		thrower(1)
	}
}

func TestShape(t *testing.T) {
	good := "\x4c\x8d\x64\x24\xd8" + "\x4d\x3b\x66\x10" + "\x0f\x86\x2d\x03\x00\x00" + "\x55\x48\x89\xe5"
	for _, c := range []struct {
		code string
		want shape
	}{
		{good, shape{site: 5, branch: 9, resume: 15, guard: 40}},
		{"\x49\x3b\x66\x10" + "\x76\x20" + "\x55\x48\x89\xe5", shape{branch: 4, resume: 6}},
		{"\x4c\x8d\xa4\x24\x00\xff\xff\xff" + "\x4d\x3b\x66\x10" + "\x76\x20" + "\x55\x48\x89\xe5", shape{8, 12, 14, 256}},
		{"\x4c\x8d\x64\x24\xd8" + "\x49\x3b\x66\x10" + "\x76\x20" + "\x55\x48\x89\xe5", shape{}}, // compares another register
		{"\x4c\x8d\x64\x24\x28" + "\x4d\x3b\x66\x10" + "\x76\x20" + "\x55\x48\x89\xe5", shape{}}, // looks above
		{"\x55\x48\x89\xe5\x48\x81", shape{}},                                                    // no check
		{"\x49\x3b\x66\x10\x77\x20\x55\x48\x89\xe5", shape{}},                                    // another branch
		{good[:len(good)-1], shape{}},
		{"", shape{}},
	} {
		got, err := shapeOf([]byte(c.code))
		if got != c.want || (err == nil) != (c.want != shape{}) {
			t.Errorf("% x: %+v, %v, want %+v", c.code, got, err, c.want)
		}
	}
}

func FuzzShape(f *testing.F) {
	f.Add([]byte("\x49\x3b\x66\x10\x76\x20\x55\x48\x89\xe5"))
	f.Add([]byte("\x4c\x8d\xa4\x24\x00\xff\xff\xff\x4d\x3b\x66\x10\x76\x20\x55\x48\x89\xe5"))
	f.Fuzz(func(t *testing.T, code []byte) {
		s, err := shapeOf(code)
		if err == nil && (string(code[s.resume:s.resume+4]) != "\x55\x48\x89\xe5" || s.branch != s.site+4 || s.guard < 0) {
			t.Errorf("%+v of % x", s, code)
		}
	})
}

func TestCheck(t *testing.T) {
	for _, c := range Check() {
		if !c.OK {
			t.Errorf("%+v", c)
		}
	}
}
