package watching

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ispyd/ispyd/cmd/ispy/internal/shell"
	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/internal/servetest"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

// clock is a program with a file that counts how often it is read.
type clock struct {
	space   *space.Space
	dir     string
	reads   atomic.Int64
	hanging chan struct{} // gets a value when hang is read
}

func open(t *testing.T) *clock {
	k := &clock{dir: "/" + strconv.Itoa(os.Getpid()) + "/clock", hanging: make(chan struct{}, 10)}
	plugin := plugins.Plugin{Name: "clock", Doc: "for tests", Open: func(plugins.Config) (nodes.Dir, io.Closer, error) {
		return nodes.Directory("clock", "for tests",
			nodes.Value("reads", "how often it was read", func(context.Context) (int64, error) { return k.reads.Add(1), nil }),
			nodes.Static("still", "never changes", []byte("still\n")),
			nodes.Static("a b", "needs quotes", []byte("quoted\n")),
			nodes.Static("long", "does not fit", bytes.Repeat([]byte("line\n"), 1<<20)),
			nodes.Text("hang", "never ends", func(ctx context.Context, _ io.Writer) error {
				k.hanging <- struct{}{}
				<-ctx.Done()
				return ctx.Err()
			}),
		), nil, nil
	}}
	_, config := servetest.Start(t, "", plugin)
	k.space = space.New([]*client.Config{config}, time.Minute)
	t.Cleanup(k.space.Close)
	return k
}

// exec runs a line in a shell.
func (k *clock) exec(ctx context.Context, line string, stdout, stderr io.Writer) int {
	cat := verb.Verb{Name: "cat", Examples: []string{"cat"}, Flags: verb.Plain(func(ctx context.Context, c *verb.Call) error {
		return c.Each(ctx, c.Args, func(in *verb.Input) error { _, err := in.WriteTo(c.Stdout); return err })
	})}
	sh, err := shell.New(shell.Options{Space: k.space, Verbs: []verb.Verb{cat}, Stdout: stdout, Stderr: stderr, Dir: k.dir})
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 100
	}
	return sh.Script(ctx, "watch", line)
}

func (k *clock) watch(ctx context.Context, stdout, stderr io.Writer, terminal *verb.Terminal, args ...string) int {
	c := &verb.Call{Dir: k.dir, Space: k.space, Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr, Terminal: terminal, Exec: k.exec}
	return Verbs()[0].Do(ctx, c, args)
}

func TestWatch(t *testing.T) {
	k := open(t)
	for _, tt := range []struct {
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{[]string{"-c", "3", "cat reads"}, 0, "1\n2\n3\n", ""},
		{[]string{"-c", "2", "cat", "still"}, 0, "still\nstill\n", ""},
		{[]string{"-c", "1", "cat", "a b"}, 0, "quoted\n", ""},
		{[]string{"-c", "1", "cat still; cat 'a b'"}, 0, "still\nquoted\n", ""},
		{[]string{"-u", "^5$", "cat reads"}, 0, "1\n2\n3\n4\n5\n", ""},
		{[]string{"-c", "5", "-u", "^5$", "cat reads"}, 0, "1\n2\n3\n4\n5\n", ""},
		{[]string{"-c", "4", "-u", "^5$", "cat reads"}, 1, "1\n2\n3\n4\n", ""},
		{[]string{"-u", "^quoted$", "cat still 'a b'"}, 0, "still\nquoted\n", ""},
		{[]string{"-g", "cat reads"}, 0, "1\n2\n", ""},
		{[]string{"-g", "-c", "2", "cat still"}, 1, "still\nstill\n", ""},
		{[]string{"-c", "2", "cat nosuch"}, 1, "", strings.Repeat("ispy: NAME/nosuch: no such file\n", 2)},
		{[]string{"-u", "no such", "cat nosuch"}, 0, "", "ispy: NAME/nosuch: no such file\n"},
		{[]string{"-c", "1", "cat", "-x"}, 2, "", "ispy: cat: unknown shorthand flag: 'x' in -x; the form is: cat\n"},
		{nil, 2, "", "ispy: watch: the form is: watch [-n SECONDS] [-c COUNT] [-u REGEXP] [-g] VERB...\n"},
		{[]string{"-n", "soon", "cat still"}, 2, "", "ispy: watch: -n soon: a number of seconds is wanted, at least 0.1\n"},
		{[]string{"-n", "0", "cat still"}, 2, "", "ispy: watch: -n 0: a number of seconds is wanted, at least 0.1\n"},
		{[]string{"-n", "-1", "cat still"}, 2, "", "ispy: watch: -n -1: a number of seconds is wanted, at least 0.1\n"},
		{[]string{"-n", "nan", "cat still"}, 2, "", "ispy: watch: -n nan: a number of seconds is wanted, at least 0.1\n"},
		{[]string{"-n", "inf", "cat still"}, 2, "", "ispy: watch: -n inf: a number of seconds is wanted, at least 0.1\n"},
		{[]string{"-c", "0", "cat still"}, 2, "", "ispy: watch: -c 0: the least number of runs is 1\n"},
		{[]string{"-u", "a(", "cat still"}, 2, "", "ispy: watch: -u a(: error parsing regexp: missing closing ): `a(`\n"},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			k.reads.Store(0)
			args := tt.args
			if len(args) > 0 && args[0] != "-n" {
				args = append([]string{"-n", "0.1"}, args...)
			}
			var stdout, stderr bytes.Buffer
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			code := k.watch(ctx, &stdout, &stderr, nil, args...)
			errs := strings.ReplaceAll(stderr.String(), k.dir, "NAME")
			if code != tt.code || stdout.String() != tt.stdout || errs != tt.stderr {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, &stdout, errs)
			}
		})
	}
}

