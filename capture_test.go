package ispyd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ispyd/ispyd"
	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/internal/bundle"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

const captureErrors = "capture-errors.txt"

// evil is a file that is not of package nodes.
type evil struct {
	name string
	read func(p []byte, off int64) (int, error)
}

func (e evil) Name() string                                            { return e.name }
func (e evil) Doc() string                                             { return "evil" }
func (e evil) Attr() nodes.Attr                                        { return nodes.Attr{Kind: nodes.KindText, Mode: 0o444} }
func (e evil) Open(context.Context, nodes.Flags) (nodes.Handle, error) { return evilHandle{e}, nil }

type evilHandle struct{ evil }

func (h evilHandle) ReadAt(_ context.Context, p []byte, off int64) (int, error) {
	return h.read(p, off)
}
func (h evilHandle) WriteAt(context.Context, []byte, int64) (int, error) { return 0, io.EOF }
func (h evilHandle) Stat() (int64, time.Time)                            { return 0, time.Time{} }
func (h evilHandle) Close() error                                        { return nil }

// evilAttr panics when it is looked at.
type evilAttr struct{ evil }

func (evilAttr) Attr() nodes.Attr { panic("at attr") }

// hangingDir never lists, whatever its context says.
type hangingDir struct{ until chan struct{} }

func (hangingDir) Name() string { return "hangdir" }
func (hangingDir) Doc() string  { return "hangs" }
func (d hangingDir) List(context.Context) ([]nodes.Node, error) {
	<-d.until
	return nil, nil
}
func (d hangingDir) Lookup(context.Context, string) (nodes.Node, error) { return nil, iofs.ErrNotExist }

const hugeSize = 3 << 20

var allBytes = func() []byte {
	b := make([]byte, 100_000)
	for i := range b {
		b[i] = byte(i * i / 7)
	}
	return b
}()

// trouble is a plugin with all that a capture has to bear. reading gets a value
// when the file hang is read; what hangs does so until the test ends.
func trouble(t testing.TB) (p plugins.Plugin, reading <-chan struct{}) {
	until := make(chan struct{})
	t.Cleanup(func() { close(until) })
	begun := make(chan struct{}, 100)
	ring := nodes.NewRing(1 << 20)
	ring.Append([]byte("an event"))
	here := []nodes.Node{
		nodes.Static(nodes.Escape("/a/b"), "a route", []byte("1")),
		nodes.Static(nodes.Escape(".."), "dots", []byte("2")),
		nodes.Static("-rf", "a dash", []byte("3")),
		nodes.Static("two words", "a blank", []byte("4")),
		nodes.Static("größe", "no ASCII", []byte("5")),
		nodes.Static(strings.Repeat("n", 255), "long", []byte("6")),
		nodes.Static(captureErrors, "not in the root", []byte("7")),
	}
	names := nodes.Dynamic("names", "foreign names", func(_ context.Context, name string) (nodes.Node, error) {
		i := slices.IndexFunc(here, func(n nodes.Node) bool { return n.Name() == name })
		if i < 0 {
			return nil, nodes.Errorf(iofs.ErrNotExist, "request 17 is over")
		}
		return here[i], nil
	}, func(context.Context) ([]nodes.Node, error) {
		return append(slices.Clip(here), nodes.Static("gone", "gone when it is opened", nil), nil, nodes.Static("a/b", "no name", nil)), nil
	}, nodes.Help{Path: "NAME", Kind: nodes.KindStatic, Doc: "one of them"})
	worse := []nodes.Node{evilAttr{evil{"attr", func([]byte, int64) (int, error) { return 0, io.EOF }}}, hangingDir{until}}
	dir := nodes.Directory("trouble", "for tests",
		nodes.Static("binary", "all bytes", allBytes),
		nodes.Static("empty", "nothing", nil),
		nodes.Static("huge", "too much", bytes.Repeat([]byte("huge\n"), hugeSize/5)),
		nodes.Text("off", "disabled", func(context.Context, io.Writer) error {
			return nodes.Errorf(nodes.ErrDisabled, "set enabled = true")
		}),
		nodes.Text("panic", "panics", func(context.Context, io.Writer) error { panic("boom") }),
		nodes.Text("hang", "ignores its context", func(context.Context, io.Writer) error {
			begun <- struct{}{}
			<-until
			return nil
		}),
		nodes.Stream("events", "a stream", ring),
		nodes.Session("talk", "a session", func(context.Context) (nodes.Conversation, error) {
			t.Error("a capture has begun a session")
			return nil, errors.New("no")
		}),
		evil{"endless", func(p []byte, _ int64) (int, error) { return len(p), nil }},
		evil{"half", func(p []byte, off int64) (int, error) {
			if off > 0 {
				panic("in the middle")
			}
			return copy(p, "first half"), nil
		}},
		evil{"idle", func([]byte, int64) (int, error) { return 0, nil }},
		evil{"liar", func(p []byte, _ int64) (int, error) { return len(p) + 1, nil }},
		names,
		// README asks such a directory nothing.
		nodes.Dynamic("foreign", "worse", func(_ context.Context, name string) (nodes.Node, error) {
			if name == "attr" {
				return worse[0], nil
			}
			return worse[1], nil
		}, func(context.Context) ([]nodes.Node, error) { return worse, nil }, nodes.Help{Path: "NAME", Kind: nodes.KindText, Doc: "worse"}),
		nodes.Directory("nothing", "an empty directory"),
		nodes.Unlisted(nodes.Directory("hidden", "found by name", nodes.Static("deep", "deep", []byte("deep")))),
		nodes.Unlisted(nodes.Timed("timed", "takes its time", time.Minute, func(_ context.Context, d time.Duration, w io.Writer) error {
			_, err := fmt.Fprintln(w, d)
			return err
		})),
	)
	return plugins.Plugin{Name: "trouble", Doc: "for tests", Open: func(plugins.Config) (nodes.Dir, io.Closer, error) { return dir, nil, nil }}, begun
}

