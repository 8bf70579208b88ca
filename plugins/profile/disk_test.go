package profile

import (
	"bufio"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ispyd/ispyd/plugins/plugintest"
)

var errNotExist = fs.ErrNotExist

// Captures in a directory are there after a restart, read-only and under the name
// of the program that has ended; those of programs that run are their own.
func TestDir(t *testing.T) {
	n := gauge(t, "test.n")
	where := filepath.Join(t.TempDir(), "captures")
	conf := fast + "dir = \"" + where + "\"\n"
	dir, closer, err := Plugin.Open(plugintest.Config(t, "profile", conf))
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir, "captures"); len(got) != 0 {
		t.Errorf("before: %v", got)
	}
	if left, err := os.ReadDir(where); err != nil || len(left) != 0 {
		t.Errorf("the directory at first: %v, %v", left, err)
	}
	do(t, dir, "flight when test.n over 1")
	n.Store(2)
	eventually(t, "a capture", func() bool { return len(names(t, dir, "captures")) == 1 })
	homes, _ := filepath.Glob(filepath.Join(where, "*"))
	if len(homes) != 1 || !strings.HasPrefix(filepath.Base(homes[0]), strconv.Itoa(os.Getpid())+"-") {
		t.Fatalf("homes: %v", homes)
	}
	program := filepath.Base(homes[0])
	for name, want := range map[string]fs.FileMode{"..": 0o700, ".": 0o700, "1": 0o700, "1/when": 0o600, "1/trace": 0o600, "1/stacks": 0o600} {
		info, err := os.Stat(filepath.Join(homes[0], name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, want %o", name, err, want)
		}
	}
	when := read(t, dir, "captures/1/when")
	other := tree(t, conf)
	do(t, other, "clear")
	if got := names(t, other, "captures"); len(got) != 0 || len(names(t, dir, "captures")) != 1 {
		t.Errorf("what another program shows of one that runs: %v, and after its clear: %v", got, names(t, dir, "captures"))
	}
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
	do(t, other, "clear")
	if got := strings.Join(names(t, other, "captures"), " "); got != "former" {
		t.Errorf("after its end: %s", got)
	}
	if got := strings.Join(names(t, other, "captures/former"), " "); got != program {
		t.Errorf("former: %s, want %s", got, program)
	}
	if read(t, other, "captures/former/"+program+"/1/when") != when {
		t.Error("another program does not show it")
	}
	if n, _ := events(t, read(t, other, "captures/former/"+program+"/1/trace")); n == 0 {
		t.Error("the trace has no events")
	}
	_, err = readFile(t.Context(), other, "captures/former/1-x/1/when")
	wantError(t, "a program that there was not", err, fs.ErrNotExist, `no program "1-x" has left captures`)
}

// The oldest captures of programs that have ended make room; those of others that
// run are not touched.
func TestFormerMakeRoom(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "captures")
	program := func() *store { return &store{keeper: &onDisk{dir: dir}, most: 3, bytes: 1000} }
	add := func(s *store, size int) {
		t.Helper()
		if _, err := s.add([]piece{{"when", make([]byte, size)}}); err != nil {
			t.Fatal(err)
		}
	}
	count := func(s *store) (own, left string) {
		t.Helper()
		list, err := s.list()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			own += strconv.Itoa(e.n)
		}
		all, err := s.former()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range all {
			list, _ := f.list()
			left += " "
			for _, e := range list {
				left += strconv.Itoa(e.n)
			}
		}
		return own, left
	}
	first, second, live := program(), program(), program()
	add(first, 1)
	add(first, 1)
	add(second, 1) // while the first runs
	add(live, 990)
	first.close()
	second.close()
	last := program()
	if own, left := count(last); own != "" || left != " 1 12" {
		t.Errorf("left: %q %q", own, left)
	}
	add(last, 1)
	if own, left := count(last); own != "1" || left != " 1 2" {
		t.Errorf("after one: %q %q", own, left)
	}
	add(last, 999)
	if own, left := count(last); own != "2" || left != " 1" {
		t.Errorf("without room: %q %q", own, left)
	}
	if own, _ := count(live); own != "1" {
		t.Errorf("one that runs has %q", own)
	}
	add(last, 1000) // no room for both
	if own, left := count(last); own != "3" || left != "" {
		t.Errorf("without any room: %q %q", own, left)
	}
	if homes, _ := os.ReadDir(dir); len(homes) != 2 {
		t.Errorf("homes: %v", homes)
	}
	live.close()
	last.close()
}

