package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	goruntime "runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/internal/goroutines"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/nodes/nodetest"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

func tree(t *testing.T) nodes.Dir {
	t.Helper()
	dir, _, err := Plugin.Open(plugintest.Config(t, "runtime", ""))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t *testing.T, dir nodes.Dir, name string) string {
	t.Helper()
	b, err := fs.ReadFile(nodes.FS(t.Context(), dir), name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, dir nodes.Dir, name, text string) error {
	t.Helper()
	n, err := nodes.Walk(t.Context(), dir, name)
	if err != nil {
		t.Fatal(err)
	}
	h, err := n.(nodes.File).Open(t.Context(), nodes.Write)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	_, err = h.WriteAt(t.Context(), []byte(text), 0)
	return err
}

func TestConformance(t *testing.T) {
	nodetest.Check(t, func(t *testing.T) (nodes.Dir, io.Closer) { return tree(t), nil })
}

func TestConfig(t *testing.T) {
	_, _, err := Plugin.Open(plugintest.Config(t, "runtime", "[runtime]\nx = 1\n"))
	if err == nil || !strings.Contains(err.Error(), "test.toml:2: runtime.x: unknown key") {
		t.Errorf("error %v", err)
	}
}

func TestFacts(t *testing.T) {
	dir := tree(t)
	for name, want := range map[string]string{
		"version":  goruntime.Version(),
		"platform": goruntime.GOOS + "/" + goruntime.GOARCH,
		"compiler": "gc",
		"numcpu":   strconv.Itoa(goruntime.NumCPU()),
		"maxint":   strconv.Itoa(int(^uint(0) >> 1)),
	} {
		if got := read(t, dir, name); got != want+"\n" {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if got := read(t, dir, "buildinfo"); !strings.Contains(got, "\nGOOS\t"+goruntime.GOOS+"\n") {
		t.Errorf("buildinfo:\n%s", got)
	}
	if got := read(t, dir, "modules"); !strings.HasPrefix(got, "path\tversion\tsum\treplace\n") {
		t.Errorf("modules:\n%s", got)
	}
	m := moduleOf(&debug.Module{Path: "a", Version: "v1", Sum: "h1:x", Replace: &debug.Module{Path: "b", Version: "v2", Sum: "h1:y"}})
	if m != (module{"a", "v1", "h1:y", "b@v2"}) {
		t.Errorf("a replaced module: %+v", m)
	}
}

func TestIntrospection(t *testing.T) {
	dir, _, err := Plugin.Open(plugintest.Config(t, "runtime", "[runtime]\nintrospection = false\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer goroutines.Introspection(true)
	if got := read(t, dir, "goroutines"); !strings.Contains(got, "; created by: not known here (turned off)") {
		t.Errorf("goroutines:\n%.300s", got)
	}
}

// Every metric is a file at its name, and shows what runtime/metrics says.
func TestMetrics(t *testing.T) {
	dir := tree(t)
	for _, d := range metrics.All() {
		got := read(t, dir, "metrics"+d.Name)
		s := []metrics.Sample{{Name: d.Name}}
		metrics.Read(s)
		switch d.Kind {
		case metrics.KindUint64:
			if _, err := strconv.ParseUint(strings.TrimSpace(got), 10, 64); err != nil {
				t.Errorf("%s: %v", d.Name, err)
			}
		case metrics.KindFloat64:
			if _, err := strconv.ParseFloat(strings.TrimSpace(got), 64); err != nil {
				t.Errorf("%s: %v", d.Name, err)
			}
		case metrics.KindFloat64Histogram:
			if !strings.HasPrefix(got, "from\tto\tcount\n") {
				t.Errorf("%s:\n%s", d.Name, got)
			}
		}
		if !json.Valid([]byte(read(t, dir, "metrics"+d.Name+".json"))) {
			t.Errorf("%s: the twin is no JSON", d.Name)
		}
	}
	if got, want := read(t, dir, "metrics/sched/gomaxprocs:threads"), fmt.Sprintln(goruntime.GOMAXPROCS(0)); got != want {
		t.Errorf("gomaxprocs %q, want %q", got, want)
	}
}

func TestSettings(t *testing.T) {
	dir := tree(t)
	gcPercent := debug.SetGCPercent(100)
	limit := debug.SetMemoryLimit(-1)
	procs := goruntime.GOMAXPROCS(0)
	goruntime.SetDefaultGOMAXPROCS()
	byDefault := goruntime.GOMAXPROCS(0)
	t.Cleanup(func() {
		debug.SetGCPercent(gcPercent)
		debug.SetMemoryLimit(limit)
		goruntime.GOMAXPROCS(procs)
	})
	for _, c := range []struct{ name, write, want, err string }{
		{"gogc", "150", "150", ""},
		{"gogc", "off", "off", ""},
		{"gogc", "0", "0", ""},
		{"gogc", "-5", "0", `gogc: "-5" is neither a percentage of 0 or more, such as 100, nor off`},
		{"gogc", "many", "0", `gogc: "many" is neither`},
		{"gogc", "99999999999", "0", `is neither`},
		{"memlimit", "64GiB", "68719476736", ""},
		{"memlimit", " 65536 MiB ", "68719476736", ""},
		{"memlimit", "68719476737", "68719476737", ""},
		{"memlimit", "off", "off", ""},
		{"memlimit", "-1", "off", `memlimit: "-1" is neither a number of bytes`},
		{"memlimit", "1GB", "off", `is neither a number of bytes, such as 536870912 or 512MiB`},
		{"memlimit", "9999999TiB", "off", `is more memory than there can be`},
		{"memlimit", "99999999999999999999", "off", `is more memory than there can be`},
		{"maxprocs", "3", "3", ""},
		{"maxprocs", "0", "3", `maxprocs: "0" is neither a number from 1 to 1024 nor default`},
		{"maxprocs", "100000", "3", `maxprocs: "100000" is neither a number from 1 to 1024 nor default`},
		{"maxprocs", "two", "3", `maxprocs: "two" is neither`},
		{"maxprocs", "default", strconv.Itoa(byDefault), ""},
	} {
		err := write(t, dir, "settings/"+c.name, c.write+"\n")
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || !errors.Is(err, fs.ErrInvalid)) {
			t.Errorf("%s <- %q: %v, want %q", c.name, c.write, err, c.err)
		}
		if got := read(t, dir, "settings/"+c.name); got != c.want+"\n" {
			t.Errorf("%s <- %q: then it is %q, want %q", c.name, c.write, got, c.want)
		}
	}
	if got := debug.SetMemoryLimit(-1); got != 1<<63-1 {
		t.Errorf("memory limit %d", got)
	}
}

func TestCtl(t *testing.T) {
	dir := tree(t)
	before := readAll("/gc/cycles/forced:gc-cycles").uint("/gc/cycles/forced:gc-cycles")
	if err := write(t, dir, "ctl", "gc\nfreeosmemory\n"); err != nil {
		t.Fatal(err)
	}
	if after := readAll("/gc/cycles/forced:gc-cycles").uint("/gc/cycles/forced:gc-cycles"); after < before+2 {
		t.Errorf("%d forced collections before, %d after", before, after)
	}
	if err := write(t, dir, "ctl", "gcc"); err == nil || !strings.Contains(err.Error(), "(near: gc)") {
		t.Errorf("gcc: %v", err)
	}
}

func TestMemoryAndGC(t *testing.T) {
	goruntime.GC()
	dir := tree(t)
	var m map[string]any
	if err := json.Unmarshal([]byte(read(t, dir, "memory.json")), &m); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, name := range []string{"objects", "unused", "free", "stacks", "os_stacks", "metadata", "profiling", "other", "released"} {
		sum += m[name].(float64)
	}
	if total := m["total"].(float64); sum != total {
		t.Errorf("the parts are %.0f bytes, total is %.0f", sum, total)
	}
	var g map[string]any
	if err := json.Unmarshal([]byte(read(t, dir, "gc.json")), &g); err != nil {
		t.Fatal(err)
	}
	if g["cycles"].(float64) < 1 || g["pauses"].(float64) < 1 || g["pause_max"].(float64) < g["pause_p50"].(float64) {
		t.Errorf("gc: %v", g)
	}
}

func TestGoroutine(t *testing.T) {
	dir := tree(t)
	stop := make(chan bool)
	started := make(chan string)
	go func() {
		var buf [64]byte
		started <- strings.Fields(string(buf[:goruntime.Stack(buf[:], false)]))[1]
		<-stop
	}()
	id := <-started
	defer close(stop)
	got := read(t, dir, "goroutine/"+id)
	if !strings.HasPrefix(got, "goroutine "+id+" [") || !strings.Contains(got, "plugins/runtime.TestGoroutine.func1(...)") {
		t.Errorf("goroutine/%s:\n%s", id, got)
	}
	if !json.Valid([]byte(read(t, dir, "goroutine/"+id+".json"))) {
		t.Error("its twin is no JSON")
	}
	if all := read(t, dir, "goroutines"); !strings.Contains(all, "\ngoroutine "+id+" [") {
		t.Errorf("goroutines lacks %s:\n%s", id, all)
	}
	if full := read(t, dir, "goroutines.full"); !strings.Contains(full, "\ngoroutine "+id+" [chan receive") {
		t.Errorf("goroutines.full lacks %s:\n%s", id, full)
	}
	if stacks := read(t, dir, "stacks"); !strings.Contains(stacks, "plugins/runtime.TestGoroutine.func1") {
		t.Errorf("stacks:\n%s", stacks)
	}
	for _, name := range []string{"0", "-1", "x", "007", "99999999999999999999", "18446744073709551615"} {
		if _, err := fs.ReadFile(nodes.FS(context.Background(), dir), "goroutine/"+name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("goroutine/%s: %v", name, err)
		}
	}
}

// stops returns how often something other than the collector has stopped the
// program.
func stops() (n uint64) {
	s := []metrics.Sample{{Name: "/sched/pauses/total/other:seconds"}}
	metrics.Read(s)
	for _, c := range s[0].Value.Float64Histogram().Counts {
		n += c
	}
	return n
}

// follows reports whether the runtime chooses GOMAXPROCS by itself: then there is
// nothing to do for SetDefaultGOMAXPROCS, else it stops the program.
func follows() bool {
	before := stops()
	goruntime.SetDefaultGOMAXPROCS()
	return stops() == before
}

func TestLeases(t *testing.T) {
	dir := tree(t)
	t.Setenv("GOMAXPROCS", "")
	gcPercent, limit, procs := debug.SetGCPercent(100), debug.SetMemoryLimit(1<<40), goruntime.GOMAXPROCS(0)
	goruntime.SetDefaultGOMAXPROCS()
	byDefault := goruntime.GOMAXPROCS(0)
	t.Cleanup(func() {
		debug.SetGCPercent(gcPercent)
		debug.SetMemoryLimit(limit)
		goruntime.GOMAXPROCS(procs)
	})
	for _, c := range []struct {
		name, write, leased, own string
		prepare                  func()
		follows                  bool
	}{
		{name: "gogc", write: "off for=1h", leased: "off", own: "100"},
		{name: "gogc", write: "50 for=1h", leased: "50", own: "100"},
		{name: "memlimit", write: "512 MiB for=1h", leased: "536870912", own: "1099511627776"},
		{name: "maxprocs", write: "3 for=1h", leased: "3", own: strconv.Itoa(byDefault), follows: true},
		{name: "maxprocs", write: "3 for=1h\n5 for=2h", leased: "5", own: strconv.Itoa(byDefault), follows: true},
		{name: "maxprocs", write: "3 for=1h", leased: "3", own: "7", prepare: func() { goruntime.GOMAXPROCS(7) }},
		{name: "maxprocs", write: "3 for=1h", leased: "3", own: strconv.Itoa(byDefault), prepare: func() {
			t.Setenv("GOMAXPROCS", strconv.Itoa(byDefault))
			goruntime.GOMAXPROCS(byDefault)
		}},
	} {
		if c.prepare != nil {
			c.prepare()
		}
		leases := nodes.NewLeases(nil)
		ctx := nodes.WithLeases(t.Context(), leases, "runtime/settings/"+c.name)
		n, err := nodes.Walk(ctx, dir, "settings/"+c.name)
		if err != nil {
			t.Fatal(err)
		}
		h, err := n.(nodes.File).Open(ctx, nodes.Write)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.WriteAt(ctx, []byte(c.write), 0); err != nil {
			t.Fatal(err)
		}
		if got := read(t, dir, "settings/"+c.name); got != c.leased+"\n" {
			t.Errorf("%s <- %q: %q", c.name, c.write, got)
		}
		if err := leases.Close(ctx); err != nil {
			t.Error(err)
		}
		if got := read(t, dir, "settings/"+c.name); got != c.own+"\n" {
			t.Errorf("%s <- %q: then %q, want %q", c.name, c.write, got, c.own)
		}
		if c.name == "maxprocs" && follows() != c.follows {
			t.Errorf("%s <- %q, own %s: the runtime's own choice: %v, want %v", c.name, c.write, c.own, !c.follows, c.follows)
		}
	}
}
