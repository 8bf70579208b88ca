package profile

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var errNotExist = fs.ErrNotExist

// Captures in a directory are there after a restart, and are the program's alone.
func TestDir(t *testing.T) {
	n := gauge(t, "test.n")
	where := filepath.Join(t.TempDir(), "captures")
	conf := fast + "dir = \"" + where + "\"\n"
	dir := tree(t, conf)
	if got := names(t, dir, "captures"); len(got) != 0 {
		t.Errorf("before: %v", got)
	}
	if _, err := os.Stat(where); err == nil {
		t.Error("the directory was made before it is needed")
	}
	do(t, dir, "flight when test.n over 1")
	n.Store(2)
	eventually(t, "a capture", func() bool { return len(names(t, dir, "captures")) == 1 })
	for name, want := range map[string]fs.FileMode{".": 0o700, "1": 0o700, "1/when": 0o600, "1/trace": 0o600, "1/stacks": 0o600} {
		info, err := os.Stat(filepath.Join(where, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %o", name, info.Mode(), err, want)
		}
	}
	again := tree(t, conf)
	if read(t, again, "captures/1/when") != read(t, dir, "captures/1/when") {
		t.Error("another program does not show it")
	}
	if n, _ := events(t, read(t, again, "captures/1/trace")); n == 0 {
		t.Error("the trace has no events")
	}
}

func TestDiskRefuses(t *testing.T) {
	pieces := []piece{{"when", []byte("x")}}
	open := t.TempDir()
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{open, file} {
		if _, err := (onDisk{dir}).put(pieces); err == nil || !strings.Contains(err.Error(), "only in a directory of the program's own user that nobody else can write") {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if _, err := (onDisk{filepath.Join(open, "a/b")}).put(pieces); err == nil {
		t.Error("a directory two levels down was made")
	}
	// What cannot be written leaves nothing behind.
	dir := t.TempDir()
	if _, err := (onDisk{dir}).put([]piece{{"when", nil}, {"no/such/dir", nil}}); err == nil {
		t.Error("a bad name was written")
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Whoever looks sees whole captures alone, however many programs write.
func TestDiskTogether(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "captures")
	data := []byte(strings.Repeat("x", 100_000))
	var writers, readers sync.WaitGroup
	for range 3 {
		s := &store{keeper: onDisk{dir}, most: 5, bytes: 1 << 30}
		writers.Go(func() {
			for range 10 {
				if _, err := s.add([]piece{{"a", data}, {"b", data}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	stop := make(chan bool)
	readers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			list, err := onDisk{dir}.list()
			if err != nil {
				t.Error(err)
			}
			for _, e := range list {
				f, err := onDisk{dir}.open(e.n, "b")
				if err != nil {
					continue // dropped meanwhile
				}
				if got, err := io.ReadAll(f); err != nil || len(got) != len(data) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				f.Close()
			}
		}
	})
	writers.Wait()
	close(stop)
	readers.Wait()
	list, err := onDisk{dir}.list()
	if err != nil || len(list) < 5 || len(list) > 7 {
		t.Errorf("%d captures, %v", len(list), err)
	}
}

// What a program left that died is removed; what is still written, and what is
// not ours, is not.
func TestDiskLeftovers(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{unfinished + "old", unfinished + "new", "notes", "07", "-1"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-2 * leftOver)
	if err := os.Chtimes(filepath.Join(dir, unfinished+"old"), old, old); err != nil {
		t.Fatal(err)
	}
	d := onDisk{dir}
	if n, err := d.put([]piece{{"when", nil}}); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	left, err := os.ReadDir(dir)
	var names []string
	for _, x := range left {
		names = append(names, x.Name())
	}
	if got := strings.Join(names, " "); got != "-1 .unfinished-new 07 1 notes" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	if list, err := d.list(); len(list) != 1 || err != nil {
		t.Errorf("%v, %v", list, err)
	}
}
