package log

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"

	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/nodes/nodetest"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

// tree opens the plugin for a test.
func tree(t testing.TB, config string) nodes.Dir {
	t.Helper()
	dir, closer, err := Plugin.Open(plugintest.Config(t, "log", config))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		closer.Close()
		top.set(level{own: true})
		for _, g := range allGroups() {
			g.set(level{own: true})
		}
		requests.Lock()
		defer requests.Unlock()
		sweep()
	})
	return dir
}

func read(t testing.TB, dir nodes.Dir, name string) string {
	t.Helper()
	b, err := fs.ReadFile(nodes.FS(t.Context(), dir), name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(ctx context.Context, t testing.TB, dir nodes.Dir, name, text string) error {
	t.Helper()
	n, err := nodes.Walk(ctx, dir, name)
	if err != nil {
		t.Fatal(err)
	}
	h, err := n.(nodes.File).Open(ctx, nodes.Write)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	_, err = h.WriteAt(ctx, []byte(text), 0)
	return err
}

// alive is the logger of the test that runs: its level is shown as long as it is
// in use.
var alive *slog.Logger

// program is a program's logger, and what it has written.
func program(l slog.Leveler) (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	alive = slog.New(Handler(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: l, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})))
	return alive, &b
}

func TestConformance(t *testing.T) {
	logger, _ := program(slog.LevelInfo)
	logger.WithGroup("db").WithGroup("a/b").Info("begun")
	nodetest.Check(t, func(t *testing.T) (nodes.Dir, io.Closer) {
		dir, closer, err := Plugin.Open(plugintest.Config(t, "log", ""))
		if err != nil {
			t.Fatal(err)
		}
		logger.Info("a line")
		return dir, closer
	})
}

