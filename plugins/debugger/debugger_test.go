package debugger_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"

	"github.com/ispyd/ispyd/internal/minicore"
	"github.com/ispyd/ispyd/internal/probes/panics"
	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/nodes/nodetest"
	"github.com/ispyd/ispyd/plugins/debugger"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

func nullLog() *log.Logger { return log.New(io.Discard, "", 0) }

func TestTree(t *testing.T) {
	for name, conf := range map[string]string{
		"disabled":   "",
		"enabled":    on,
		"engine off": on + "engine = false\n",
		"misguided":  on + "insert = [\"main.nothing\", \"-x y\", \"\"]\nrate = -1\non-crash = true\ndir = \"relative\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			nodetest.Check(t, func(t *testing.T) (nodes.Dir, io.Closer) {
				dir, closer, err := debugger.Plugin.Open(plugintest.Config(t, "debugger", conf))
				if err != nil {
					t.Fatal(err)
				}
				return dir, closer
			})
		})
	}
	t.Run("with tracebacks", func(t *testing.T) {
		needEngine(t)
		nodetest.Check(t, func(t *testing.T) (nodes.Dir, io.Closer) {
			dir, closer, err := debugger.Plugin.Open(plugintest.Config(t, "debugger", on+"share = 100\ninsert = [\""+order+"\"]\n"))
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				caught(func() { newShop().order(7, "Ada") })
			}
			tr := &tree{t: t, dir: dir, fs: nodes.FS(context.Background(), dir)}
			await(t, "three tracebacks", func() bool { return len(tr.list("tracebacks")) == 3 })
			return dir, closer
		})
	})
}

func TestDisabled(t *testing.T) {
	tr := opened(t, "")
	for _, name := range []string{"status", "ctl"} {
		if got := tr.read(name); !strings.Contains(got, "set enabled = true in the section [debugger]") {
			t.Errorf("%s does not say how to turn it on: %q", name, got)
		}
	}
	for _, line := range []string{"insert main.main\n", "off\n", "nonsense\n", "insert\n", "reset", "\n"} {
		if err := tr.write(line); !errors.Is(err, nodes.ErrDisabled) || !strings.Contains(err.Error(), "enabled = true") {
			t.Errorf("%q: %v", line, err)
		}
	}
	if panics.Installed() {
		t.Error("the hook is in")
	}
}

func TestPanic(t *testing.T) {
	needEngine(t)
	tr := opened(t, on)
	tr.must("insert " + order)
	if !panics.Installed() {
		t.Error("the hook is not in")
	}
	bare := fmt.Sprint(caught(func() { newShop().order(7, "Ada") }))
	if bare != "runtime error: index out of range [7] with length 2" {
		t.Errorf("the program sees %s", bare)
	}
	text := tr.awaitFile("tracebacks/latest/traceback", "order")
	want := "panic: runtime error: index out of range [7] with length 2\n\ngoroutine "
	if !strings.HasPrefix(text, want) || !strings.Contains(text, " [running]:\n"+order+"(") {
		t.Errorf("the traceback is\n%s", text)
	}
	if strings.Contains(text, "debugger.(*plugin)") || strings.Contains(text, "internal/probes") {
		t.Errorf("the debugger is in the traceback:\n%s", text)
	}
	for name, want := range map[string]string{
		"panic":     "type\truntime.boundsError\nvalue\truntime error: index out of range [7] with length 2\n",
		"request":   "0\n",
		"summary":   "kind\tpanic\n",
		"goroutine": "creator\ttesting.(*T).Run\n",
	} {
		for _, traceback := range []string{"1", "latest", nodes.Escape(order)} {
			if got := tr.read("tracebacks/" + traceback + "/" + name); !strings.Contains(got, want) {
				t.Errorf("%s of %s: %q, not %q", name, traceback, got, want)
			}
		}
	}
	if got := tr.column(order, "hits") + tr.column(order, "captured") + tr.column(order, "skipped"); got != "110" {
		t.Errorf("hits, captured and skipped are %s", got)
	}
	if got := tr.read("events"); !strings.Contains(got, "\tpanic\t"+order+"\ttracebacks/1\t"+order+"\truntime error: index") {
		t.Errorf("events: %s", got)
	}
	info, _, err := minicore.ReadInfo(strings.NewReader(tr.read("tracebacks/1/core")))
	if err != nil || info.Kind != minicore.KindPanic {
		t.Errorf("the core: %+v %v", info, err)
	}
	tr.must("off")
	unchanged(t)
	caught(func() { newShop().order(7, "Ada") })
	if n := len(tr.list("tracebacks")); n != 1 {
		t.Errorf("%d tracebacks after off", n)
	}
}

