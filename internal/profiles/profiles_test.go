package profiles

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"maps"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/pprof/profile"
)

// raw takes a profile of this program.
func raw(t testing.TB, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := pprof.Lookup(name).WriteTo(&b, 0); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(t testing.TB, zipped []byte) *Profile {
	t.Helper()
	p, err := Read(zipped)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func oracle(t testing.TB, zipped []byte) *profile.Profile {
	t.Helper()
	p, err := profile.ParseData(zipped)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.CheckValid(); err != nil {
		t.Fatal(err)
	}
	return p
}

// busy leaves something in every profile of the program.
func busy(t testing.TB) {
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)
	t.Cleanup(func() { runtime.SetMutexProfileFraction(0); runtime.SetBlockProfileRate(0) })
	var mu sync.Mutex
	var wg sync.WaitGroup
	stop := make(chan bool)
	labels := pprof.Labels("route", "/a", "zone", "é")
	for before := contentions(); contentions() == before; {
		mu.Lock()
		waited := make(chan bool)
		go func() { mu.Lock(); defer mu.Unlock(); close(waited) }()
		time.Sleep(time.Millisecond) // most likely it waits by then, else once more
		mu.Unlock()
		<-waited
	}
	for range 4 {
		pprof.Do(t.Context(), labels, func(context.Context) { wg.Go(func() { <-stop }) })
	}
	t.Cleanup(func() { close(stop); wg.Wait() })
	c := make(chan bool)
	wg.Go(func() {
		for range 100 {
			runtime.Gosched()
			c <- true
		}
	})
	for range 100 {
		<-c
	}
	for range 100 {
		kept = append(kept, make([]byte, 64<<10))
	}
	runtime.GC()
}

var kept [][]byte

// contentions is the sum of the mutex profile's.
func contentions() (n int64) {
	records := make([]runtime.BlockProfileRecord, 1000)
	got, ok := runtime.MutexProfile(records)
	if !ok {
		panic("more than 1000 places where mutexes are held")
	}
	for _, r := range records[:got] {
		n += r.Count
	}
	return n
}

// flatten makes lines of a profile's samples that can be compared.
func flatten(p *profile.Profile) map[string][]int64 {
	all := map[string][]int64{}
	for _, s := range p.Sample {
		var b strings.Builder
		for _, l := range s.Location {
			b.WriteString(strconv.FormatUint(l.Address, 16))
			if l.Mapping != nil {
				b.WriteString(" " + l.Mapping.File + l.Mapping.BuildID)
			}
			for _, line := range l.Line {
				b.WriteString(" " + line.Function.Name + line.Function.SystemName + line.Function.Filename + strconv.Itoa(int(line.Line)) + strconv.Itoa(int(line.Function.StartLine)))
			}
		}
		for _, k := range slices.Sorted(maps.Keys(s.Label)) {
			b.WriteString(" " + k + strings.Join(s.Label[k], ","))
		}
		for _, k := range slices.Sorted(maps.Keys(s.NumLabel)) {
			b.WriteString(" " + k)
			for _, n := range s.NumLabel[k] {
				b.WriteString(" " + strconv.Itoa(int(n)))
			}
		}
		sum := all[b.String()]
		if sum == nil {
			sum = make([]int64, len(s.Value))
			all[b.String()] = sum
		}
		for i, v := range s.Value {
			sum[i] += v
		}
	}
	maps.DeleteFunc(all, func(_ string, sum []int64) bool {
		return !slices.ContainsFunc(sum, func(v int64) bool { return v != 0 })
	})
	return all
}

var names = []string{"heap", "allocs", "goroutine", "block", "mutex", "threadcreate"}

// What is read and written again says the same to pprof's own reader.
func TestRoundTrip(t *testing.T) {
	busy(t)
	for _, name := range names {
		first := raw(t, name)
		var b bytes.Buffer
		if err := read(t, first).Write(&b); err != nil {
			t.Fatal(err)
		}
		want, got := oracle(t, first), oracle(t, b.Bytes())
		if !maps.EqualFunc(flatten(want), flatten(got), slices.Equal) || len(flatten(want)) == 0 {
			t.Errorf("%s: %d samples were %d", name, len(got.Sample), len(want.Sample))
		}
		if want.TimeNanos != got.TimeNanos || want.Period != got.Period || want.DefaultSampleType != got.DefaultSampleType ||
			*want.PeriodType != *got.PeriodType || len(want.SampleType) != len(got.SampleType) {
			t.Errorf("%s: %v was %v", name, got, want)
		}
		for i, typ := range want.SampleType {
			if *got.SampleType[i] != *typ {
				t.Errorf("%s: type %d is %v, want %v", name, i, got.SampleType[i], typ)
			}
		}
	}
}

// The difference is the one that pprof's own library makes.
func TestDelta(t *testing.T) {
	for _, name := range names {
		before := raw(t, name)
		busy(t)
		after := raw(t, name)
		d, err := Delta(read(t, before), read(t, after))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := d.Write(&b); err != nil {
			t.Fatal(err)
		}
		p0, p1 := oracle(t, before), oracle(t, after)
		p0.Scale(-1)
		want, err := profile.Merge([]*profile.Profile{p0, p1})
		if err != nil {
			t.Fatal(err)
		}
		got := oracle(t, b.Bytes())
		if !maps.EqualFunc(flatten(want), flatten(got), slices.Equal) {
			t.Errorf("%s: %d samples, want %d", name, len(got.Sample), len(want.Sample))
		}
		if name != "threadcreate" && len(got.Sample) == 0 {
			t.Errorf("%s: nothing was added", name)
		}
		if got.DurationNanos != p1.TimeNanos-p0.TimeNanos || got.TimeNanos != p0.TimeNanos {
			t.Errorf("%s: from %d for %d", name, got.TimeNanos, got.DurationNanos)
		}
	}
	if _, err := Delta(read(t, raw(t, "heap")), read(t, raw(t, "mutex"))); err == nil {
		t.Error("the difference of heap and mutex is no error")
	}
}

// The table's figures are those that pprof computes.
func TestTop(t *testing.T) {
	busy(t)
	for name, want := range map[string]string{"heap": "inuse_space in bytes", "allocs": "alloc_space in bytes", "goroutine": "goroutine in count", "mutex": "delay in nanoseconds"} {
		zipped := raw(t, name)
		var b strings.Builder
		if err := read(t, zipped).WriteTop(&b, name); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		if !strings.Contains(text, "# values are "+want+";") {
			t.Errorf("%s: %.200s", name, text)
		}
		p := oracle(t, zipped)
		at := len(p.SampleType) - 1
		if name == "allocs" {
			at = 1
		}
		flat, cum := map[string]int64{}, map[string]int64{}
		for _, s := range p.Sample {
			seen := map[string]bool{}
			for i, l := range s.Location {
				for j, line := range l.Line {
					if i+j == 0 {
						flat[line.Function.Name] += s.Value[at]
					}
					if !seen[line.Function.Name] {
						cum[line.Function.Name] += s.Value[at]
					}
					seen[line.Function.Name] = true
				}
			}
		}
		rows := 0
		for line := range strings.Lines(text) {
			c := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			if len(c) != 7 || c[0] == "flat" {
				continue
			}
			rows++
			if c[0] != strconv.Itoa(int(flat[c[6]])) || c[3] != strconv.Itoa(int(cum[c[6]])) {
				t.Errorf("%s: %q, want flat %d, cum %d", name, line, flat[c[6]], cum[c[6]])
			}
		}
		if rows == 0 || !strings.Contains(text, "(...)\n\t") {
			t.Errorf("%s: no rows or no stacks:\n%s", name, text)
		}
	}
}

func TestUnitText(t *testing.T) {
	for _, c := range []struct {
		unit string
		v    int64
		want string
	}{
		{"bytes", 1023, "1023 B"}, {"bytes", 1536, "1.5 KiB"}, {"bytes", -3 << 30, "-3.0 GiB"}, {"bytes", 5 << 50, "5120.0 TiB"},
		{"nanoseconds", 1500000000, "1.5s"}, {"count", 7, "7"},
	} {
		if got := (Type{"x", c.unit}).text(c.v); got != c.want {
			t.Errorf("%d %s: %q, want %q", c.v, c.unit, got, c.want)
		}
	}
}

// Whatever the bytes are, reading them ends, and what is read can be written.
func FuzzRead(f *testing.F) {
	// A small one, since what is large is long being minimised.
	place := &Location{Address: 1, Mapping: &Mapping{Start: 1, File: "prog"}, Lines: []Line{{&Function{Name: "f", File: "f.go"}, 7}}}
	small := Profile{
		Types: []Type{{"space", "bytes"}}, PeriodType: Type{"space", "bytes"}, Period: 1,
		Samples: []Sample{{[]*Location{place, place}, []int64{-3}, []Label{{"k", "v", 0, ""}, {"bytes", "", 8, "bytes"}}}},
	}
	var zipped bytes.Buffer
	if err := small.Write(&zipped); err != nil {
		f.Fatal(err)
	}
	b, err := unzip(zipped.Bytes())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{})
	f.Add([]byte{0x12, 0x04, 0x0a, 0x02, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		var zipped bytes.Buffer
		z := gzip.NewWriter(&zipped)
		z.Write(b)
		z.Close()
		p, err := Read(zipped.Bytes())
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := p.Write(&out); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(out.Bytes()); err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		p.WriteTop(io.Discard, "x")
	})
}

func TestComplete(t *testing.T) {
	whole := raw(t, "heap")
	if !Complete(whole) {
		t.Error("a whole profile is not")
	}
	for _, n := range []int{0, 1, 20, len(whole) / 2, len(whole) - 1} {
		if Complete(whole[:n]) {
			t.Errorf("%d of %d bytes are complete", n, len(whole))
		}
	}
	if _, err := Read([]byte("no profile")); err == nil {
		t.Error("text is a profile")
	}
}
