package capturing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
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
}

// open starts it, and goes to an empty directory.
func open(t *testing.T) *shop {
	s := &shop{name: strconv.Itoa(os.Getpid()), hanging: make(chan struct{}, 100)}
	ring := nodes.NewRing(1 << 20)
	ring.Append([]byte("an event"))
	gone := nodes.Dynamic("requests", "come and go", func(context.Context, string) (nodes.Node, error) {
		return nil, nodes.Errorf(fs.ErrNotExist, "request 17 is over")
	}, func(context.Context) ([]nodes.Node, error) {
		return []nodes.Node{nodes.Static("17", "a request", nil)}, nil
	}, nodes.Help{Path: "ID", Kind: nodes.KindStatic, Doc: "a request"})
	plugin := plugins.Plugin{Name: "shop", Doc: "for tests", Open: func(plugins.Config) (nodes.Dir, io.Closer, error) {
		return nodes.Directory("shop", "for tests",
			nodes.Static("binary", "all bytes", binary),
			nodes.Static("huge", "too much", bytes.Repeat([]byte("huge\n"), 1<<20)),
			nodes.Static(nodes.Escape("/a/b"), "a route", []byte("1")),
			nodes.Static("-rf", "a dash", []byte("2")),
			nodes.Text("off", "always fails", func(context.Context, io.Writer) error {
				return nodes.Errorf(nodes.ErrDisabled, "set enabled = true")
			}),
			nodes.Text("panic", "panics", func(context.Context, io.Writer) error { panic("boom") }),
			nodes.Text("hang", "never ends", func(ctx context.Context, _ io.Writer) error {
				s.hanging <- struct{}{}
				<-ctx.Done()
				return ctx.Err()
			}),
			nodes.Stream("events", "a stream", ring),
			nodes.Session("talk", "a session", func(context.Context) (nodes.Conversation, error) {
				return nil, errors.New("nobody may begin a session by capturing")
			}),
			nodes.Directory("nothing", "an empty directory"),
			gone,
			nodes.Unlisted(nodes.Timed("timed", "takes its time", time.Minute, func(_ context.Context, d time.Duration, w io.Writer) error {
				_, err := fmt.Fprintln(w, d)
				return err
			})),
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

// capture runs capture in the directory, and returns its exit code, what it
// printed, and what it complained of, with NAME for the program's name.
func (s *shop) capture(ctx context.Context, dir string, args ...string) (code int, stdout, stderr string) {
	var out, errs strings.Builder
	c := &verb.Call{Dir: dir, Space: s.space, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs}
	code = Verbs()[0].Do(ctx, c, args)
	return code, strings.TrimSuffix(out.String(), "\n"), strings.ReplaceAll(errs.String(), s.name, "NAME")
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
		if d.IsDir() {
			found[rel+"/"] = ""
			return nil
		}
		data, err := os.ReadFile(p)
		found[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

const missing = `path	error
nosuch	no such file
shop/hang	not read within 2s
shop/huge	not whole, 4194304 bytes are here: cut: a file may have 4194304 bytes
shop/off	set enabled = true
shop/panic	panic: boom
shop/requests/17	has gone meanwhile
`

const complaints = `ispy: /NAME/nosuch: no such file
ispy: /NAME/shop/hang: not read within 2s, see capture --timeout
ispy: /NAME/shop/huge: cut: a file may have 4194304 bytes
ispy: /NAME/shop/off: set enabled = true
ispy: /NAME/shop/panic: panic: boom
`

// What ispy captures is what the program captures of itself, as a directory and as
// an archive.
func TestCapture(t *testing.T) {
	s := open(t)
	own, err := s.CaptureWith(t.Context(), ispyd.CaptureOptions{To: "own", Timeout: 2 * time.Second, MaxBytes: 16 << 20, Also: []string{"shop/timed/10ms", "nosuch"}})
	if err == nil {
		t.Error("nothing failed")
	}
	want := files(t, own)
	for _, form := range []string{"local:evidence", "local:evidence/x.tar.gz", "local:evidence/*.tgz"} {
		t.Run(form, func(t *testing.T) {
			t.Chdir(t.TempDir())
			code, made, stderr := s.capture(t.Context(), "/"+s.name+"/shop", "-t", "2s", "--max-size", "16", form, "timed/10ms", "../nosuch")
			if code != 1 || stderr != complaints {
				t.Errorf("exit code %d, stderr %q", code, stderr)
			}
			if strings.HasSuffix(form, "z") {
				if text, err := exec.Command("tar", "-xzf", made).CombinedOutput(); err != nil {
					t.Fatalf("tar: %v\n%s", err, text)
				}
				tops, _ := filepath.Glob("ispyd-*")
				if len(tops) != 1 {
					t.Fatalf("the archive has %v", tops)
				}
				made = tops[0]
			}
			host, _ := os.Hostname()
			if !strings.HasPrefix(filepath.Base(made), "ispyd-"+host+"-"+s.name+"-20") {
				t.Errorf("it is called %s", made)
			}
			got := files(t, made)
			if got[bundle.Errors] != missing || want[bundle.Errors] != missing {
				t.Errorf("%s is %s", bundle.Errors, got[bundle.Errors])
			}
			for name := range want {
				if data, ok := got[name]; !ok || strings.HasPrefix(name, "shop/") && data != want[name] {
					t.Errorf("%s is %.100q, %v; want %.100q", name, data, ok, want[name])
				}
			}
			for name := range got {
				if _, ok := want[name]; !ok {
					t.Errorf("the program itself has no %s", name)
				}
			}
			for name, data := range map[string]string{"shop/binary": string(binary), "shop/timed/10ms": "10ms\n", "shop/%2Fa%2Fb": "1", "shop/-rf": "2", "shop/events": "an event\n"} {
				if got[name] != data {
					t.Errorf("%s is %.100q", name, got[name])
				}
			}
		})
	}
}

func TestWrongUse(t *testing.T) {
	s := open(t)
	os.WriteFile("there.tgz", []byte("old"), 0o600)
	for _, tt := range []struct {
		dir  string
		args []string
		code int
		err  string
	}{
		{"/NAME", nil, 2, "ispy: capture: the form is: capture PATH [PATH...]\n"},
		{"/NAME", []string{"evidence"}, 2, "ispy: capture: evidence: the evidence goes to the local disk: capture local:evidence\n"},
		{"/NAME", []string{"/dev/null"}, 2, "ispy: capture: /dev/null: the evidence goes to the local disk: capture local:dev/null\n"},
		{"/", []string{"local:x"}, 2, "ispy: capture: it takes the evidence of the program that you are in: cd PID, or connect, comes first\n"},
		{"/NAME", []string{"local:x", "/1/pid"}, 2, "ispy: capture: /1/pid is no file of the program NAME\n"},
		{"/NAME", []string{"local:x", "local:y"}, 2, "ispy: capture: local:y is no file of the program NAME\n"},
		{"/NAME", []string{"-t", "0s", "local:x"}, 2, "ispy: capture: --timeout 0s: each file needs some time\n"},
		{"/NAME", []string{"--max-size", "0", "local:x"}, 2, "ispy: capture: --max-size 0: is a number of MiB, of 1 or more\n"},
		{"/NAME", []string{"local:there.tgz"}, 1, "ispy: local:there.tgz: file already exists\n"},
		{"/NAME", []string{"local:there.tgz/x"}, 1, "ispy: local:there.tgz/x: not a directory\n"},
		{"/1.NAME", []string{"local:x"}, 3, "ispy: there is no program 1.NAME, but NAME (capturing.test)\n"},
	} {
		args := strings.Split(strings.ReplaceAll(strings.Join(tt.args, " "), "NAME", s.name), " ")
		if tt.args == nil {
			args = nil
		}
		code, made, stderr := s.capture(t.Context(), strings.ReplaceAll(tt.dir, "NAME", s.name), args...)
		if code != tt.code || stderr != tt.err || made != "" {
			t.Errorf("in %s: capture %q: exit code %d, %q, stderr %q, want %d, %q", tt.dir, tt.args, code, made, stderr, tt.code, tt.err)
		}
	}
	if left, _ := os.ReadDir("."); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// What the server says of a file that cannot be is what one reads.
func TestServersWords(t *testing.T) {
	s := open(t)
	code, made, stderr := s.capture(t.Context(), "/"+s.name+"/shop", "local:e", "timed/99h", "-t", "2s")
	const words = "timed/99h: the duration must be more than 0 and at most 1m0s"
	if code != 1 || !strings.Contains(stderr, "ispy: /NAME/shop/timed/99h: "+words+"\n") {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	if list := files(t, made)[bundle.Errors]; !strings.Contains(list, "\nshop/timed/99h\t"+words+"\n") {
		t.Errorf("%s is %q", bundle.Errors, list)
	}
}

// One that is interrupted is what was taken by then.
func TestInterrupted(t *testing.T) {
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-s.hanging
		cancel()
	}()
	code, made, stderr := s.capture(ctx, "/"+s.name, "-t", "1h", "local:")
	if code != verb.Interrupted || stderr != "" {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	list := files(t, made)[bundle.Errors]
	if !strings.Contains(list, "\n.\tstopped, what is not here is missing: context canceled\n") {
		t.Errorf("%s is %q", bundle.Errors, list)
	}
}

// Of a program that ends meanwhile, the rest is not waited for.
func TestProgramGone(t *testing.T) {
	s := open(t)
	go func() {
		<-s.hanging
		s.Close()
	}()
	code, made, stderr := s.capture(t.Context(), "/"+s.name, "-t", "1h", "local:e")
	if code != verb.Unreachable || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "hung up") && !strings.Contains(stderr, "gone") {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	if list := files(t, made)[bundle.Errors]; !strings.Contains(list, "\n.\tstopped, what is not here is missing: ") {
		t.Errorf("%s is %q", bundle.Errors, list)
	}
}

func TestIdentity(t *testing.T) {
	here, _ := os.Hostname()
	for program, want := range map[string]string{"17": here + "/17", "web-1.17": "web-1/17", "a.b.1": "a.b/1", "17@2": here + "/17@2", "x.y": here + "/x.y"} {
		if host, pid := identity(program); host+"/"+pid != want {
			t.Errorf("%s is %s/%s", program, host, pid)
		}
	}
}