// A core is the program's memory: it is not among what is listed, and not for peers
// on the network.
func TestCoreIsPrivate(t *testing.T) {
	needEngine(t)
	tr := opened(t, on)
	tr.must("insert " + order)
	caught(func() { newShop().order(7, "Ada") })
	tr.awaitFile("tracebacks/1/traceback", "order")
	for _, name := range tr.list("tracebacks/1") {
		if name == "core" {
			t.Error("the core is listed")
		}
	}
	n, err := nodes.Walk(t.Context(), tr.dir, "tracebacks/1/core")
	if err != nil {
		t.Fatal(err)
	}
	core := n.(nodes.File)
	if a := core.Attr(); a.Mode != 0o400 || a.Size == 0 {
		t.Errorf("attributes %+v", a)
	}
	remote := nodes.WithPeer(t.Context(), nodes.Peer{UID: -1, PID: -1, Addr: "192.0.2.1:99"})
	if _, err := core.Open(remote, nodes.Read); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a peer on the network: %v", err)
	}
}

func TestKindsOfPanics(t *testing.T) {
	needEngine(t)
	tr := opened(t, on+"burst = 100\nshare = 100\n")
	tr.must("insert " + pkg + "*")
	type code int
	type point struct{ x, y int }
	locked := make(chan struct{})
	for i, test := range []struct {
		value any
		want  string
	}{
		{"text", "type\tstring\nvalue\ttext\n"},
		{errors.New("an error"), "value\tan error\n"},
		{42, "type\tint\nvalue\t42\n"},
		{code(7), "value\tdebugger_test.code(7)\n"},
		{point{1, 2}, "value\t(debugger_test.point)\n"},
		{speaker("hello"), "value\tspeaker hello\n"},
		{nil, "type\t*runtime.PanicNilError\nvalue\tpanic called with nil argument\n"},
		{waiting{locked}, "value\t(debugger_test.waiting) (its method did not say more in time)\n"},
		{broken{}, "value\t(its method panics)\n"},
		{"two\nlines password=hunter2", "value\ttwo\\nlines password=[redacted]\n"},
	} {
		if got := caught(func() { panic(test.value) }); test.value != nil && got != test.value {
			t.Errorf("the program sees %v, not %v", got, test.value)
		}
		if got := tr.awaitFile(fmt.Sprintf("tracebacks/%d/panic", i+1), "value"); !strings.Contains(got, test.want) {
			t.Errorf("%v: %q, not %q", test.value, got, test.want)
		}
	}
	close(locked)
}

type speaker string

func (s speaker) String() string { return "speaker " + string(s) }

// waiting is an error whose text wants what the panicking goroutine has.
type waiting struct{ locked chan struct{} }

func (w waiting) Error() string {
	<-w.locked
	return "at last"
}

type broken struct{}

func (broken) Error() string { panic("not even that") }

func TestLabels(t *testing.T) {
	needEngine(t)
	tr := opened(t, on)
	tr.must("insert " + order)
	pprof.Do(t.Context(), pprof.Labels(request.Label, "4711", "token", "secret", "shop", "corner"), func(context.Context) {
		caught(func() { newShop().order(7, "Ada") })
	})
	tr.awaitFile("tracebacks/1/traceback", "order")
	if got := tr.read("tracebacks/1/request"); got != "4711\n" {
		t.Errorf("request %q", got)
	}
	got := tr.read("tracebacks/1/labels")
	for _, want := range []string{"shop\tcorner\n", "token\t[redacted]\n", request.Label + "\t4711\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("the labels lack %q: %q", want, got)
		}
	}
}

