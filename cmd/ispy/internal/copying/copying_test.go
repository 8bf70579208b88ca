package copying

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ispyd/ispyd"
	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/internal/bundle"
	"github.com/ispyd/ispyd/internal/servetest"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

// shop is a program whose tree has a directory of every kind of file.
type shop struct {
	*ispyd.Server
	space   *space.Space
	name    string
	hanging chan struct{} // gets a value when hang/forever is read

	mu    sync.Mutex
	limit int
	said  []string
}

func open(t *testing.T) *shop {
	s := &shop{name: strconv.Itoa(os.Getpid()), hanging: make(chan struct{}, 100), limit: 7}
	ring := nodes.NewRing(1 << 20)
	for i := range 1000 {
		ring.Append(fmt.Appendf(nil, "event %d\n", i))
	}
	dynamic := func(name string, files ...nodes.Node) nodes.Dir {
		return nodes.Dynamic(name, "foreign names", func(_ context.Context, name string) (nodes.Node, error) {
			for _, f := range files {
				if f.Name() == name {
					return f, nil
				}
			}
			return nil, fs.ErrNotExist
		}, func(context.Context) ([]nodes.Node, error) { return files, nil })
	}
	forever := nodes.Text("forever", "never ends", func(ctx context.Context, _ io.Writer) error {
		s.hanging <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	crowd := []nodes.Node{forever}
	for i := range 500 {
		crowd = append(crowd, nodes.Static(fmt.Sprintf("later%03d", i), "fine", nil))
	}
	plugin := plugins.Plugin{Name: "shop", Doc: "for tests", Open: func(plugins.Config) (nodes.Dir, io.Closer, error) {
		return nodes.Directory("shop", "for tests",
			nodes.Static("binary", "all bytes", binary),
			nodes.Static("long", "more than one message", bytes.Repeat([]byte("long\n"), 1<<20)),
			nodes.Text("off", "always fails", func(context.Context, io.Writer) error {
				return nodes.Errorf(nodes.ErrDisabled, "set enabled = true")
			}),
			nodes.Var("limit", "a setting", func(context.Context) (int, error) {
				s.mu.Lock()
				defer s.mu.Unlock()
				return s.limit, nil
			}, func(_ context.Context, n int) error {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.limit = n
				return nil
			}),
			nodes.Ctl("ctl", "acts", nodes.Verb{Name: "say", Args: "word", Doc: "says it", Run: func(_ context.Context, args []string) error {
				if args[0] == "no" {
					return nodes.Errorf(fs.ErrInvalid, "no is not said here")
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				s.said = append(s.said, args...)
				return nil
			}}),
			nodes.Stream("events", "a stream", ring),
			nodes.Session("talk", "a session", func(context.Context) (nodes.Conversation, error) {
				return nil, errors.New("nobody may begin a session by copying")
			}),
			dynamic("names",
				nodes.Static(nodes.Escape("/a/b"), "a route", []byte("1")),
				nodes.Static(nodes.Escape(".."), "dots", []byte("2")),
				nodes.Static(nodes.Escape("100%"), "percent", []byte("3")),
				nodes.Static("-rf", "a dash", []byte("4")),
			),
			nodes.Unlisted(dynamic("crowd", crowd...)),
			nodes.Unlisted(nodes.Directory("hang", "slow",
				nodes.Static("before", "fine", []byte("b")),
				forever,
				nodes.Static("later", "fine", []byte("l")),
			)),
			nodes.Unlisted(dynamic("clash", nodes.Static(Manifest, "an unlucky name", []byte("x")))),
		), nil, nil
	}}
	srv, config := servetest.Start(t, "", plugin)
	s.Server = srv
	s.space = space.New([]*client.Config{config}, time.Minute)
	t.Cleanup(s.space.Close)
	t.Chdir(t.TempDir())
	return s
}

var binary = func() []byte {
	b := make([]byte, 300_000)
	for i := range b {
		b[i] = byte(i * i / 7)
	}
	return b
}()

// cp runs cp in the directory of the plugin and returns its exit code and what it
// complained of, with NAME for the program's name.
func (s *shop) cp(ctx context.Context, args ...string) (int, string) {
	var stderr strings.Builder
	c := &verb.Call{Dir: "/" + s.name + "/shop", Space: s.space, Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: &stderr}
	code := Verbs()[0].Do(ctx, c, args)
	return code, strings.ReplaceAll(stderr.String(), s.name, "NAME")
}

// files is all that is in the local directory, with what is in it.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = fs.ModeDir | 0o700
		} else {
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			found[rel] = string(data)
		}
		if info.Mode() != want && rel != "." {
			t.Errorf("%s has mode %v", rel, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCopy(t *testing.T) {
	var events strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&events, "event %d\n", i)
	}
	s := open(t)
	for _, tt := range []struct {
		name  string
		args  []string
		code  int
		err   string
		files map[string]string
	}{
		{"binary", []string{"binary", "local:b"}, 0, "", map[string]string{"b": string(binary)}},
		{"over a file", []string{"limit", "local:there"}, 0, "", map[string]string{"there": "7\n"}},
		{"into a directory", []string{"limit", "names/-rf", "local:dir"}, 0, "", map[string]string{"dir/limit": "7\n", "dir/-rf": "4"}},
		{"here", []string{"limit", "local:"}, 0, "", map[string]string{"limit": "7\n"}},
		{"a stream to its end", []string{"events", "local:e"}, 0, "", map[string]string{"e": events.String()}},
		{"local", []string{"local:there", "local:dir"}, 0, "", map[string]string{"dir/there": "old"}},
		{"a device", []string{"limit", "/dev/null"}, 0, "", nil},
		{"one fails", []string{"off", "limit", "local:dir"}, 4, "ispy: /NAME/shop/off: set enabled = true\n", map[string]string{"dir/limit": "7\n"}},
		{"tree", []string{"-r", "names", "local:n"}, 0, "", map[string]string{"n/%2Fa%2Fb": "1", "n/%2E%2E": "2", "n/100%25": "3", "n/-rf": "4"}},
		{"tree into a directory", []string{"-r", "names", "local:dir"}, 0, "", map[string]string{"dir/names/%2Fa%2Fb": "1", "dir/names/%2E%2E": "2", "dir/names/100%25": "3", "dir/names/-rf": "4"}},
		{"tree poured", []string{"-r", "names/.", "local:dir"}, 0, "", map[string]string{"dir/%2Fa%2Fb": "1", "dir/%2E%2E": "2", "dir/100%25": "3", "dir/-rf": "4"}},
		{"tree of a file", []string{"-r", "limit", "local:l"}, 0, "", map[string]string{"l": "7\n"}},
		{"local tree", []string{"-r", "local:dir", "local:copy"}, 0, "", map[string]string{}},
		{"directory", []string{"names", "local:n"}, 2, "ispy: cp: names is a directory; cp -r copies one\n", nil},
		{"several into a file", []string{"limit", "ctl", "local:there"}, 2, "ispy: cp: local:there is no directory that exists, and several files do not go into one\n", nil},
		{"tree into a program", []string{"-r", "names", "."}, 2, "ispy: cp: names is a directory, and those can only be copied to the local disk: cp -r names local:PATH\n", nil},
		{"tree into itself", []string{"-r", "local:.", "local:dir"}, 2, "ispy: cp: local:dir/001 is inside local:.\n", nil},
		{"file onto itself", []string{"local:there", "local:there"}, 1, "ispy: local:there: is the file that is to be copied\n", nil},
		{"tree over a file", []string{"-r", "names", "local:there"}, 1, "ispy: local:there: not a directory\n", nil},
		{"no directory", []string{"limit", "local:no/such"}, 1, "ispy: local:no/such: no such file or directory\n", nil},
		{"no such file", []string{"limits", "local:x"}, 1, "ispy: /NAME/shop/limits: no such file (near: limit)\n", nil},
		{"no such target", []string{"limit", "nosuch"}, 1, "ispy: /NAME/shop/nosuch: no such file\n", nil},
		{"one argument", []string{"limit"}, 2, "ispy: cp: the form is: cp [-r] PATH... PATH\n", nil},
		{"no time", []string{"-r", "-t", "0s", "names", "local:n"}, 2, "ispy: cp: -t 0s: each file needs some time\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			write(t, "there", "old")
			os.Mkdir("dir", 0o700)
			code, stderr := s.cp(t.Context(), tt.args...)
			if code != tt.code || stderr != tt.err {
				t.Errorf("exit code %d, stderr %q, want %d, %q", code, stderr, tt.code, tt.err)
			}
			if tt.files == nil {
				tt.files = map[string]string{}
			}
			if _, ok := tt.files["there"]; !ok {
				tt.files["there"] = "old"
			}
			got := files(t, ".")
			for name, data := range tt.files {
				if got[name] != data {
					t.Errorf("%s is %.100q, want %.100q", name, got[name], data)
				}
				delete(got, name)
			}
			if len(got) > 0 {
				t.Errorf("left behind: %v", got)
			}
		})
	}
}

// A snapshot has all that the tree lists but what waits to be asked, and says what
// it lacks.
func TestSnapshot(t *testing.T) {
	s := open(t)
	code, stderr := s.cp(t.Context(), "-r", "..", "local:snap")
	if code != 1 || stderr != "ispy: /NAME/shop/off: set enabled = true\n" {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	got := files(t, "snap")
	if got["shop/binary"] != string(binary) || got["pid"] != s.name+"\n" {
		t.Error("binary or pid is wrong")
	}
	if want := strings.ReplaceAll(bundle.Header+"shop/off\t/NAME/shop/off: set enabled = true\n", "NAME", s.name); got[Manifest] != want {
		t.Errorf("%s is %q, want %q", Manifest, got[Manifest], want)
	}
	for _, name := range []string{"README", "runtime/stacks", "process/argv", "shop/names/%2E%2E", "shop/events"} {
		if got[name] == "" {
			t.Errorf("%s is not there", name)
		}
	}
	for _, name := range []string{"shop/off", "shop/talk", "shop/hang/before", "runtime/goroutines.full"} {
		if _, ok := got[name]; ok {
			t.Errorf("%s is there", name)
		}
	}
	// A whole one takes the list away.
	write(t, "snap/shop/"+Manifest, "of before")
	if code, stderr := s.cp(t.Context(), "-r", "names/.", "local:snap/shop"); code != 0 {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	if _, err := os.Stat("snap/shop/" + Manifest); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: %v", Manifest, err)
	}
}

// A file that hangs has its time; the others are copied.
func TestSnapshotOfSlowFile(t *testing.T) {
	s := open(t)
	code, stderr := s.cp(t.Context(), "-r", "-t", "500ms", "hang", "local:h")
	if code != 1 || stderr != "ispy: /NAME/shop/hang/forever: was not read within 500ms, see cp --timeout\n" {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	got := files(t, "h")
	if got["before"] != "b" || got["later"] != "l" || got[Manifest] == "" || len(got) != 3 {
		t.Errorf("got %q", got)
	}
}

// One that is stopped leaves no half file, and says that it is not whole.
func TestStopped(t *testing.T) {
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-s.hanging
		cancel()
	}()
	if code, stderr := s.cp(ctx, "-r", "hang", "local:h"); code != verb.Interrupted || stderr != "" {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	got := files(t, "h")
	if !strings.Contains(got[Manifest], "stopped") {
		t.Errorf("%s is %q", Manifest, got[Manifest])
	}
	delete(got, Manifest)
	for name, data := range got {
		if name[:1] != data {
			t.Errorf("%s is %q", name, data)
		}
	}
	ctx, cancel = context.WithCancel(t.Context())
	go func() {
		<-s.hanging
		cancel()
	}()
	if code, _ := s.cp(ctx, "hang/forever", "local:f"); code != verb.Interrupted {
		t.Errorf("exit code %d", code)
	}
	if left, _ := filepath.Glob("[.f]*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// While it runs, and for ever if it is killed, a snapshot says that it is not whole.
func TestUnfinished(t *testing.T) {
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	var list []byte
	go func() {
		defer cancel()
		<-s.hanging
		list, _ = os.ReadFile("h/" + Manifest)
	}()
	s.cp(ctx, "-r", "hang", "local:h")
	if !strings.Contains(string(list), "has not finished") {
		t.Errorf("%s is %q", Manifest, list)
	}
}

// Links in the target lead nowhere outside of it.
func TestLinks(t *testing.T) {
	s := open(t)
	for _, name := range []string{"snap", "outside"} {
		os.Mkdir(name, 0o700)
	}
	write(t, "outside/victim", "safe")
	outside, _ := filepath.Abs("outside")
	os.Symlink(outside, "snap/names")
	os.Symlink("../outside/victim", "snap/limit")
	code, stderr := s.cp(t.Context(), "-r", ".", "local:snap")
	if code != 1 || !strings.Contains(stderr, "ispy: local:snap/names/-rf: path escapes from parent\n") {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	if got := files(t, "outside"); len(got) != 1 || got["victim"] != "safe" {
		t.Errorf("outside has %q", got)
	}
	if info, err := os.Lstat("snap/limit"); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the link was not replaced: %v, %v", info, err)
	}
}

func TestNameOfTheList(t *testing.T) {
	s := open(t)
	code, stderr := s.cp(t.Context(), "-r", "clash", "local:c")
	if want := "ispy: /NAME/shop/clash/" + Manifest + ": a snapshot has a list of errors of that name\n"; code != 1 || stderr != want {
		t.Errorf("exit code %d, stderr %q, want 1, %q", code, stderr, want)
	}
}

func TestToProgram(t *testing.T) {
	s := open(t)
	write(t, "value", "42\n")
	write(t, "word", "say hello\nsay world\n")
	write(t, "bad", "say no\n")
	write(t, "long", strings.Repeat("say hello\n", 20_000))
	write(t, "endless", strings.Repeat("say hello\n", 200_000))
	for _, tt := range []struct {
		from, to string
		code     int
		err      string
	}{
		{"local:value", "limit", 0, ""},
		{"local:word", "ctl", 0, ""},
		{"pid", "/NAME/shop/limit", 1, "ispy: /NAME/shop/pid: no such file\n"},
		{"../pid", "limit", 0, ""},
		{"local:bad", "ctl", 1, "ispy: /NAME/shop/ctl: no is not said here\n"},
		{"local:long", "ctl", 1, "ispy: /NAME/shop/ctl: 200000 bytes; a write holds whole commands and is not split, and this server takes"},
		{"local:endless", "ctl", 1, "ispy: /NAME/shop/ctl: local:endless has more than 1048576 bytes; a write holds whole commands and is not split\n"},
		{"local:value", "binary", 4, "ispy: /NAME/shop/binary: binary is read only\n"},
		{"local:value", "names", 1, "ispy: /NAME/shop/names/value: no such file\n"},
	} {
		code, stderr := s.cp(t.Context(), tt.from, strings.ReplaceAll(tt.to, "NAME", s.name))
		if code != tt.code || !strings.HasPrefix(stderr, tt.err) || (stderr == "") != (tt.err == "") {
			t.Errorf("cp %s %s: exit code %d, stderr %q, want %d, %q", tt.from, tt.to, code, stderr, tt.code, tt.err)
		}
	}
	if s.limit != os.Getpid() || !slices.Equal(s.said, []string{"hello", "world"}) {
		t.Errorf("limit %d, said %q", s.limit, s.said)
	}
}

// Of a program that ends meanwhile, one line is enough.
func TestProgramGone(t *testing.T) {
	s := open(t)
	go func() {
		<-s.hanging
		s.Close()
	}()
	code, stderr := s.cp(t.Context(), "-r", "crowd", "local:c")
	if code != 1 || strings.Count(stderr, "hung up")+strings.Count(stderr, "has gone") != 1 {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	// What was under way fails for itself, the last file for all that follow.
	list := files(t, "c")[Manifest]
	if !strings.Contains(list, "\nlater499\t") {
		t.Errorf("%s is %q", Manifest, list)
	}
}
