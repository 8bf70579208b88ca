package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// memory is a tree of files in directories, each of which has one of that name and
// a directory again, up to a depth.
type memory struct {
	depth, files int
	copied       atomic.Int64
	fail         func(name string) error
}

func (m *memory) List(_ context.Context, dir string) ([]Entry, error) {
	var list []Entry
	for i := range m.files {
		list = append(list, Entry{Name: fmt.Sprint("f", i)})
	}
	if dir == "" || strings.Count(dir, "/")+1 < m.depth {
		list = append(list, Entry{Name: "d", Dir: true})
	}
	return append(list, Entry{Name: "asked", Asked: true}), nil
}

func (m *memory) Stat(_ context.Context, name string) (Entry, error) {
	return Entry{Name: name}, nil
}

func (m *memory) Copy(_ context.Context, name string, w io.Writer) error {
	m.copied.Add(1)
	if m.fail != nil {
		if err := m.fail(name); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, name)
	return err
}

// A tree without an end is cut.
func TestEndless(t *testing.T) {
	r, err := Take(t.Context(), &memory{depth: 1000, files: 1}, Options{To: t.TempDir()})
	if err != nil || r.Stopped != nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Err.Error(), "100 directories deep") {
		t.Errorf("%+v, %v", r, err)
	}
}

// No file is taken twice, named or listed; sessions are only where they are named.
func TestOnce(t *testing.T) {
	m := &memory{depth: 3, files: 3}
	r, err := Take(t.Context(), m, Options{To: filepath.Join(t.TempDir(), "a/b.tgz"), Also: []string{"f1", "/f1/", "d/f0", "asked", "asked"}})
	if err != nil || len(r.Problems) != 0 || m.copied.Load() != 4*3+1 {
		t.Errorf("%+v, %v, %d files", r, err, m.copied.Load())
	}
}

// More hang than are worked on at once, and none holds up a file for ever; what
// hangs does not write once it has been left behind.
func TestHanging(t *testing.T) {
	until := make(chan struct{})
	m := &memory{depth: 1, files: 60, fail: func(name string) error {
		if strings.HasSuffix(name, "1") || strings.HasSuffix(name, "2") || strings.HasSuffix(name, "3") {
			<-until
		}
		if strings.HasSuffix(name, "4") {
			runtime.Goexit()
		}
		return nil
	}}
	r, err := Take(t.Context(), m, Options{To: t.TempDir(), Timeout: 50 * time.Millisecond})
	close(until)
	if err != nil || r.Stopped != nil || len(r.Problems) != 2*(18+6) {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, p := range r.Problems {
		var slow *TimeoutError
		if errors.As(p.Err, &slow) == strings.HasSuffix(p.Name, "4") || !errors.Is(p.Err, context.DeadlineExceeded) == errors.As(p.Err, &slow) {
			t.Errorf("%s: %v", p.Name, p.Err)
		}
		if _, err := os.Stat(filepath.Join(r.Path, p.Name)); err == nil {
			t.Errorf("%s is there", p.Name)
		}
	}
	if data, _ := os.ReadFile(filepath.Join(r.Path, "d/f5")); string(data) != "d/f5" {
		t.Errorf("d/f5 is %q", data)
	}
}

func TestDuration(t *testing.T) {
	for name, want := range map[string]time.Duration{
		"profile/cpu/5s": 5 * time.Second, "cpu/1.5s": 1500 * time.Millisecond, "cpu/5s.txt": 5 * time.Second, "cpu/250ms.json": 250 * time.Millisecond,
		"5s/file": 0, "pid": 0, "": 0, "17": 0, "-5s": 0, "0": 0,
	} {
		if got := Duration(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestManifest(t *testing.T) {
	var m Manifest
	m.Add("a\tb", "two\nlines")
	long := strings.Repeat("x", maxColumn)
	m.Add("c", long+"y")
	var b strings.Builder
	m.WriteTo(&b)
	if want := Header + "\"a\\tb\"\t\"two\\nlines\"\nc\t" + long + "...\n"; b.String() != want || m.Len() != 2 {
		t.Errorf("%q, %d lines", b.String(), m.Len())
	}
	for range maxManifest / maxColumn {
		m.Add("d", long)
	}
	b.Reset()
	m.WriteTo(&b)
	if m.Len() != 2+maxManifest/maxColumn || b.Len() > maxManifest+1000 || !strings.HasSuffix(b.String(), "x\n.\t2 more errors are not listed\n") {
		t.Errorf("%d lines, %d bytes, ending %q", m.Len(), b.Len(), b.String()[b.Len()-100:])
	}
}

func TestNames(t *testing.T) {
	dir := t.TempDir()
	o := Options{To: dir, Host: "a/b c", PID: ""}
	now := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	var got []string
	for range 2 {
		p, err := newPlace(o, now)
		if err != nil {
			t.Fatal(err)
		}
		path, err := p.finish(&Manifest{})
		if err != nil {
			t.Fatal(err)
		}
		p.close()
		got = append(got, filepath.Base(path))
	}
	if want := "ispyd-a_b_c-unknown-20260102T030405.006Z"; !slices.Equal(got, []string{want, want + "-2"}) {
		t.Errorf("%q", got)
	}
}

// withVariables is a tree with the program's variables, at the root and elsewhere.
type withVariables struct{ memory }

func (m *withVariables) List(ctx context.Context, dir string) ([]Entry, error) {
	list, err := m.memory.List(ctx, dir)
	if dir == "" || dir == "d" {
		list = append(list, Entry{Name: Variables, Dir: true})
	}
	return list, err
}

func (m *withVariables) Stat(ctx context.Context, name string) (Entry, error) {
	return Entry{Name: name, Dir: name == Variables}, nil
}

// The variables at the root are in no bundle but in one that names them.
func TestVariables(t *testing.T) {
	for _, c := range []struct {
		also []string
		want int
	}{
		{nil, 0},
		{[]string{Variables + "/main.limit"}, 1},
		{[]string{Variables}, 3}, // f0, f1, d
	} {
		r, err := Take(t.Context(), &withVariables{memory{depth: 2, files: 2}}, Options{To: t.TempDir(), Also: c.also})
		if err != nil || len(r.Problems) != 0 {
			t.Fatalf("%v: %+v, %v", c.also, r, err)
		}
		list, err := os.ReadDir(filepath.Join(r.Path, Variables))
		if len(list) != c.want || c.want > 0 && err != nil {
			t.Errorf("%v: %v, %v", c.also, list, err)
		}
		if _, err := os.Stat(filepath.Join(r.Path, "d", Variables, "f0")); err != nil {
			t.Errorf("a directory of that name elsewhere: %v", err)
		}
	}
}