func TestBadInput(t *testing.T) {
	needEngine(t)
	tr := opened(t, on)
	tr.must("insert " + order)
	for _, test := range []struct {
		line string
		want error
		text string
	}{
		{"insert " + order, fs.ErrExist, "there is a probe panic on " + order},
		{"insert github.com/ispyd/ispyd/plugins/debugger_test:shop.order", fs.ErrExist, "already"},
		{"insert " + pkg + "(*shop).ordr", fs.ErrNotExist, "(near: " + order},
		{"insert nosuch.Function", fs.ErrNotExist, "the file functions lists them"},
		{"insert nosuch.*", fs.ErrNotExist, "no function"},
		{"insert", fs.ErrInvalid, "the form is"},
		{"insert -eror main.main", fs.ErrInvalid, "there is -error"},
		{"insert main.main main.init", fs.ErrInvalid, "one function"},
		{"insert " + parse + " for=never", fs.ErrInvalid, "not a duration"},
		{"insert -error", fs.ErrInvalid, "missing"},
		{"insert " + strings.Repeat("x", 2000), fs.ErrInvalid, "at most 1024 bytes"},
		{"insert \x00\xff\x01", fs.ErrNotExist, "no function"},
		{"remove " + parse, fs.ErrNotExist, "there is no probe"},
		{"remove " + pkg + "(*shop).ordr", fs.ErrNotExist, "(near: " + order + ")"},
		{"discard 7", fs.ErrNotExist, "no traceback"},
		{"discard latest", fs.ErrNotExist, "no traceback"},
		{"discard " + order, fs.ErrNotExist, "no traceback"},
		{"limit", fs.ErrInvalid, "the form is"},
		{"limit for=3s", fs.ErrInvalid, "a key is missing"},
		{"limit rat=1", fs.ErrInvalid, "(near: rate)"},
		{"limit rate", fs.ErrInvalid, "KEY=VALUE"},
		{"limit rate=0", fs.ErrInvalid, "more than 0"},
		{"limit rate=NaN", fs.ErrInvalid, "more than 0"},
		{"limit rate=x", fs.ErrInvalid, "not a number"},
		{"limit burst=0", fs.ErrInvalid, "from 1"},
		{"limit bytes=1", fs.ErrInvalid, "from 1MiB"},
		{"limit bytes=many", fs.ErrInvalid, "not a number of bytes"},
		{"limit share=101", fs.ErrInvalid, "percent"},
		{"limit tracebacks=-1", fs.ErrInvalid, "from 1"},
		{"observe", fs.ErrInvalid, "the form is"},
		{"observe main.main count=0", fs.ErrInvalid, "from 1"},
		{"observe main.main for=0s", fs.ErrInvalid, "duration"},
		{"observe main.main for=1000h", fs.ErrInvalid, "duration"},
		{"observe main.main if=sloww:1s", fs.ErrInvalid, "(near: slower)"},
		{"observe main.main if=slower:fast", fs.ErrInvalid, "duration"},
		{"observe main.main main.init", fs.ErrInvalid, "there are count"},
		{"observe count=3", fs.ErrInvalid, "function is missing"},
		{"inset " + parse, fs.ErrInvalid, "(near: insert)"},
		{"off now", fs.ErrInvalid, "no arguments"},
	} {
		err := tr.write(test.line + "\n")
		if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%.60q: %v; want %v with %q", test.line, err, test.want, test.text)
		}
	}
	for _, text := range []string{"", "\n", "\n\n"} {
		if err := tr.write(text); err != nil && !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := tr.write(strings.Repeat("\xff\x00\n", 1<<19)); err == nil {
		t.Error("1 MB of nonsense is taken")
	}
	if err := tr.write("insert " + strings.Repeat("y", 1<<20) + "\n"); err == nil {
		t.Error("a name of 1 MB is taken")
	}
	if n := strings.Count(tr.read("probes"), "\n"); n != 2 {
		t.Errorf("probes:\n%s", tr.read("probes"))
	}
}