func TestConfig(t *testing.T) {
	for text, want := range map[string]string{
		"tail = 12":        "test.toml:2: log.tail: must be a number of bytes from 1024 to 67108864, or 0 to keep none",
		"tail = -1":        "test.toml:2: log.tail: must be a number of bytes",
		`tail = "1MB"`:     "test.toml:2: log.tail: must be a number of bytes",
		`format = "xml"`:   `test.toml:2: log.format: must be "json" or "text"`,
		"format = 1":       `test.toml:2: log.format: must be "json" or "text"`,
		`formt = "json"`:   "test.toml:2: log.formt: unknown key (near: format)",
		"tail = 100000000": "test.toml:2: log.tail: must be",
	} {
		_, _, err := Plugin.Open(plugintest.Config(t, "log", "[log]\n"+text+"\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// The handler keeps the rules of slog, as the program's own handler sees them and
// as the tail does.
func TestSlogtest(t *testing.T) {
	parse := func(t *testing.T, lines string) map[string]any {
		t.Helper()
		var m map[string]any
		if err := json.Unmarshal([]byte(lines), &m); err != nil {
			t.Fatalf("%v: %q", err, lines)
		}
		return m
	}
	t.Run("program", func(t *testing.T) {
		var b bytes.Buffer
		slogtest.Run(t, func(*testing.T) slog.Handler {
			b.Reset()
			return Handler(slog.NewJSONHandler(&b, nil))
		}, func(t *testing.T) map[string]any { return parse(t, b.String()) })
	})
	var dir nodes.Dir
	t.Run("tail", func(t *testing.T) {
		slogtest.Run(t, func(t *testing.T) slog.Handler {
			dir = tree(t, "")
			return Handler(slog.NewJSONHandler(io.Discard, nil))
		}, func(t *testing.T) map[string]any { return parse(t, read(t, dir, "tail")) })
	})
}

// A program that does not wrap its handler is told how.
func TestNotWrapped(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestNotWrappedChild$", "-test.v")
	cmd.Env = append(os.Environ(), "LOG_TEST_CHILD=1")
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("PASS: TestNotWrappedChild")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestNotWrappedChild(t *testing.T) {
	if os.Getenv("LOG_TEST_CHILD") == "" {
		t.Skip("run by TestNotWrapped")
	}
	dir := tree(t, "")
	if got := read(t, dir, "level"); got != "none\n" {
		t.Errorf("level %q", got)
	}
	for name, text := range map[string]string{"level": "debug", "ctl": "request 1 debug"} {
		if err := write(t.Context(), t, dir, name, text); !errors.Is(err, nodes.ErrNotSupported) || !strings.Contains(err.Error(), "log.Handler(h)") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// To wrap the handler that slog begins with makes no program hang.
func TestFirstDefault(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestFirstDefaultChild$")
	cmd.Env = append(os.Environ(), "LOG_TEST_CHILD=1")
	out, err := cmd.CombinedOutput()
	for _, want := range []string{" INFO hello a=1 g.b=\"x y\" g.msg=2\n", " INFO by package log\n", " DEBUG loud\n", " INFO \n"} {
		if err != nil || !bytes.Contains(out, []byte(want)) {
			t.Errorf("%v, no %q in\n%s", err, want, out)
		}
	}
	if bytes.Contains(out, []byte("quiet")) {
		t.Errorf("%s", out)
	}
}

func TestFirstDefaultChild(t *testing.T) {
	if os.Getenv("LOG_TEST_CHILD") == "" {
		t.Skip("run by TestFirstDefault")
	}
	dir := tree(t, "")
	slog.SetDefault(slog.New(Handler(slog.Default().Handler())))
	slog.With("a", 1).WithGroup("g").Info("hello", "b", "x y", "msg", 2)
	slog.Debug("quiet")
	slog.Info("")
	slog.NewLogLogger(slog.Default().Handler(), slog.LevelInfo).Print("by package log")
	if err := write(t.Context(), t, dir, "level", "debug"); err != nil {
		t.Fatal(err)
	}
	slog.Debug("loud")
	if got := strings.Count(read(t, dir, "tail"), "\n"); got != 4 {
		t.Errorf("%d lines", got)
	}
}

// What the program writes is the same with and without a server, and lines are
// kept from when it starts to when it closes.
func TestBeforeAndAfter(t *testing.T) {
	logger, out := program(slog.LevelInfo)
	logger = logger.With("since", "before")
	log := func(msg string) {
		t.Helper()
		out.Reset()
		logger.Info(msg, "n", 1)
		if got, want := out.String(), "level=INFO msg="+msg+" since=before n=1\n"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	log("before")
	dir, closer, err := Plugin.Open(plugintest.Config(t, "log", "[log]\nformat = \"text\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	log("during")
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
	log("after")
	got := read(t, dir, "tail")
	if _, got, _ = strings.Cut(got, " "); got != "level=INFO msg=during since=before n=1\n" {
		t.Errorf("tail %q", got)
	}
	again := tree(t, "")
	log("again")
	if got := read(t, again, "tail"); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"msg":"again","since":"before","n":1}`) {
		t.Errorf("tail %q", got)
	}
}

func TestTailOff(t *testing.T) {
	dir := tree(t, "[log]\ntail = 0\n")
	logger, _ := program(slog.LevelInfo)
	r := request.New("test")
	defer r.Done()
	logger.InfoContext(r.Context(t.Context()), "of a request")
	logger.Info("of none")
	if got := read(t, dir, "tail"); got != "not kept: tail = 0 in the section [log] of the configuration\n" {
		t.Errorf("tail %q", got)
	}
	if kept, _ := r.Lines(); len(kept) != 1 || !bytes.Contains(kept[0], []byte(`"msg":"of a request"`)) {
		t.Errorf("lines %q", kept)
	}
}

// The tail is bounded, and who comes late is told what is missing.
func TestTailIsBounded(t *testing.T) {
	dir := tree(t, "[log]\ntail = 1024\n")
	logger, _ := program(slog.LevelInfo)
	n, err := nodes.Lookup(t.Context(), dir, "tail")
	if err != nil {
		t.Fatal(err)
	}
	logger.Info("first")
	h, err := n.(nodes.File).Open(t.Context(), nodes.Read)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for i := range 100 {
		logger.Info("line", "i", i)
	}
	buf := make([]byte, 4096)
	got, err := h.ReadAt(t.Context(), buf, 0)
	if err != nil || !strings.HasSuffix(string(buf[:got]), " records dropped\n") {
		t.Errorf("%q, %v", buf[:got], err)
	}
	if got := read(t, dir, "tail"); len(got) > 1024 || !strings.HasSuffix(got, `"i":99}`+"\n") {
		t.Errorf("tail of %d bytes: %q", len(got), got)
	}
}

func TestLongLine(t *testing.T) {
	for _, format := range []string{"json", "text"} {
		t.Run(format, func(t *testing.T) {
			dir := tree(t, "[log]\nformat = \""+format+"\"\n")
			logger, out := program(slog.LevelInfo)
			logger.Info(strings.Repeat("ä", 600), "big", strings.Repeat("x", maxLine))
			if out.Len() < maxLine {
				t.Errorf("the program's line has %d bytes", out.Len())
			}
			got := read(t, dir, "tail")
			if len(got) > 2*maxMessage || !strings.Contains(got, "more than the 16384 that are kept") || !strings.Contains(got, "ää...") {
				t.Errorf("%d bytes: %q", len(got), got)
			}
			if format == "json" && !json.Valid([]byte(got)) {
				t.Errorf("no JSON: %s", got)
			}
		})
	}
}

func TestRequests(t *testing.T) {
	dir := tree(t, "")
	logger, out := program(slog.LevelInfo)
	r := request.New("test")
	ctx := r.Context(t.Context())
	verb := func(format string, args ...any) error {
		return write(t.Context(), t, dir, "ctl", fmt.Sprintf(format, args...))
	}
	if err := verb("request %d debug", r.ID()); err != nil {
		t.Fatal(err)
	}
	logger.DebugContext(ctx, "of the request")
	logger.Debug("of none")
	if got := out.String(); got != "level=DEBUG msg=\"of the request\"\n" {
		t.Errorf("logged %q", got)
	}
	kept, _ := r.Lines()
	if len(kept) != 1 || !bytes.Contains(kept[0], []byte(`"msg":"of the request"`)) {
		t.Errorf("lines %q", kept)
	}
	if err := write(t.Context(), t, dir, "level", "error"); err != nil {
		t.Fatal(err)
	}
	if !logger.Enabled(ctx, slog.LevelDebug) || logger.Enabled(t.Context(), slog.LevelWarn) {
		t.Error("the level of the request does not come first")
	}
	if err := write(t.Context(), t, dir, "level", "default"); err != nil {
		t.Fatal(err)
	}
	if err := verb("request %d default", r.ID()); err != nil || logger.Enabled(ctx, slog.LevelDebug) || overrides.Load() != 0 {
		t.Errorf("default: %v; %d levels are set", err, overrides.Load())
	}

	// A lease ends, with the server or the request.
	leases := nodes.NewLeases(nil)
	leased := nodes.WithLeases(t.Context(), leases, "log/ctl")
	if err := write(leased, t, dir, "ctl", fmt.Sprintf("request %d debug for=1h", r.ID())); err != nil {
		t.Fatal(err)
	}
	if l := leases.List(); len(l) != 1 || l[0].Setting != fmt.Sprintf("log/ctl request %d", r.ID()) || l[0].Value != "debug" || l[0].Own != "default" {
		t.Errorf("leases %+v", l)
	}
	if err := leases.Close(t.Context()); err != nil || logger.Enabled(ctx, slog.LevelDebug) || overrides.Load() != 0 {
		t.Errorf("after the lease: %v; %d levels are set", err, overrides.Load())
	}
	if err := verb("request %d debug", r.ID()); err != nil {
		t.Fatal(err)
	}
	r.Done()
	for range 1024 {
		logger.Enabled(t.Context(), slog.LevelDebug)
	}
	if n := overrides.Load(); n != 0 {
		t.Errorf("the request is done, but %d levels are set", n)
	}

	for text, want := range map[string]string{
		fmt.Sprintf("request %d debug", r.ID()):  fmt.Sprintf("request %d is not in flight", r.ID()),
		"request x debug":                        `request: "x" is not the number of a request`,
		"request 1 loud":                         `"loud" is none of`,
		"request 1 debug for=abc":                `for=abc: "abc" is not a duration`,
		"request 1 debug for=-1s":                "must be more than 0 and at most 24h0m0s",
		"request 1 for=1s":                       "the form is: request ID level [for=DURATION]",
		"request 1 debug info":                   "the form is: request ID level [for=DURATION]",
		"request":                                "the form is: request ID level [for=DURATION]",
		"requst 1 debug":                         "(near: request)",
		"request 99999999999999999999999 debug ": "is not the number of a request",
	} {
		if err := verb("%s", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// Groups are bounded, and their names may be anything.
func TestGroups(t *testing.T) {
	dir := tree(t, "")
	logger, _ := program(slog.LevelInfo)
	logger.WithGroup("a/b%").Info("x")
	if err := write(t.Context(), t, dir, "levels/a%2Fb%25", "error"); err != nil {
		t.Fatal(err)
	}
	if logger.WithGroup("a/b%").Enabled(t.Context(), slog.LevelWarn) || !logger.Enabled(t.Context(), slog.LevelWarn) {
		t.Error("the level of the group does not count")
	}
	if err := write(t.Context(), t, dir, "levels/a%2Fb%25", "default"); err != nil {
		t.Fatal(err)
	}
	groups.Lock()
	before := groups.list
	groups.Unlock()
	t.Cleanup(func() {
		groups.Lock()
		defer groups.Unlock()
		for _, g := range groups.list[len(before):] {
			g.parent.children.Delete(g.path)
		}
		groups.list = before
	})
	for i := range 1000 {
		logger.WithGroup(fmt.Sprint("g", i)).Info("x")
	}
	logger.WithGroup(strings.Repeat("x", 1000)).Info("x")
	if n := len(allGroups()); n != maxGroups {
		t.Errorf("%d groups", n)
	}
	if err := write(t.Context(), t, dir, "level", "error"); err != nil {
		t.Fatal(err)
	}
	if logger.WithGroup("g999").Enabled(t.Context(), slog.LevelWarn) {
		t.Error("a group that is not known apart has not the level of all")
	}
}

// Loggers in many goroutines, while levels change and the tail is read.
func TestAtOnce(t *testing.T) {
	dir := tree(t, "[log]\ntail = 4096\n")
	logger := slog.New(Handler(slog.NewTextHandler(io.Discard, nil)))
	alive = logger
	leases := nodes.NewLeases(nil)
	ctx := nodes.WithLeases(t.Context(), leases, "log/level")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			r := request.New("test")
			defer r.Done()
			for j := range 100 {
				logger.WithGroup("g").With("i", i).DebugContext(r.Context(t.Context()), "x", "j", j, "err", io.EOF)
				logger.Info("y")
			}
		})
		wg.Go(func() {
			for range 20 {
				write(ctx, t, dir, "level", "debug for=1ms")
				write(t.Context(), t, dir, "ctl", fmt.Sprintf("request %d debug", request.Last()))
				read(t, dir, "tail")
				read(t, dir, "level")
			}
		})
	}
	wg.Wait()
	if err := leases.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if got := read(t, dir, "level"); got != "info\n" {
		t.Errorf("level %q", got)
	}
	for line := range strings.Lines(read(t, dir, "tail")) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %q", line)
		}
	}
}