// captured is all files of a bundle, and its directories, with a slash. It checks
// that they are for their owner alone.
func captured(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d iofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		if d.IsDir() {
			found[rel+"/"] = ""
			if info.Mode() != iofs.ModeDir|0o700 {
				t.Errorf("%s has mode %v", rel, info.Mode())
			}
			return nil
		}
		data, err := os.ReadFile(p)
		found[rel] = string(data)
		if info.Mode() != 0o600 {
			t.Errorf("%s has mode %v", rel, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

const inTrouble = `path	error
nosuch	no such file
trouble/endless	not whole, 1048576 bytes are here: cut: a file may have 1048576 bytes
trouble/foreign/attr	panic: at attr
trouble/foreign/hangdir	not read within 2s
trouble/half	not whole, 10 bytes are here: panic: in the middle
trouble/hang	not read within 2s
trouble/huge	not whole, 1048576 bytes are here: cut: a file may have 1048576 bytes
trouble/idle	multiple Read calls return no data or error
trouble/liar	a read of 65536 bytes gave 65537
trouble/names/gone	has gone meanwhile
trouble/off	set enabled = true
trouble/panic	panic: boom
`

func TestCapture(t *testing.T) {
	t.Setenv("DB_PASSWORD", "hunter2")
	// The directory form, and the archive, opened by tar.
	for _, form := range []string{"evidence", "evidence/x.tar.gz", "evidence/*.tgz"} {
		t.Run(form, func(t *testing.T) {
			// Of its own: what has hung for longer is refused at once, in other words.
			plugin, _ := trouble(t)
			srv := start(t, "[ispyd]\nLISTEN", plugin)
			dir := t.TempDir()
			made, err := srv.CaptureWith(t.Context(), ispyd.CaptureOptions{
				To: filepath.Join(dir, form), Timeout: 2 * time.Second, MaxBytes: 4 << 20,
				Also: []string{"/trouble/timed/10ms", "trouble/hidden", "pid", "process/memory.json", "runtime/goroutines.full", "profile/cpu/50ms.txt", "nosuch"},
			})
			if err == nil || !strings.HasPrefix(err.Error(), "ispyd: Capture: nosuch: no such file (and 10 more); ") || !strings.Contains(err.Error(), captureErrors) {
				t.Errorf("error %v", err)
			}
			if entries, _ := os.ReadDir(filepath.Join(dir, "evidence")); len(entries) != 1 || filepath.Join(dir, "evidence", entries[0].Name()) != made {
				t.Errorf("%q was made, %v is there", made, entries)
			}
			if strings.HasSuffix(form, "z") {
				if info, err := os.Stat(made); err != nil || info.Mode() != 0o600 {
					t.Errorf("%v, %v", info, err)
				}
				out := t.TempDir()
				if text, err := exec.Command("tar", "-xpzf", made, "-C", out).CombinedOutput(); err != nil {
					t.Fatalf("tar: %v\n%s", err, text)
				}
				tops, _ := os.ReadDir(out)
				if len(tops) != 1 {
					t.Fatalf("the archive has %v", tops)
				}
				made = filepath.Join(out, tops[0].Name())
			}
			host, _ := os.Hostname()
			if ok, _ := path.Match(fmt.Sprintf("ispyd-%s-%d-20[0-9][0-9][0-9][0-9][0-9][0-9]T*Z", host, os.Getpid()), filepath.Base(made)); !ok {
				t.Errorf("it is called %s", filepath.Base(made))
			}
			got := captured(t, made)
			if got[captureErrors] != inTrouble {
				t.Errorf("%s is\n%s", captureErrors, got[captureErrors])
			}
			for name, want := range map[string]string{
				"trouble/binary":                            string(allBytes),
				"trouble/empty":                             "",
				"trouble/huge":                              strings.Repeat("huge\n", hugeSize/5)[:1<<20],
				"trouble/half":                              "first half",
				"trouble/events":                            "an event\n",
				"trouble/names/%2Fa%2Fb":                    "1",
				"trouble/names/%2E%2E":                      "2",
				"trouble/names/-rf":                         "3",
				"trouble/names/two words":                   "4",
				"trouble/names/größe":                       "5",
				"trouble/names/" + strings.Repeat("n", 255): "6",
				"trouble/names/" + captureErrors:            "7",
				"trouble/nothing/":                          "",
				"trouble/hidden/deep":                       "deep",
				"trouble/timed/10ms":                        "10ms\n",
				"pid":                                       strconv.Itoa(os.Getpid()) + "\n",
			} {
				if data, ok := got[name]; !ok || data != want {
					t.Errorf("%s is %.100q, %v", name, data, ok)
				}
			}
			for name, part := range map[string]string{
				"process/environ": "DB_PASSWORD=[redacted]", "process/memory.json": "{", "profile/cpu/50ms.txt": "", "profile/heap": "",
				"runtime/goroutines": "TestCapture", "runtime/goroutines.full": "TestCapture", "README": "trouble/names",
			} {
				if data := got[name]; data == "" || !strings.Contains(data, part) {
					t.Errorf("%s is %.100q", name, data)
				}
			}
			for name, data := range got {
				if strings.Contains(data, "hunter2") {
					t.Errorf("%s shows a secret", name)
				}
			}
			for _, name := range []string{"trouble/talk", "trouble/off", "trouble/panic", "trouble/names/gone", "trouble/hang"} {
				if _, ok := got[name]; ok {
					t.Errorf("%s is there", name)
				}
			}
		})
	}
}

// A capture has what a client finds, by name.
func TestCaptureNames(t *testing.T) {
	srv := start(t, "[ispyd]\nLISTEN")
	conn := dial(t, srv)
	want := map[string]bool{}
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := conn.ReadDir(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			name := path.Join(dir, e.Name())
			if e.IsDir() && name == bundle.Variables {
				continue
			}
			if e.IsDir() {
				walk(name)
			} else if e.Mode()&iofs.ModeTemporary == 0 {
				want[name] = true
			}
		}
	}
	walk("")
	made, err := srv.Capture(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	got := captured(t, made)
	if got[captureErrors] != "path\terror\n" {
		t.Errorf("%s is %q", captureErrors, got[captureErrors])
	}
	delete(got, captureErrors)
	maps.DeleteFunc(got, func(name, _ string) bool { return strings.HasSuffix(name, "/") })
	for name := range want {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is missing", name)
		}
	}
	for name := range got {
		if !want[name] {
			t.Errorf("%s is not listed", name)
		}
	}
	if len(want) < 50 {
		t.Errorf("only %d files", len(want))
	}
}

// One that is stopped is a capture of what was taken by then; until then its name
// says that it is not finished.
func TestCaptureStopped(t *testing.T) {
	for _, form := range []string{"", "x.tar.gz"} {
		t.Run(form, func(t *testing.T) {
			plugin, reading := trouble(t)
			srv := start(t, "[ispyd]\nLISTEN", plugin)
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var during []os.DirEntry
			go func() {
				defer cancel()
				<-reading
				during, _ = os.ReadDir(dir)
			}()
			made, err := srv.CaptureWith(ctx, ispyd.CaptureOptions{To: filepath.Join(dir, form), Timeout: time.Hour, Also: []string{"trouble/timed/1s"}})
			if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "ispyd: Capture: stopped, "+made+" has what was taken: ") {
				t.Errorf("error %v", err)
			}
			if len(during) != 1 || !strings.HasSuffix(during[0].Name(), ".unfinished") {
				t.Errorf("during the capture there is %v", during)
			}
			if entries, _ := os.ReadDir(dir); len(entries) != 1 || strings.HasSuffix(made, ".unfinished") {
				t.Errorf("there is %v", entries)
			}
			var list []byte
			if form == "" {
				list, _ = os.ReadFile(filepath.Join(made, captureErrors))
			} else {
				list, _ = exec.Command("tar", "-xOzf", made, "--wildcards", "*/"+captureErrors, "--exclude=*/names/*").Output()
			}
			if !bytes.HasPrefix(list, []byte("path\terror\n.\tstopped, what is not here is missing: context canceled\n")) {
				t.Errorf("%s is %q", captureErrors, list)
			}
		})
	}
}

// Many at once share a directory, in a program that no client can be told from.
func TestCaptureAtOnce(t *testing.T) {
	srv := start(t, "[ispyd]\nLISTEN\n[ispyd.limits]\nconnections = 1")
	if cat(t, dial(t, srv), "pid") == "" {
		t.Error("no pid")
	}
	if c, err := client.Dial(t.Context(), srv.Addr(), client.Options{}); err == nil {
		c.Close()
		t.Error("a second connection was taken")
	}
	dir := t.TempDir()
	var mu sync.Mutex
	made := map[string]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			p, err := srv.Capture(t.Context(), dir)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			made[p] = true
		})
	}
	wg.Wait()
	if entries, _ := os.ReadDir(dir); len(made) != 8 || len(entries) != 8 {
		t.Errorf("made %v, there is %v", made, entries)
	}
	for p := range made {
		if got := captured(t, p); got["pid"] != strconv.Itoa(os.Getpid())+"\n" || got[captureErrors] == "" {
			t.Errorf("%s has no pid or list", p)
		}
	}
}