// It stops at once, between two runs and in the middle of one.
func TestStop(t *testing.T) {
	k := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	shown := writerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil })
	if code := k.watch(ctx, shown, io.Discard, nil, "-n", "100000", "cat still"); code != verb.Interrupted {
		t.Errorf("between runs: exit code %d", code)
	}
	ctx, cancel = context.WithCancel(t.Context())
	go func() {
		<-k.hanging
		cancel()
	}()
	if code := k.watch(ctx, io.Discard, io.Discard, nil, "cat hang"); code != verb.Interrupted {
		t.Errorf("in a run: exit code %d", code)
	}
}

// When nobody reads any more, as in watch … | head, it ends.
func TestNoReader(t *testing.T) {
	k := open(t)
	gone := writerFunc(func([]byte) (int, error) { return 0, syscall.EPIPE })
	var stderr bytes.Buffer
	if code := k.watch(t.Context(), gone, &stderr, nil, "cat still"); code != 128+int(syscall.SIGPIPE) {
		t.Errorf("exit code %d, stderr %q", code, &stderr)
	}
}

// What a run prints without end is not kept without end.
func TestBounded(t *testing.T) {
	k := open(t)
	out := newOutput(nil, nil)
	if code := k.exec(t.Context(), "cat long", out.stdout(), out.stderr()); code != 0 || len(out.text) != maxOutput {
		t.Errorf("exit code %d, %d bytes", code, len(out.text))
	}
	// That which is not kept makes a difference all the same.
	other := newOutput(nil, nil)
	k.exec(t.Context(), "cat long still", other.stdout(), other.stderr())
	if out.same(other) || !out.same(out) {
		t.Error("the sum does not tell them apart")
	}
}

// On a terminal each run is one write that covers the one before.
func TestTerminal(t *testing.T) {
	k := open(t)
	var mu sync.Mutex
	var writes []string
	screenWriter := writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		writes = append(writes, string(p))
		return len(p), nil
	})
	size := func() (int, int) { return 60, 3 }
	code := k.watch(t.Context(), screenWriter, io.Discard, &verb.Terminal{Size: size}, "-n", "0.1", "-c", "2", "cat reads; cat nosuch; cat long")
	if code != 0 || len(writes) != 3 || writes[2] != "\n" {
		t.Fatalf("exit code %d, writes %q", code, writes)
	}
	for i, w := range writes[:2] {
		if !strings.HasPrefix(w, home+"Every 0.1s: cat reads; cat nosuch; cat long") || !strings.HasSuffix(w, eraseLine+"\r\n"+eraseLine+"\r\n"+strconv.Itoa(i+1)+eraseLine+eraseRest) {
			t.Errorf("run %d: %q", i+1, w)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestScreen(t *testing.T) {
	title := [2]string{"Every 2s: cat x", "14:03:05"}
	for _, tt := range []struct {
		name           string
		text           string
		columns, lines int
		want           []string
	}{
		{"fits", "a\nb\n", 30, 5, []string{"Every 2s: cat x       14:03:05", "", "a", "b"}},
		{"empty", "", 30, 5, []string{"Every 2s: cat x       14:03:05", ""}},
		{"no last newline", "a", 30, 5, []string{"Every 2s: cat x       14:03:05", "", "a"}},
		{"too many lines", "a\nb\nc\n", 30, 4, []string{"Every 2s: cat x       14:03:05", "", "a", "b"}},
		{"too wide", "0123456789012345\n", 12, 5, []string{"Every 2s: ca", "", "012345678901"}},
		{"title cut", "", 22, 2, []string{"Every 2s: cat 14:03:05", ""}},
		{"tabs", "a\tb\t\tc\n", 30, 5, []string{"Every 2s: cat x       14:03:05", "", "a       b               c"}},
		{"wide runes", "世界世界\n", 7, 5, []string{"Every 2", "", "世界世"}},
		{"marks", "e\u0301e\u0301e\u0301\n", 2, 5, []string{"Ev", "", "e\u0301e\u0301"}},
		{"control", "\x1b[2Ja\ab\x9bc\xff\x00\n", 30, 5, []string{"Every 2s: cat x       14:03:05", "", "?[2Ja?b?c??"}},
		{"crlf", "a\r\nb\rc\n", 30, 5, []string{"Every 2s: cat x       14:03:05", "", "a", "b?c"}},
		{"no size", "a\n", 0, 0, []string{"E"}},
	} {
		want := home + strings.Join(tt.want, eraseLine+"\r\n") + eraseLine + eraseRest
		if got := string(screen(title, []byte(tt.text), tt.columns, tt.lines)); got != want {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, want)
		}
	}
}

func TestCommandLine(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"cat x | wc"}, "cat x | wc"},
		{[]string{"grep", "a b", "*.x", "$HOME", "it's"}, `grep 'a b' '*.x' '$HOME' "it's"`},
		{[]string{"echo", ""}, "echo ''"},
	} {
		if got, err := commandLine(tt.args); err != nil || got != tt.want {
			t.Errorf("%q: %q, %v, want %q", tt.args, got, err, tt.want)
		}
	}
	if _, err := commandLine([]string{"a", "b\x00"}); verb.ExitCode(err) != verb.Usage {
		t.Errorf("NUL: %v", err)
	}
}
