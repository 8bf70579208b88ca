package trigger

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	t.Cleanup(Register("http.slow", "age of the oldest request", Seconds, func() float64 { return 0 }))
	t.Cleanup(Register("test.share", "a share", Percent, func() float64 { return 0 }))
	for _, c := range []struct {
		text  string
		value float64
		want  string
	}{
		{"goroutines over 10000", 10000, "goroutines over 10000"},
		{"  goroutines   over\t1.5 ", 1.5, "goroutines over 1.5"},
		{"heap over 2GiB", 2 << 30, "heap over 2GiB"},
		{"heap over 2 GiB", 2 << 30, "heap over 2GiB"},
		{"heap over 1024", 1024, "heap over 1024"},
		{"heap over 512B", 512, "heap over 512B"},
		{"heap over 0.5KiB", 512, "heap over 0.5KiB"},
		{"http.slow over 1m30s", 90, "http.slow over 1m30s"},
		{"test.share over 90%", 90, "test.share over 90%"},
		{"test.share over 0", 0, "test.share over 0"},
	} {
		e, err := Parse(c.text)
		if err != nil || e.Value != c.value || e.String() != c.want {
			t.Errorf("%q: %v %q, %v; want %v %q", c.text, e.Value, e, err, c.value, c.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	t.Cleanup(Register("test.age", "an age", Seconds, func() float64 { return 0 }))
	t.Cleanup(Register("test.share", "a share", Percent, func() float64 { return 0 }))
	for _, c := range []struct {
		text string
		pos  int
		want string
	}{
		{"", 1, "an expression is missing: SOURCE over VALUE"},
		{"heep over 1GiB", 1, `there is no source "heep" (near: heap); there are cgroup.memory, goroutines, heap, test.age, test.share; grpc.slow with grpc.Plugin, http.slow with http.Plugin, sql.held with sql.Plugin, sql.slow with sql.Plugin`},
		{"http.slwo over 1s", 1, `there is no source "http.slwo" (near: http.slow); there are`},
		{"http.slow over 1", 16, `"1" is no value of http.slow: a duration such as 1s, 250ms or 1m30s`},
		{"grpc.slow over -1s", 16, `"-1s" is no value of grpc.slow: a duration`},
		{"sql.held above 1s", 10, `"above" stands where only over can`},
		{"heap over 2GiB for=3s", 16, `a trigger has no "for=": it stands until flight never removes it`},
		{"heap over 2 GB", 13, `"GB" is too much: the value is a number of bytes such as 512MiB`},
		{"goroutines over 10 000", 20, `"000" is too much: the value is a number such as 10000`},
		{"heap", 5, "the word over is missing"},
		{"heap above 2GiB", 6, `"above" stands where only over can`},
		{"heap  >  2GiB", 7, `">" stands where only over can`},
		{"heap over", 10, "the value is missing: a number of bytes such as 512MiB or 2GiB (B, KiB, MiB, GiB, TiB)"},
		{"heap over 2GB", 11, `"2GB" is no value of heap: a number of bytes such as`},
		{"heap over -1", 11, `"-1" is no value`},
		{"heap over 0x10", 11, `"0x10" is no value`},
		{"heap over NaN", 11, `"NaN" is no value`},
		{"heap over 1 GiB now", 17, `"now" is too much`},
		{"goroutines over many", 17, `"many" is no value of goroutines: a number such as 10000`},
		{"goroutines over " + strings.Repeat("9", 180), 17, ""}, // a large number is one
		{"test.age over 1", 15, "a duration such as 1s, 250ms or 1m30s"},
		{"test.age over -1s", 15, "a duration"},
		{"test.share over 101%", 17, "a percentage from 0% to 100%, such as 90%"},
		{"é over 1", 1, "there is no source"},
		{"heap é", 6, `"é" stands`},
		{"heap é over 1", 6, `"é" stands`},
		{strings.Repeat("x", 1000), 1, "an expression is at most 200 bytes"},
		{"heap over \xff", 1, "an expression is at most 200 bytes of UTF-8"},
	} {
		_, err := Parse(c.text)
		if c.want == "" {
			if err != nil {
				t.Errorf("%.40q: %v", c.text, err)
			}
			continue
		}
		var s *SyntaxError
		if !errors.As(err, &s) || s.Pos != c.pos || !strings.Contains(s.Error(), c.want) {
			t.Errorf("%.40q: %v, want column %d: %s", c.text, err, c.pos, c.want)
		}
	}
}

// A source that is not there has its expressions checked, and is told from one that
// is there.
func TestLater(t *testing.T) {
	e, err := Parse("http.slow over 1.5s")
	if err != nil || e.Value != 1.5 {
		t.Fatalf("%v, %v", e, err)
	}
	if err := e.Ready(); err == nil || err.Error() != "http.slow comes with http.Plugin, which this program does not pass to ispyd.Start" {
		t.Errorf("without the plugin: %v", err)
	}
	defer Register("http.slow", "age of the oldest request", Seconds, func() float64 { return 0 })()
	if e, err = Parse("http.slow over 1.5s"); err != nil || e.Ready() != nil {
		t.Errorf("with the plugin: %v, %v", err, e.Ready())
	}
	if _, err := Parse("htp.slow over 1s"); err == nil || strings.Contains(err.Error(), "http.slow with") {
		t.Errorf("of a source that is there it is said with what it comes: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("heap over 2 GiB")
	f.Add("goroutines over 1e9")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		var s *SyntaxError
		if err != nil && (!errors.As(err, &s) || s.Pos < 1 || s.Pos > len([]rune(s.Expr))+1) {
			t.Fatalf("%v", err)
		}
		if err == nil {
			if again, err := Parse(e.String()); err != nil || again.Value != e.Value {
				t.Fatalf("%q is parsed as %q, which is %v, %v", text, e, again.Value, err)
			}
		}
	})
}

func TestArmed(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name   string
		pause  int // seconds
		values []float64
		hits   string // one letter a second: . nothing, x a hit
		state  State  // in the end
	}{
		{"once", 0, []float64{1, 9, 10, 11, 12, 99}, "...x..", Hit},
		{"again after it was false", 0, []float64{11, 9, 11}, "x.x", Hit},
		{"wavering", 0, []float64{11, 9.9, 11, 9.6, 11}, "x....", Hit},
		{"not within the pause", 10, []float64{11, 1, 11, 1}, "x...", Resting},
		{"still true after the pause", 3, []float64{11, 1, 11, 11, 11}, "x..x.", Hit},
		{"unknown", 0, []float64{nan, 11, nan, 11, nan}, ".x...", Hit},
		{"never", 5, []float64{10, 0}, "..", Waiting},
	} {
		a := Armed{Expr: Expr{Value: 10}, Pause: time.Duration(c.pause) * time.Second}
		now := time.Unix(1000, 0)
		hits := ""
		for _, v := range c.values {
			if a.Step(v, now) {
				hits += "x"
			} else {
				hits += "."
			}
			now = now.Add(time.Second)
		}
		if hits != c.hits || a.State(now) != c.state {
			t.Errorf("%s: %s %s, want %s %s", c.name, hits, a.State(now), c.hits, c.state)
		}
	}
	zero := Armed{}
	if !zero.Step(1, time.Unix(0, 0)) || zero.Step(1, time.Unix(1, 0)) || zero.Step(0, time.Unix(2, 0)) || !zero.Step(1, time.Unix(3, 0)) {
		t.Error("over 0 does not come true twice")
	}
}

// One that stays over the value does not hide those that come later, but no two hits
// are closer than the pause.
func TestStepEach(t *testing.T) {
	a := Armed{Expr: Expr{Value: 1}, Pause: 3 * time.Second}
	hits := ""
	now := time.Unix(1, 0)
	for _, newest := range []uint64{7, 7, 7, 7, 7, 9, 9, 12, 12, 12, 8, 8, 8, 13} {
		if a.StepEach(5, newest, now) {
			hits += "x"
		} else {
			hits += "."
		}
		now = now.Add(time.Second)
	}
	if want := "x....x..x....x"; hits != want {
		t.Errorf("hits %s, want %s", hits, want)
	}
}

func TestRegistry(t *testing.T) {
	changed := Changed()
	first := Register("test.x", "first", Count, func() float64 { return 1 })
	<-changed
	second := Register("test.x", "second", Count, func() float64 { return 2 })
	if s, ok := Lookup("test.x"); !ok || s.Read() != 2 {
		t.Errorf("two of one name: %v, %v", s, ok)
	}
	changed = Changed()
	second()
	<-changed
	second()
	if s, ok := Lookup("test.x"); !ok || s.Read() != 1 {
		t.Errorf("after one was removed: %v, %v", s, ok)
	}
	first()
	if _, ok := Lookup("test.x"); ok {
		t.Error("there after it was removed")
	}
	remove := Evidence("test.e", func(context.Context, io.Writer) error { return nil })
	if p := Pieces(); len(p) != 1 || p[0].Name != "test.e" {
		t.Errorf("evidence: %v", p)
	}
	remove()
	if p := Pieces(); len(p) != 0 {
		t.Errorf("evidence after it was removed: %v", p)
	}
}

func TestOwnSources(t *testing.T) {
	for _, name := range []string{"goroutines", "heap"} {
		s, ok := Lookup(name)
		if v := s.Read(); !ok || !(v > 0) {
			t.Errorf("%s reads %v", name, v)
		}
	}
}

func TestGroupMemory(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  float64
	}{
		{"none", nil, math.NaN()},
		{"v2", map[string]string{"proc/self/cgroup": "0::/a\n", "cgroup/a/memory.current": "300\n", "cgroup/a/memory.max": "400\n",
			"cgroup/a/memory.stat": "anon 1\ninactive_file 100\n"}, 50},
		{"v2, limited above", map[string]string{"proc/self/cgroup": "0::/a/b\n", "cgroup/a/b/memory.current": "100\n", "cgroup/a/b/memory.max": "max\n",
			"cgroup/a/memory.current": "900\n", "cgroup/a/memory.max": "1000\n"}, 90},
		{"v2, the nearest to its end", map[string]string{"proc/self/cgroup": "0::/a/b\n", "cgroup/a/b/memory.current": "99\n", "cgroup/a/b/memory.max": "100\n",
			"cgroup/a/memory.current": "900\n", "cgroup/a/memory.max": "1000\n"}, 99},
		{"v2 in a container", map[string]string{"proc/self/cgroup": "0::/../x\n", "cgroup/memory.current": "10\n", "cgroup/memory.max": "100\n"}, 10},
		{"v1 in a container", map[string]string{"proc/self/cgroup": "4:cpu,memory:/docker/1\n1:name=systemd:/\n", "cgroup/memory/memory.usage_in_bytes": "10\n",
			"cgroup/memory/memory.limit_in_bytes": "20\n", "cgroup/memory/memory.stat": "total_inactive_file 5\n"}, 25},
		{"v1 without a limit", map[string]string{"proc/self/cgroup": "4:memory:/\n", "cgroup/memory/memory.usage_in_bytes": "10\n",
			"cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, math.NaN()},
		{"garbage", map[string]string{"proc/self/cgroup": "garbage\n0::/\n", "cgroup/memory.current": "x\n", "cgroup/memory.max": "0\n"}, math.NaN()},
	} {
		dir := t.TempDir()
		for name, text := range c.files {
			name = filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		g := groups{filepath.Join(dir, "proc"), filepath.Join(dir, "cgroup")}
		got := g.memory()
		if got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if (g.limited() != nil) != math.IsNaN(c.want) {
			t.Errorf("%s: limited: %v", c.name, g.limited())
		}
	}
}