// All files together have their bound.
func TestCaptureBound(t *testing.T) {
	var files []nodes.Node
	for i := range 20 {
		files = append(files, nodes.Static(fmt.Sprintf("f%02d", i), "large", make([]byte, 200_000)))
	}
	dir := nodes.Directory("large", "for tests", files...)
	srv := start(t, "[ispyd]\nLISTEN", plugins.Plugin{Name: "large", Doc: "d", Open: func(plugins.Config) (nodes.Dir, io.Closer, error) { return dir, nil, nil }})
	made, err := srv.CaptureWith(t.Context(), ispyd.CaptureOptions{To: t.TempDir(), MaxBytes: 1 << 20})
	if err == nil || !strings.Contains(err.Error(), "cut: the bundle has all bytes that it may have") {
		t.Errorf("error %v", err)
	}
	total := 0
	got := captured(t, made)
	for name, data := range got {
		if name != captureErrors {
			total += len(data)
		}
	}
	if total != 1<<20 {
		t.Errorf("%d bytes", total)
	}
	for i := range 20 {
		name := fmt.Sprintf("large/f%02d", i)
		if len(got[name]) != 200_000 && !strings.Contains(got[captureErrors], "\n"+name+"\t") {
			t.Errorf("%s has %d bytes and is not on the list", name, len(got[name]))
		}
	}
}

