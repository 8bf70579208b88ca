package compare

import (
	"bytes"
	"context"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ispyd/ispyd/cmd/ispy/internal/copying"
	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/internal/servetest"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

// pond is a program with goroutines that come and go.
type pond struct {
	space   *space.Space
	dir     string
	hanging chan struct{}
}

func open(t *testing.T) *pond {
	p := &pond{dir: "/" + strconv.Itoa(os.Getpid()), hanging: make(chan struct{}, 10)}
	plugin := plugins.Plugin{Name: "pond", Doc: "for tests", Open: func(plugins.Config) (nodes.Dir, io.Closer, error) {
		return nodes.Directory("pond", "for tests",
			nodes.Static("one", "a line", []byte("1\n")),
			nodes.Static("two", "another", []byte("2\n")),
			nodes.Static("binary", "no text", []byte("\x00\x01")),
			nodes.Unlisted(nodes.Static("huge", "too much", make([]byte, maxFile+1))),
			nodes.Unlisted(nodes.Static("large", "much", bytes.Repeat([]byte("line\n"), bigFile/4))),
			nodes.Unlisted(nodes.Text("hang", "never ends", func(ctx context.Context, _ io.Writer) error {
				p.hanging <- struct{}{}
				<-ctx.Done()
				return ctx.Err()
			})),
			nodes.Session("talk", "is not read", nil),
		), nil, nil
	}}
	_, config := servetest.Start(t, "", plugin)
	p.space = space.New([]*client.Config{config}, time.Minute)
	t.Cleanup(p.space.Close)
	t.Chdir(t.TempDir())
	return p
}

func (p *pond) run(ctx context.Context, v verb.Verb, stdin string, args ...string) (code int, stdout, stderr string) {
	var out, errs strings.Builder
	c := &verb.Call{Dir: p.dir + "/pond", Space: p.space, Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs}
	code = v.Do(ctx, c, args)
	return code, out.String(), strings.ReplaceAll(errs.String(), p.dir, "NAME")
}

func (p *pond) diff(t *testing.T, args ...string) (code int, stdout, stderr string) {
	return p.run(t.Context(), Verbs()[0], "1\n", args...)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDiff(t *testing.T) {
	p := open(t)
	write(t, "one", "1\n")
	write(t, "open", "1")
	for _, tt := range []struct {
		args   string
		code   int
		stdout string
		stderr string
	}{
		{"one local:one", 0, "", ""},
		{"one one", 0, "", ""},
		{"one -", 0, "", ""},
		{"- -", 0, "", ""},
		{"one two", 1, "--- one\n+++ two\n@@ -1,1 +1,1 @@\n-1\n+2\n", ""},
		{"-u one two", 1, "--- one\n+++ two\n@@ -1,1 +1,1 @@\n-1\n+2\n", ""},
		{"-u 0 - two", 1, "--- -\n+++ two\n@@ -1,1 +1,1 @@\n-1\n+2\n", ""},
		{"one local:open", 1, "--- one\n+++ local:open\n@@ -1,1 +1,1 @@\n-1\n+1\n\\ No newline at end of file\n", ""},
		{"-u 1 one local:open", 1, "--- one\n+++ local:open\n@@ -1,1 +1,1 @@\n-1\n+1\n\\ No newline at end of file\n", ""},
		{"-q one two", 1, "Files one and two differ\n", ""},
		{"one binary", 1, "Binary files one and binary differ\n", ""},
		{"one local:.", 0, "", ""},
		{"local: one", 0, "", ""},
		{"large one -q", 1, "Files large and one differ\n", ""},
		{"one nosuch", 2, "", "ispy: NAME/pond/nosuch: no such file\n"},
		{"one local:nosuch", 2, "", "ispy: local:nosuch: no such file or directory\n"},
		{"one huge", 2, "", "ispy: NAME/pond/huge: has more than 67108864 bytes, which is too much to compare\n"},
		{"one", 2, "", "ispy: diff: the form is: diff [-u N] [-q] [-t] PATH PATH\n"},
		{"-u -1 one two", 2, "", "ispy: diff: -u -1: the least number of lines is 0\n"},
	} {
		code, stdout, stderr := p.diff(t, strings.Fields(tt.args)...)
		if code != tt.code || stdout != tt.stdout || stderr != tt.stderr {
			t.Errorf("diff %s: exit code %d, stdout %q, stderr %q", tt.args, code, stdout, stderr)
		}
	}
}

func TestInterrupted(t *testing.T) {
	p := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-p.hanging
		cancel()
	}()
	if code, _, stderr := p.run(ctx, Verbs()[0], "", "one", "hang"); code != verb.Interrupted || stderr != "" {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestNoReader(t *testing.T) {
	p := open(t)
	c := &verb.Call{Dir: p.dir + "/pond", Space: p.space, Stdout: brokenPipe{}, Stderr: t.Output()}
	v := Verbs()[0]
	if code := v.Do(t.Context(), c, []string{"one", "two"}); code != 128+int(syscall.SIGPIPE) {
		t.Errorf("exit code %d", code)
	}
}

func TestDirectories(t *testing.T) {
	p := open(t)
	cp := copying.Verbs()[0]
	for _, name := range []string{"before", "after"} {
		if code, _, stderr := p.run(t.Context(), cp, "", "-r", ".", "local:"+name); code != 0 {
			t.Fatalf("cp: exit code %d, %s", code, stderr)
		}
	}
	if code, stdout, stderr := p.diff(t, "local:before", "local:after"); code != 0 || stdout+stderr != "" {
		t.Errorf("same: exit code %d, %q, %q", code, stdout, stderr)
	}
	// The living tree against its snapshot: what cp leaves out is not missed.
	write(t, "before/"+copying.Manifest, "path\terror\n")
	if code, stdout, stderr := p.diff(t, "local:before", "."); code != 0 || stdout+stderr != "" {
		t.Errorf("living: exit code %d, %q, %q", code, stdout, stderr)
	}
	os.Mkdir("after/new", 0o700)
	os.Remove("after/one")
	os.Remove("after/two")
	os.Mkdir("after/two", 0o700)
	write(t, "after/binary", "text\n")
	os.Mkdir("before/deep", 0o700)
	os.Mkdir("after/deep", 0o700)
	write(t, "before/deep/x", "a\n")
	write(t, "after/deep/x", "b\n")
	want := `Binary files local:before/binary and local:after/binary differ
--- local:before/deep/x
+++ local:after/deep/x
@@ -1,1 +1,1 @@
-a
+b
Only in local:after: new
Only in local:before: one
File local:before/two is a regular file while file local:after/two is a directory
`
	if code, stdout, stderr := p.diff(t, "-r", "local:before", "local:after"); code != 1 || stdout != want || stderr != "" {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

// What a user does: stacks of before and after.
func TestLivingStacks(t *testing.T) {
	p := open(t)
	stacks := func() string {
		data, err := p.space.ReadFile(t.Context(), p.dir+"/runtime/stacks")
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	write(t, "before", stacks())
	stop := make(chan struct{})
	started := make(chan struct{})
	for range 57 {
		go leaked(started, stop)
	}
	for range 57 {
		<-started
	}
	write(t, "after", stacks())
	full, err := p.space.ReadFile(t.Context(), p.dir+"/runtime/goroutines.full")
	if err != nil {
		t.Fatal(err)
	}
	write(t, "full", string(full))
	close(stop)
	for _, tt := range []struct{ a, b, want string }{
		{"before", "after", "\ncame 0 → 57 (+57) ["},
		{"after", "before", "\nwent 57 → 0 (-57) ["},
		{"before", "full", "\ncame 0 → 57 (+57) ["},
	} {
		code, stdout, stderr := p.diff(t, "local:"+tt.a, "local:"+tt.b)
		_, first, ok := strings.Cut(stdout, tt.want)
		block, _, _ := strings.Cut(first, "\n\n")
		if code != 1 || !ok || !strings.Contains(block, "compare.leaked(...)\n") || !strings.Contains(block, "created by ") || strings.Count(stdout, "compare.leaked(...)") != 1 {
			t.Errorf("diff %s %s: exit code %d, stdout %s, stderr %s", tt.a, tt.b, code, stdout, stderr)
		}
	}
}

//go:noinline
func leaked(started chan<- struct{}, stop <-chan struct{}) {
	started <- struct{}{}
	<-stop
}
