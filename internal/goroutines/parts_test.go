package goroutines

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWaysFor(t *testing.T) {
	names := func(ways []way) (s []Way) {
		for _, w := range ways {
			s = append(s, w.name)
		}
		return s
	}
	for _, c := range []struct {
		n    int
		wait time.Duration
		want []Way
	}{
		{1, 0, []Way{FlightRecorder, Tracer}},
		{traceAbove, shortOfCPU, []Way{FlightRecorder, Tracer}},
		{traceAbove + 1, 0, []Way{Tracer, FlightRecorder}},
		{1, shortOfCPU + 1, []Way{Tracer}},
		{1e6, outOfCPU, []Way{Tracer}},
		{1, outOfCPU + 1, nil},
	} {
		if got := names(waysFor(c.n, c.wait)); !slices.Equal(got, c.want) {
			t.Errorf("%d goroutines, %s: %v, want %v", c.n, c.wait, got, c.want)
		}
	}
}

func TestWaitReason(t *testing.T) {
	stack := func(fns ...string) (f []Frame) {
		for _, fn := range fns {
			f = append(f, Frame{Func: fn})
		}
		return f
	}
	for _, c := range []struct {
		frames      []Frame
		event, want string
	}{
		{stack("runtime.gopark", "runtime.chanrecv", "runtime.chanrecv1", "main.f"), "", "chan receive"},
		{stack("runtime.chanrecv1", "main.f"), "chan receive", "chan receive"},
		{stack("runtime.chanrecv1", "main.f"), "forever", "chan receive (nil chan)"},
		{stack("runtime.chansend1", "main.f"), "forever", "chan send (nil chan)"},
		{stack("runtime.gopark", "runtime.block", "main.f"), "", "select (no cases)"},
		{stack("main.f", "time.Sleep"), "", ""},
		{stack("main.f"), "network", "IO wait"},
		{stack("main.f"), "something new", ""},
		{nil, "", ""},
		{nil, "sleep", "sleep"},
	} {
		if got := waitReason(c.frames, c.event); got != c.want {
			t.Errorf("%v, %q: %q, want %q", c.frames, c.event, got, c.want)
		}
	}
}

func TestShown(t *testing.T) {
	for fn, want := range map[string]bool{
		"main.f": true, "sync.runtime_notifyListWait": true, "runtime/trace.Start": true,
		"runtime.gopark": false, "runtime.GC": true, "runtime.(*Func).Entry": true, "runtime.(*mheap).alloc": false,
		"runtime.(*Frames).next": false, "runtime.runFinalizers": true, "runtime.gopanic": true, "_cgo_main": false,
	} {
		if got := shown(fn, false); got != want {
			t.Errorf("%s: %v, want %v", fn, got, want)
		}
	}
	if shown("runtime.gopanic", true) {
		t.Error("runtime.gopanic is shown at the top")
	}
}

func TestSystem(t *testing.T) {
	for _, c := range []struct {
		stack string
		want  bool
	}{
		{"runtime.gopark runtime.bgsweep", true},
		{"runtime.gopark runtime.runFinalizers", true},
		{"runtime.gopark main.(*T).Close runtime.runFinalizers", false},
		{"runtime.gopark runtime.chanrecv main.f", false},
		{"runtime.coroswitch runtime.corostart", false},
		{"", false},
	} {
		var frames []Frame
		for _, fn := range strings.Fields(c.stack) {
			frames = append(frames, Frame{Func: fn})
		}
		if got := system(frames); got != c.want {
			t.Errorf("%s: %v, want %v", c.stack, got, c.want)
		}
	}
}