func TestCaptureNowhere(t *testing.T) {
	srv := start(t, "[ispyd]\nLISTEN")
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "file"), nil, 0o600)
	os.WriteFile(filepath.Join(dir, "x.tar.gz"), []byte("evidence of before"), 0o600)
	for to, want := range map[string]error{
		"":                               nil,
		filepath.Join(dir, "file"):       syscall.ENOTDIR,
		filepath.Join(dir, "file/x.tgz"): syscall.ENOTDIR,
		filepath.Join(dir, "x.tar.gz"):   iofs.ErrExist,
		"/proc/evidence":                 iofs.ErrNotExist,
		"/dev/full":                      syscall.ENOTDIR,
	} {
		made, err := srv.Capture(t.Context(), to)
		if made != "" || err == nil || want != nil && !errors.Is(err, want) || !strings.HasPrefix(err.Error(), "ispyd: Capture: "+to+": ") {
			t.Errorf("to %q: %q, %v", to, made, err)
		}
	}
	if data, _ := os.ReadFile(filepath.Join(dir, "x.tar.gz")); string(data) != "evidence of before" {
		t.Errorf("x.tar.gz is %q", data)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
}

// A mistake of the program's does not end it.
func TestCaptureNoContext(t *testing.T) {
	srv := start(t, "[ispyd]\nLISTEN")
	var none context.Context
	if made, err := srv.Capture(none, t.TempDir()); made == "" || err != nil {
		t.Errorf("%q, %v", made, err)
	}
}