// A program that is killed leaves its captures to the others.
func TestKilled(t *testing.T) {
	const key = "ISPYD_TEST_KEEP_IN"
	if dir := os.Getenv(key); dir != "" {
		d := &onDisk{dir: dir}
		if _, err := d.put([]piece{{"when", nil}}); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("kept\n")
		io.Copy(io.Discard, os.Stdin)
		return
	}
	dir := filepath.Join(t.TempDir(), "captures")
	child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	child.Env = append(os.Environ(), key+"="+dir)
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	kept, err := bufio.NewReader(stdout).ReadString('\n')
	d := &onDisk{dir: dir}
	if list, ferr := d.former(); kept != "kept\n" || len(list) != 0 || ferr != nil {
		t.Errorf("%q, %v; while it runs: %v, %v", kept, err, list, ferr)
	}
	child.Process.Kill()
	child.Wait()
	list, err := d.former()
	if err != nil || len(list) != 1 || !strings.HasPrefix(list[0].name, strconv.Itoa(child.Process.Pid)+"-") {
		t.Errorf("after its end: %v, %v", list, err)
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
		if _, err := (&onDisk{dir: dir}).put(pieces); err == nil || !strings.Contains(err.Error(), "only in a directory of the program's own user that nobody else can write") {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if _, err := (&onDisk{dir: filepath.Join(open, "a/b")}).put(pieces); err == nil {
		t.Error("a directory two levels down was made")
	}
	// What cannot be written leaves nothing behind.
	dir := t.TempDir()
	if _, err := (&onDisk{dir: dir}).put([]piece{{"when", nil}, {"no/such/dir", nil}}); err == nil {
		t.Error("a bad name was written")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*/*")); len(left) != 1 || filepath.Base(left[0]) != lockName {
		t.Errorf("left behind: %v", left)
	}
}

// Whoever looks sees whole captures alone, however many programs write and end.
func TestDiskTogether(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "captures")
	data := []byte(strings.Repeat("x", 100_000))
	var writers, readers sync.WaitGroup
	for range 3 {
		writers.Go(func() {
			for range 5 {
				s := &store{keeper: &onDisk{dir: dir}, most: 5, bytes: 1 << 30}
				for range 3 {
					if _, err := s.add([]piece{{"a", data}, {"b", data}}); err != nil {
						t.Error(err)
					}
				}
				s.close()
			}
		})
	}
	stop := make(chan bool)
	looker := &onDisk{dir: dir}
	readers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			all, err := looker.former()
			if err != nil {
				t.Error(err)
			}
			for _, former := range all {
				list, err := former.list()
				if err != nil {
					t.Error(err)
				}
				for _, e := range list {
					f, err := former.open(e.n, "b")
					if err != nil {
						continue // dropped meanwhile
					}
					if got, err := io.ReadAll(f); err != nil || len(got) != len(data) {
						t.Errorf("%d bytes, %v", len(got), err)
					}
					f.Close()
				}
			}
		}
	})
	writers.Wait()
	close(stop)
	readers.Wait()
	left := 0
	all, err := looker.former()
	for _, f := range all {
		list, _ := f.list()
		left += len(list)
	}
	if err != nil || left < 3 || left > 15 {
		t.Errorf("%d captures, %v", left, err)
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
	d := &onDisk{dir: dir}
	defer d.close()
	if n, err := d.put([]piece{{"when", nil}}); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	left, err := os.ReadDir(dir)
	var names []string
	for _, x := range left {
		if name := x.Name(); !homeName.MatchString(name) {
			names = append(names, name)
		}
	}
	if got := strings.Join(names, " "); got != "-1 .unfinished-new 07 notes" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	if list, err := d.list(); len(list) != 1 || err != nil {
		t.Errorf("%v, %v", list, err)
	}
}

// Whoever survives does not push out all that a program has left which died.
func TestNewestOfTheDeadStays(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "captures")
	add := func(s *store) {
		t.Helper()
		if _, err := s.add([]piece{{"when", []byte("x")}}); err != nil {
			t.Fatal(err)
		}
	}
	dead, live := &store{keeper: &onDisk{dir: dir}, most: 4, bytes: 1000}, &store{keeper: &onDisk{dir: dir}, most: 4, bytes: 1000}
	for range 3 {
		add(dead)
	}
	dead.close()
	for range 9 {
		add(live)
	}
	defer live.close()
	own, err := live.list()
	left, ferr := live.former()
	if err != nil || ferr != nil || len(own) != 3 || len(left) != 1 {
		t.Fatalf("%v %v, %v %v", own, err, left, ferr)
	}
	if list, _ := left[0].list(); len(list) != 1 || list[0].n != 3 {
		t.Errorf("left: %+v", list)
	}
}

// A directory that cannot be used is told of from the beginning, what is captured
// goes into memory, and numbers go on when the directory is good again.
func TestSpill(t *testing.T) {
	n := gauge(t, "test.n")
	where := filepath.Join(t.TempDir(), "captures")
	if err := os.WriteFile(where, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := tree(t, fast+"dir = \""+where+"\"\n[[profile.when]]\nexpression = \"test.n over 1\"\n")
	const note = "captures are kept in memory: "
	if l := triggersOf(t, dir); !strings.HasPrefix(l[0].Note, note+where+": captures are kept only in a directory") {
		t.Errorf("triggers at first: %+v", l)
	}
	if s := read(t, dir, "status"); !strings.Contains(s, "\ncaptures\t"+note) {
		t.Errorf("status at first: %s", s)
	}
	if got := names(t, dir, "captures"); len(got) != 0 {
		t.Errorf("captures at first: %v", got)
	}
	n.Store(2)
	eventually(t, "a capture", func() bool { return len(names(t, dir, "captures")) == 1 })
	if !strings.HasPrefix(read(t, dir, "captures/1/when"), "when\ttest.n over 1\n") {
		t.Error("the capture has no text")
	}
	n.Store(0)
	if err := os.Remove(where); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is armed again", func() bool { return triggersOf(t, dir)[0].State == "armed" })
	n.Store(2)
	eventually(t, "another capture", func() bool { return len(names(t, dir, "captures")) == 2 })
	if got := strings.Join(names(t, dir, "captures"), " "); got != "1 2" {
		t.Errorf("captures: %s", got)
	}
	if home, _ := filepath.Glob(filepath.Join(where, "*", "2", "when")); len(home) != 1 {
		t.Errorf("on disk: %v", home)
	}
	if l := triggersOf(t, dir); l[0].Note != "" {
		t.Errorf("triggers: %+v", l)
	}
}

// Numbers go on where somebody has removed what was kept.
func TestNumbersGoOn(t *testing.T) {
	d := &onDisk{dir: filepath.Join(t.TempDir(), "captures")}
	defer d.close()
	for want := 1; want <= 2; want++ {
		if n, err := d.put([]piece{{"when", nil}}); n != want || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if err := os.RemoveAll(string(d.mine())); err != nil {
			t.Fatal(err)
		}
	}
}