func TestParseProfile(t *testing.T) {
	here, _, _, _ := runtime.Caller(0)
	pc := "0x" + strings.TrimLeft(hex(uint64(here)), "0")
	groups, err := parseProfile([]byte("goroutine profile: total 3\n" +
		"2 @ " + pc + " " + pc + "\n# labels: {\"a\":\"b\", \"q\\\"\":\"{}, \"}\n#\t" + pc + "\tx\n\n1 @ " + pc + "\n"))
	if err != nil || len(groups) != 2 {
		t.Fatalf("%v: %+v", err, groups)
	}
	if g := groups[0]; g.n != 2 || len(g.frames) != 2 || !strings.HasSuffix(g.frames[0].Func, ".TestParseProfile") ||
		!slices.Equal(g.labels, []Label{{"a", "b"}, {`q"`, "{}, "}}) {
		t.Errorf("got %+v", g)
	}
	if g := groups[1]; g.n != 1 || g.labels != nil {
		t.Errorf("got %+v", g)
	}
	for _, bad := range []string{"x @ 0x1\n", "1 @ zz\n", "1 @ 0x1\n# labels: {\"a\"}\n", "1 @ 0x1\n# labels: nothing\n", "1 @ 0x1\n# labels: {\"a\":\n"} {
		if _, err := parseProfile([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func hex(n uint64) string {
	const digits = "0123456789abcdef"
	b := make([]byte, 16)
	for i := range b {
		b[15-i] = digits[n>>(4*i)&15]
	}
	return string(b)
}

func TestLostCaller(t *testing.T) {
	stack := func(fns string) (f []Frame) {
		for _, fn := range strings.Fields(fns) {
			f = append(f, Frame{Func: fn})
		}
		return f
	}
	for _, c := range []struct {
		have    string
		profile []string
		want    string
	}{
		{"leaf main", []string{"leaf caller main"}, "leaf caller main"},
		{"leaf main", []string{"leaf caller main", "leaf caller main", "other caller main"}, "leaf caller main"},
		{"leaf main", []string{"leaf caller main", "leaf main"}, ""},        // it calls it directly too
		{"leaf main", []string{"leaf caller main", "leaf second main"}, ""}, // which one?
		{"leaf main", []string{"leaf a b main", "other"}, ""},
		{"leaf main", nil, ""},
	} {
		var profile [][]Frame
		for _, p := range c.profile {
			profile = append(profile, stack(p))
		}
		var got []string
		for _, f := range lostCaller(stack(c.have), profile) {
			got = append(got, f.Func)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s of %v: %v, want %s", c.have, c.profile, got, c.want)
		}
	}
}

// TestSelfMemory holds that no address does harm.
func TestSelfMemory(t *testing.T) {
	m, err := openSelfMemory()
	if err != nil {
		t.Skip(err)
	}
	defer m.close()
	var w [8]uint64
	for _, at := range []uint64{0, 1, 4096, 1 << 20, 1 << 46, 1 << 47, 1 << 55, 1 << 63, ^uint64(0), 0xffffffff81000000} {
		if m.words(at, w[:]) == nil {
			t.Errorf("there is something at %#x", at)
		}
		if _, ok := m.labelSet(at); ok {
			t.Errorf("there are labels at %#x", at)
		}
		if err := m.walk(at, 8, func(uint64, []uint64, []uint64) { t.Error("a goroutine") }); err == nil {
			t.Errorf("there is a list at %#x", at)
		}
	}
	// Wherever one looks, nothing but the list is taken for it.
	regions, err := m.variables()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range regions {
		for at := r.from; at < min(r.to, r.from+1<<16); at += 8 {
			m.labelSet(at)
			m.walk(at, 8, func(uint64, []uint64, []uint64) {})
		}
	}
	stranger := newProbe()
	stranger.id, stranger.goPC, stranger.startPC = 1<<40, 12345, 67890
	if l, err := m.findList(regions, []*probe{stranger}); err == nil {
		t.Errorf("a list that holds no such goroutine was found: %+v", l)
	}
}

// TestModes builds a program in the ways that programs are built, and holds
// that its dump is complete.
func TestModes(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("creators are known on Linux alone")
	}
	if testing.Short() {
		t.Skip("builds several programs")
	}
	modes := map[string][]string{
		"default":  nil,
		"stripped": {"-ldflags=-s -w"},
		"pie":      {"-buildmode=pie"},
		"trimpath": {"-trimpath"},
	}
	for name, flags := range modes {
		t.Run(name, func(t *testing.T) {
			bin := filepath.Join(t.TempDir(), "modes")
			build := exec.Command("go", append(append([]string{"build", "-o", bin}, flags...), "./testdata/modes")...)
			build.Env = append(os.Environ(), "CGO_ENABLED=0")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			run := func(godebug string) string {
				cmd := exec.Command(bin)
				cmd.Env = append(os.Environ(), "GODEBUG="+godebug)
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("GODEBUG=%s: %v\n%s", godebug, err, out)
				}
				return string(out)
			}
			settings := []string{"tracefpunwindoff=1", "traceallocfree=1", "asyncpreemptoff=1", "tracebackancestors=2", "profstackdepth=5"}
			if name != "default" {
				settings = nil
			}
			for _, godebug := range settings {
				if text := run(godebug); !strings.Contains(text, "[chan receive]:\nmain.waiter(...)") {
					t.Errorf("GODEBUG=%s:\n%s", godebug, text)
				}
			}
			if text := run("a=b,profstackdepth=0"); !strings.Contains(text, "profstackdepth=0 forbids") {
				t.Errorf("GODEBUG=profstackdepth=0:\n%s", text)
			}
			text := run("")
			for _, want := range []string{
				`\[chan receive\]:\nmain\.waiter\(\.\.\.\)\n.*main\.go:\d+ \+0x[0-9a-f]+\ncreated by main\.main in goroutine 1\n\t.*main\.go:\d+ \+0x`,
				`\[chan receive, labels:\{"book": "red", "shelf": "top"\}\]:\nmain\.labelled`,
				`\[chan receive, locked to thread.*\]:\nmain\.lockedDown`,
			} {
				if !regexp.MustCompile(want).MatchString(text) {
					t.Errorf("not in the dump: %s\n%s", want, text)
				}
			}
			parse(t, text)
		})
	}
}

// TestCgo holds that goroutines in C, and those that C called, are shown as in
// the runtime's own dump.
func TestCgo(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip(err)
	}
	bin := filepath.Join(t.TempDir(), "cgo")
	build := exec.Command("go", "build", "-o", bin, "./testdata/cgo")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(bin).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, full, _ := strings.Cut(string(out), "\f")
	got, want := blocks(t, text), blocks(t, full)
	compared := 0
	for id, w := range want {
		if !strings.Contains(w, "main.called(") && !strings.Contains(w, "_Cfunc_wait_in_c(") {
			continue
		}
		compared++
		if runtime.GOOS == "linux" && got[id] != w {
			t.Errorf("got:\n%s\nwant:\n%s", got[id], w)
		}
	}
	if compared != 3 {
		t.Errorf("%d goroutines in C or called by it, want 3:\n%s", compared, full)
	}
	parse(t, text)
}

// TestForget holds that a wrong idea of where the list is does no harm, and is
// given up.
func TestForget(t *testing.T) {
	lock(t)
	if d := take(t); d.Creators != nil {
		t.Skip(d.Creators)
	}
	learned.Lock()
	right := *learned.layout
	wrong := right
	wrong.allgs += 8
	learned.layout, learned.tries = &wrong, 0
	learned.Unlock()
	if d := take(t); d.Creators != errNoLayout || d.Len() < 2 {
		t.Errorf("with a wrong layout: %v, %d goroutines", d.Creators, d.Len())
	}
	if d := take(t); d.Creators != nil {
		t.Errorf("after that: %v", d.Creators)
	}
	learned.Lock()
	defer learned.Unlock()
	if *learned.layout != right {
		t.Errorf("found %+v, before that %+v", *learned.layout, right)
	}
}