// What hangs ends with its file; nothing else of a capture is left.
func TestCaptureLeavesNothing(t *testing.T) {
	srv := start(t, "[ispyd]\nLISTEN")
	before := runtime.NumGoroutine()
	for range 3 {
		if _, err := srv.Capture(t.Context(), filepath.Join(t.TempDir(), "x.tgz"), "profile/cpu/10ms"); err != nil {
			t.Error(err)
		}
	}
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
	var open []string
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, fd := range fds {
		if to, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.Contains(to, "TestCaptureLeavesNothing") {
			open = append(open, to)
		}
	}
	if len(open) > 0 {
		t.Errorf("still open: %q", open)
	}
}

func TestCaptureOff(t *testing.T) {
	t.Setenv("ISPYD", "off")
	off, err := ispyd.Start("nosuch.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, srv := range []*ispyd.Server{nil, off} {
		dir := t.TempDir()
		if made, err := srv.Capture(t.Context(), dir); made != "" || !errors.Is(err, nodes.ErrNotSupported) {
			t.Errorf("%q, %v", made, err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 0 {
			t.Errorf("there is %v", entries)
		}
	}
}

// A program that is told to stop keeps evidence of what it was doing: here it
// tells itself.
func ExampleServer_Capture() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	srv, err := ispyd.New(ispyd.Options{Config: fmt.Sprintf("[ispyd]\nlisten = %q\n", filepath.Join(dir, "%(pid)s.sock"))})
	if err != nil {
		fmt.Println(err) // the program goes on without it
	}
	defer srv.Close()

	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	syscall.Kill(os.Getpid(), syscall.SIGTERM)
	<-stop.Done()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	made, err := srv.Capture(ctx, filepath.Join(dir, "evidence"), "runtime/goroutines.full", "profile/cpu/100ms")
	if err != nil {
		fmt.Println(err)
	}
	_, err = os.Stat(filepath.Join(made, "profile/cpu/100ms"))
	fmt.Println("kept:", made != "" && err == nil)
	// Output: kept: true
}
