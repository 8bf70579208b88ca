package profile

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"runtime/metrics"
	"runtime/pprof"
	"runtime/trace"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/nodes/nodetest"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

func TestConformance(t *testing.T) {
	for _, conf := range []string{"", "[profile]\ninterval = \"100ms\"\n[[profile.when]]\nexpression = \"goroutines over 1000000\"\n"} {
		nodetest.Check(t, func(t *testing.T) (nodes.Dir, io.Closer) {
			dir, closer, err := Plugin.Open(plugintest.Config(t, "profile", conf))
			if err != nil {
				t.Fatal(err)
			}
			return dir, closer
		})
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct{ conf, want string }{
		{"x = 1", "test.toml:2: profile.x: unknown key"},
		{"bytes = \"10 apples\"", `"10 apples" is not a number of bytes such as 10MiB`},
		{"bytes = \"1GiB\"", "profile.bytes: must be from 64KiB to 32MiB, not 1GiB"},
		{"age = \"1ms\"", `profile.age: must be a duration from "100ms" to "1h0m0s", not "1ms"`},
		{"max = \"100h\"", `profile.max: must be a duration from "1s" to "1h0m0s", not "100h0m0s"`},
		{"interval = \"1ms\"", "profile.interval"},
		{"pause = \"0s\"", "profile.pause"},
		{"captures = 0", "profile.captures: must be from 1 to 1000, not 0"},
		{"capture-bytes = \"1KiB\"", "profile.capture-bytes: must be from 16MiB"},
		{"dir = \"captures\"", `profile.dir: must be an absolute path, not "captures"`},
		{"[[profile.when]]\nexpression = \"heap over 1GiB\"\n[[profile.when]]\nexpression = \"heap over 1024MiB\"", `test.toml:4: profile.when: "heap over 1024MiB" is there twice`},
		{"[[profile.when]]\nexpresion = \"heap over 1GiB\"", `test.toml:3: profile.when.expresion: unknown key (near: expression)`},
		{"[[profile.when]]\nage = \"5s\"", "profile.when: expression is missing"},
		{"[[profile.when]]\nexpression = \"heap above 1GiB\"", `test.toml:3`},
		{"[[profile.when]]\nexpression = \"heap above 1GiB\"", `"heap above 1GiB", column 6: "above" stands where only over can`},
		{"[[profile.when]]\nexpression = \"heep over 1GiB\"", `there is no source "heep" (near: heap)`},
		{"[[profile.when]]\nexpression = \"heap over 1GiB\"\nages = \"1s\"", `profile.when.ages: unknown key (near: age)`},
	} {
		_, _, err := Plugin.Open(plugintest.Config(t, "profile", "[profile]\n"+c.conf+"\n"))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.conf, err, c.want)
		}
	}
}

func TestStates(t *testing.T) {
	dir := tree(t, "")
	stop := make(chan bool)
	defer close(stop)
	go waiting(stop)
	for _, s := range states {
		p := parsed(t, read(t, dir, s.name))
		text := read(t, dir, s.name+".txt")
		if !strings.HasPrefix(text, "# "+s.name+": ") || !strings.Contains(text, "\nflat\tflat%\tsum%\tcum\tcum%\treads\tfunction\n") {
			t.Errorf("%s.txt:\n%.300s", s.name, text)
		}
		if s.name == "goroutine" && (!hasFunction(p, ".waiting") || !strings.Contains(text, ".waiting\n")) {
			t.Errorf("goroutine lacks one:\n%s", text)
		}
		if s.name == "allocs" && p.DefaultSampleType != "alloc_space" {
			t.Errorf("allocs shows %s first", p.DefaultSampleType)
		}
	}
}

//go:noinline
func waiting(stop chan bool) { <-stop }