func TestRemoveAndReset(t *testing.T) {
	needEngine(t)
	tr := opened(t, on)
	tr.must("insert " + order)
	tr.must("insert github.com/ispyd/ispyd/plugins/debugger_test:shop.parse")
	caught(func() { newShop().order(7, "Ada") })
	caught(func() { newShop().parse("") })
	await(t, "two tracebacks", func() bool { return len(tr.list("tracebacks")) == 2 })
	tr.must("remove " + order)
	if !panics.Installed() {
		t.Error("the hook went with the first of two probes")
	}
	caught(func() { newShop().order(7, "Ada") })
	tr.must("discard " + order)
	if got := tr.list("tracebacks"); len(got) != 1 || got[0] != "2" {
		t.Errorf("tracebacks %v", got)
	}
	tr.must("discard all")
	if got := tr.list("tracebacks"); len(got) != 0 {
		t.Errorf("tracebacks %v", got)
	}
	tr.must("remove github.com/ispyd/ispyd/plugins/debugger_test:shop.parse")
	unchanged(t)
	if err := tr.write("remove " + parse + "\n"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed twice: %v", err)
	}
}

func TestLimits(t *testing.T) {
	needEngine(t)
	tr := opened(t, on)
	tr.must("limit rate=0.001 burst=3 tracebacks=2")
	tr.must("insert " + order)
	for range 10 {
		caught(func() { newShop().order(7, "Ada") })
	}
	await(t, "three captures", func() bool { return tr.column(order, "captured") == "3" })
	if hits, skipped := tr.column(order, "hits"), tr.column(order, "skipped"); hits != "10" || skipped != "7" {
		t.Errorf("%s hits, %s skipped", hits, skipped)
	}
	if got := tr.list("tracebacks"); len(got) != 2 || got[0] != "2" || got[1] != "3" {
		t.Errorf("tracebacks %v: the oldest goes first", got)
	}
	tr.must("limit tracebacks=1")
	if got := tr.list("tracebacks"); len(got) != 1 || got[0] != "3" {
		t.Errorf("tracebacks %v", got)
	}
	tr.must("reset")
	if got := tr.list("tracebacks"); len(got) != 0 {
		t.Errorf("after reset: tracebacks %v", got)
	}
	if got := tr.read("status"); !strings.Contains(got, "rate=1 burst=10 share=100 tracebacks=1000 bytes=64MiB") {
		t.Errorf("after reset: %s", got)
	}
	unchanged(t)
}

// Of two servers in a program one has the hook.
func TestTwoServers(t *testing.T) {
	needEngine(t)
	a, b := opened(t, on), opened(t, on)
	a.must("insert " + order)
	if err := b.write("insert " + order + "\n"); !errors.Is(err, nodes.ErrBusy) {
		t.Errorf("the second: %v", err)
	}
	a.close()
	b.must("insert " + order)
}

func TestManyAtOnce(t *testing.T) {
	needEngine(t)
	tr := opened(t, on+"rate = 1000\nburst = 1000\nshare = 100\n")
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if v := caught(func() { newShop().order(7, "Ada") }); fmt.Sprint(v) != "runtime error: index out of range [7] with length 2" {
					t.Errorf("the program sees %v", v)
				}
			}
		})
	}
	for i := range 30 {
		tr.must("insert " + order)
		if i%3 == 0 {
			await(t, "a capture", func() bool { return tr.column(order, "captured") != "0" })
		}
		for _, name := range []string{"probes", "status", "events"} {
			tr.read(name)
		}
		tr.must([]string{"off", "remove " + order, "reset"}[i%3])
		if i%3 == 2 {
			unchanged(t)
		}
	}
	close(stop)
	wg.Wait()
}