// What is listed runs no collection.
func TestNoCollection(t *testing.T) {
	dir := tree(t, "")
	forced := func() uint64 {
		s := []metrics.Sample{{Name: "/gc/cycles/forced:gc-cycles"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	before := forced()
	for _, s := range states {
		read(t, dir, s.name)
		read(t, dir, s.name+".txt")
	}
	if n := forced() - before; n != 0 {
		t.Errorf("%d collections", n)
	}
}

func TestLeaks(t *testing.T) {
	dir := tree(t, "")
	for _, name := range []string{leaks, leaks + ".txt"} {
		data, err := readFile(t.Context(), dir, name)
		if pprof.Lookup(leaks) == nil {
			wantError(t, name, err, nodes.ErrNotSupported, "GOEXPERIMENT=goroutineleakprofile")
		} else if err != nil || len(data) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNames(t *testing.T) {
	dir := tree(t, "[profile]\nmax = \"10s\"\n")
	for _, c := range []struct {
		name     string
		sentinel error
		text     string
	}{
		{"cpu/99h", fs.ErrInvalid, "cpu/99h: the duration must be more than 0 and at most 10s"},
		{"cpu/99h.txt", fs.ErrInvalid, "cpu/99h: the duration must be more than 0 and at most 10s"},
		{"cpu/-1s", fs.ErrInvalid, "more than 0"},
		{"cpu/0s", fs.ErrInvalid, "more than 0"},
		{"cpu/abc", fs.ErrInvalid, "cpu/abc: not a duration such as 5s or 250ms"},
		{"cpu/5", fs.ErrInvalid, "cpu/5: not a duration such as 5s or 250ms"},
		{"cpu/abc.txt", fs.ErrInvalid, "not a duration"},
		{"cpu/.git", fs.ErrNotExist, "not a duration"},
		{"cpu/.txt", fs.ErrNotExist, "not a duration"},
		{"trace/1s.txt", fs.ErrInvalid, "not a duration"},
		{"trace/11s", fs.ErrInvalid, "at most 10s"},
		{"delta/heap/11s", fs.ErrInvalid, "at most 10s"},
		{"delta/stack/1s", fs.ErrNotExist, "stack: no such file"},
		{"cpu/1s.json", fs.ErrNotExist, "1s has no JSON form"},
		{"captures/1", fs.ErrNotExist, "there is no capture"},
	} {
		_, err := nodes.Walk(t.Context(), dir, c.name)
		wantError(t, c.name, err, c.sentinel, c.text)
	}
	n, err := nodes.Walk(t.Context(), dir, "cpu/5s.txt")
	if err != nil || n.Name() != "5s.txt" || !n.(nodes.File).Attr().Slow {
		t.Errorf("cpu/5s.txt is %v, %v", n, err)
	}
	var paths []string
	for _, h := range nodes.Explain(t.Context(), dir) {
		paths = append(paths, h.Path)
	}
	all := strings.Join(paths, " ") + " "
	for _, want := range []string{"heap ", "heap.txt ", "goroutineleak ", "cpu/DURATION ", "cpu/DURATION.txt ", "trace/DURATION ", "delta/goroutine/DURATION.txt ", "flight ", "captures/N/trace ", "ctl "} {
		if !strings.Contains(all, want) {
			t.Errorf("README lacks %s: %s", want, all)
		}
	}
}

func TestCPU(t *testing.T) {
	burn(t)
	dir := tree(t, "")
	until(t, "who burns the CPU is in cpu", func() bool { return hasFunction(parsed(t, read(t, dir, "cpu/500ms")), ".spin") })
	until(t, "and in its text", func() bool {
		text := read(t, dir, "cpu/510ms.txt")
		if !strings.HasPrefix(text, "# cpu: ") || !strings.Contains(text, "# values are cpu in nanoseconds") {
			t.Fatalf("cpu/510ms.txt:\n%s", text)
		}
		return strings.Contains(text, "profile.spin\n")
	})
	noCPUProfile(t)
}

// Two who want the same share it; who wants another is told who has it.
func TestCPUShared(t *testing.T) {
	dir := tree(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	first := nodes.WithPeer(ctx, nodes.Peer{UID: 7, PID: 4711})
	wg.Go(func() { readFile(first, dir, "cpu/1m") })
	eventually(t, "somebody has the profiler", profiling)
	_, busy := readFile(ctx, dir, "cpu/2m")
	wantError(t, "another duration", busy, nodes.ErrBusy, "a CPU profile of 1m0s is being taken until ")
	wantError(t, "another duration", busy, nodes.ErrBusy, " for uid 7, pid 4711: read cpu/1m0s to share it")
	cancel()
	wg.Wait()
	noCPUProfile(t)

	results := make([]string, 3)
	for i, name := range []string{"cpu/300ms", "cpu/300ms", "cpu/300ms.txt"} {
		wg.Go(func() {
			b, err := readFile(t.Context(), dir, name)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			results[i] = string(b)
		})
	}
	wg.Wait()
	if results[0] != results[1] && len(results[0]) == 0 {
		t.Error("two who share a profile do not get one")
	}
	parsed(t, results[0])
}

func TestShare(t *testing.T) {
	s := &share{path: "x", what: "an x"}
	begun, release := make(chan bool, 1), make(chan bool)
	count := 0
	take := func(ctx context.Context, _ time.Duration) ([]byte, error) {
		count++
		begun <- true
		select {
		case <-release:
			return []byte("data"), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	got := make(chan string, 2)
	for range 2 {
		go func() {
			b, err := s.do(t.Context(), time.Hour, take)
			if err != nil {
				t.Error(err)
			}
			got <- string(b)
		}()
	}
	<-begun
	eventually(t, "two wait", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.run.waiters == 2 })
	close(release)
	if a, b := <-got, <-got; a != "data" || b != "data" || count != 1 {
		t.Errorf("%q and %q of %d captures", a, b, count)
	}
	_, err := s.do(t.Context(), time.Hour, func(context.Context, time.Duration) ([]byte, error) { panic("x") })
	wantError(t, "a panic", err, nodes.ErrPanic, "panic: x")
	// All leave: the capture ends, and the next begins anew.
	ctx, cancel := context.WithCancel(t.Context())
	release = make(chan bool)
	left := make(chan error)
	go func() { _, err := s.do(ctx, time.Hour, take); left <- err }()
	<-begun
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if b, err := s.do(t.Context(), time.Minute, func(context.Context, time.Duration) ([]byte, error) { return []byte("new"), nil }); err != nil || string(b) != "new" {
		t.Errorf("after all have left: %q, %v", b, err)
	}
}

func TestProgramProfiles(t *testing.T) {
	dir := tree(t, "")
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Fatal(err)
	}
	_, err := readFile(t.Context(), dir, "cpu/1s")
	wantError(t, "cpu", err, nodes.ErrBusy, "the program itself takes a CPU profile")
	pprof.StopCPUProfile()

	// The program ends ours, and begins its own: that one must go on.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	taken := make(chan error)
	go func() { _, err := takeCPU(ctx, time.Hour); taken <- err }()
	eventually(t, "our profile runs", profiling)
	pprof.StopCPUProfile()
	var own collector
	if err := pprof.StartCPUProfile(&own); err != nil {
		t.Fatal(err)
	}
	cancel()
	wantError(t, "ended by the program", <-taken, nodes.ErrBusy, "the program itself has ended this CPU profile")
	if pprof.StartCPUProfile(io.Discard) == nil {
		t.Error("the program's own profile was stopped")
	}
	pprof.StopCPUProfile()
	parsed(t, string(own.bytes()))
}

func TestReaderVanishes(t *testing.T) {
	dir := tree(t, "[profile]\nblock = true\n")
	vanishing(t, dir, "cpu/1m", profiling)
	noCPUProfile(t)
	vanishing(t, dir, "trace/1m", trace.IsEnabled)
	eventually(t, "the tracer is free", func() bool { return !trace.IsEnabled() })
	vanishing(t, dir, "delta/mutex/1m", func() bool { return runtime.SetMutexProfileFraction(-1) == mutexFraction })
	eventually(t, "the fraction is restored", func() bool { return runtime.SetMutexProfileFraction(-1) == 0 })
}

func TestTrace(t *testing.T) {
	dir := tree(t, "")
	if n, _ := events(t, read(t, dir, "trace/100ms")); n == 0 {
		t.Error("a trace without events")
	}
	if err := trace.Start(io.Discard); err != nil {
		t.Fatal(err)
	}
	_, err := readFile(t.Context(), dir, "trace/1s")
	wantError(t, "trace", err, nodes.ErrBusy, "the program itself takes an execution trace")
	if !trace.IsEnabled() {
		t.Error("the program's own trace was stopped")
	}
	trace.Stop()
}

// A trace that becomes too large ends before its time, and is whole.
func TestLargeTrace(t *testing.T) {
	stop := make(chan bool)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	c := make(chan bool)
	wg.Go(func() {
		for {
			select {
			case c <- true:
			case <-stop:
				return
			}
		}
	})
	wg.Go(func() {
		for {
			select {
			case <-c:
			case <-stop:
				return
			}
		}
	})
	data, err := takeTraceUpTo(t.Context(), time.Hour, 256<<10)
	if err != nil {
		t.Fatal(err)
	}
	if _, logs := events(t, string(data)); !strings.Contains(logs, "ispyd=ended after ") {
		t.Errorf("the trace does not say that it was cut: %q", logs)
	}
}

// The tools of Go open what the files show.
func TestTools(t *testing.T) {
	if testing.Short() {
		t.Skip("builds go tool pprof and go tool trace")
	}
	burn(t)
	dir := tree(t, "")
	do(t, dir, "flight start")
	for _, name := range []string{"heap", "allocs", "goroutine", "threadcreate", "cpu/300ms", "delta/allocs/100ms"} {
		out, err := exec.Command("go", "tool", "pprof", "-top", onFile(t, read(t, dir, name))).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "flat%") {
			t.Errorf("go tool pprof %s: %v\n%s", name, err, out)
		}
	}
	for _, name := range []string{"trace/100ms", "flight"} {
		cmd := exec.Command("go", "tool", "trace", "-pprof=sched", onFile(t, read(t, dir, name)))
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil || !isGzip(string(out)) {
			t.Errorf("go tool trace %s: %v\n%s", name, err, &stderr)
		}
	}
}

// With GODEBUG=profstackdepth=0 any trace ends the program: there is none.
func TestFatal(t *testing.T) {
	const key = "ISPYD_TEST_FATAL"
	if os.Getenv(key) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFatal$", "-test.v")
		cmd.Env = append(os.Environ(), key+"=1", "GODEBUG=profstackdepth=0")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestFatal") {
			t.Errorf("the child: %v\n%s", err, out)
		}
		return
	}
	dir := tree(t, "[profile]\n[[profile.when]]\nexpression = \"goroutines over 0\"\n")
	_, err := readFile(t.Context(), dir, "trace/1s")
	wantError(t, "trace", err, nodes.ErrNotSupported, "GODEBUG=profstackdepth=0")
	wantError(t, "flight start", writeAs(t.Context(), dir, "ctl", "flight start"), nodes.ErrNotSupported, "GODEBUG=profstackdepth=0")
	eventually(t, "a capture without a trace", func() bool {
		b, err := readFile(t.Context(), dir, "captures/1/when")
		return err == nil && strings.Contains(string(b), "lacks trace\t")
	})
}
