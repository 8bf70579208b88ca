package profile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ispyd/ispyd/internal/trigger"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

// fast is a configuration that looks often.
const fast = "[profile]\ninterval = \"100ms\"\npause = \"1s\"\n"

// gauge registers a source that can be set.
func gauge(t testing.TB, name string) *atomic.Int64 {
	var n atomic.Int64
	t.Cleanup(trigger.Register(name, "a number of the test's", trigger.Count, func() float64 { return float64(n.Load()) }))
	return &n
}

func triggersOf(t testing.TB, dir nodes.Dir) (list []line) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, dir, "triggers.json")), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func names(t testing.TB, dir nodes.Dir, name string) (list []string) {
	t.Helper()
	n, err := nodes.Walk(t.Context(), dir, name)
	if err != nil {
		t.Fatal(err)
	}
	all, err := n.(nodes.Dir).List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range all {
		list = append(list, n.Name())
	}
	return list
}

func TestTrigger(t *testing.T) {
	n := gauge(t, "test.n")
	t.Cleanup(trigger.Evidence("test.active", func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, "request 1\n")
		return err
	}))
	t.Cleanup(trigger.Evidence("test.broken", func(context.Context, io.Writer) error { panic("broken") }))
	t.Cleanup(trigger.Evidence("test.endless", func(_ context.Context, w io.Writer) error {
		for {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return err
			}
		}
	}))
	t.Cleanup(trigger.Evidence("test/bad", func(context.Context, io.Writer) error { return nil }))
	dir := tree(t, fast)
	ctx := nodes.WithPeer(t.Context(), nodes.Peer{UID: 1, PID: 2})
	if err := writeAs(ctx, dir, "ctl", "flight when test.n over 10"); err != nil {
		t.Fatal(err)
	}
	if s := statusOf(t, dir); s.State != "on" || s.By != "triggers" {
		t.Errorf("the recorder: %+v", s)
	}
	if l := triggersOf(t, dir); len(l) != 1 || l[0].ID != 1 || l[0].When != "test.n over 10" || l[0].State != "armed" || *l[0].Now != 0 || l[0].From != "uid 1, pid 2" || l[0].Hits != 0 {
		t.Errorf("triggers: %+v", l)
	}
	n.Store(11)
	eventually(t, "a capture", func() bool { return len(names(t, dir, "captures")) == 1 })
	if got := strings.Join(names(t, dir, "captures/1"), " "); got != "stacks test.active test.endless trace when" {
		t.Errorf("it has %s", got)
	}
	if n, _ := events(t, read(t, dir, "captures/1/trace")); n == 0 {
		t.Error("the trace has no events")
	}
	if s := read(t, dir, "captures/1/stacks"); !strings.Contains(s, "plugins/profile.(*watcher).loop") {
		t.Errorf("stacks:\n%.300s", s)
	}
	if s := read(t, dir, "captures/1/test.active"); s != "request 1\n" {
		t.Errorf("evidence: %q", s)
	}
	if s := read(t, dir, "captures/1/test.endless"); len(s) < pieceBytes || !strings.HasSuffix(s, "\n[cut at 4194304 bytes]\n") {
		t.Errorf("evidence without an end: %d bytes", len(s))
	}
	when := read(t, dir, "captures/1/when")
	for _, want := range []string{"when\ttest.n over 10\n", "value\t11\n", "\nfrom\tuid 1, pid 2\n", "\nlacks test.broken\tpanic: broken\n", "\nlacks \"test/bad\"\t"} {
		if !strings.Contains(when, want) {
			t.Errorf("when lacks %q:\n%s", want, when)
		}
	}
	if l := triggersOf(t, dir); l[0].State != "hit" || l[0].Hits != 1 || l[0].Capture != 1 || l[0].Last == nil {
		t.Errorf("after the hit: %+v", l[0])
	}
	// Still true: nothing more. False, and true again: one more.
	n.Store(5)
	eventually(t, "it is armed again", func() bool { s := triggersOf(t, dir)[0].State; return s == "pause" || s == "armed" })
	n.Store(20)
	eventually(t, "a second capture", func() bool { return len(names(t, dir, "captures")) == 2 })
	if l := triggersOf(t, dir); l[0].Hits != 2 {
		t.Errorf("after the second hit: %+v", l[0])
	}
	do(t, dir, "clear 1")
	if got := names(t, dir, "captures"); len(got) != 1 || got[0] != "2" {
		t.Errorf("after clear 1: %v", got)
	}
	do(t, dir, "clear")
	if got := names(t, dir, "captures"); len(got) != 0 {
		t.Errorf("after clear: %v", got)
	}
	do(t, dir, "flight never 1")
	if l := triggersOf(t, dir); len(l) != 0 {
		t.Errorf("after never: %+v", l)
	}
	if s := statusOf(t, dir); s.State != "off" || s.Note != "the last trigger was removed" {
		t.Errorf("the recorder after never: %+v", s)
	}
}

// A recorder that somebody has started stays when the triggers go.
func TestNeverKeepsFlight(t *testing.T) {
	dir := tree(t, "")
	do(t, dir, "flight start")
	do(t, dir, "flight when goroutines over 1000000")
	do(t, dir, "flight when heap over 1000 GiB")
	if l := triggersOf(t, dir); len(l) != 2 || l[1].When != "heap over 1000 GiB" || l[1].Unit != "B" {
		t.Errorf("triggers: %+v", l)
	}
	do(t, dir, "flight never")
	if l, s := triggersOf(t, dir), statusOf(t, dir); len(l) != 0 || s.State != "on" {
		t.Errorf("after never: %+v, %+v", l, s)
	}
	for i := range maxTriggers {
		do(t, dir, fmt.Sprintf("flight when goroutines over %d", 1000000+i))
	}
	wantError(t, "too many", writeAs(t.Context(), dir, "ctl", "flight when goroutines over 2000000"), nodes.ErrBusy, "there are 32 triggers already")
}

// The same trigger twice is one, however it is written.
func TestSameTrigger(t *testing.T) {
	dir := tree(t, "")
	do(t, dir, "flight when heap over 1000GiB")
	wantError(t, "again", writeAs(t.Context(), dir, "ctl", "flight when heap over 1024000 MiB"), fs.ErrExist, "trigger 1 is the same: heap over 1000GiB, from a writer of profile/ctl")
	do(t, dir, "flight when heap over 1001GiB")
	if l := triggersOf(t, dir); len(l) != 2 {
		t.Errorf("%+v", l)
	}
}

// On a machine without a limit of memory a trigger on it waits, and says why; who
// asks for it in ctl is told at once.
func TestNoLimit(t *testing.T) {
	source, _ := trigger.Lookup("cgroup.memory")
	dir := tree(t, "[[profile.when]]\nexpression = \"cgroup.memory over 90%\"\n")
	const why = "no control group of the program has a limit of memory that can be seen"
	l := triggersOf(t, dir)
	if !math.IsNaN(source.Read()) {
		if len(l) != 1 || l[0].State == "waiting" || l[0].Now == nil {
			t.Errorf("with a limit: %+v", l)
		}
		return
	}
	if len(l) != 1 || l[0].State != "waiting" || l[0].Note != "waits: "+why || l[0].Now != nil || l[0].Unit != "%" {
		t.Errorf("%+v", l)
	}
	wantError(t, "in ctl", writeAs(t.Context(), dir, "ctl", "flight when cgroup.memory over 80%"), fs.ErrInvalid, why)
}

// What is wrong in an expression is an error of the configuration, with its line,
// also where its source comes with a plugin.
func TestBadExpressions(t *testing.T) {
	for text, want := range map[string]string{
		"http.slow over 1":     `:3: profile.when.expression: "http.slow over 1", column 16: "1" is no value of http.slow: a duration such as 1s`,
		"http.slow over -1s":   `column 16: "-1s" is no value of http.slow`,
		"grpc.slow over much":  `column 16: "much" is no value of grpc.slow`,
		"http.nonsense over 1": `column 1: there is no source "http.nonsense"`,
	} {
		_, _, err := Plugin.Open(plugintest.Config(t, "profile", "[profile]\n[[profile.when]]\nexpression = \""+text+"\"\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// A trigger of the configuration waits for a source that comes with a plugin.
func TestSourceComesLater(t *testing.T) {
	dir := tree(t, fast+"[[profile.when]]\nexpression = \"http.slow over 1s\"\nage = \"20s\"\nbytes = \"1MiB\"\n")
	l := triggersOf(t, dir)
	if len(l) != 1 || l[0].State != "waiting" || l[0].From != "the configuration" || !strings.Contains(l[0].Note, "http.slow comes with http.Plugin") {
		t.Fatalf("before: %+v", l)
	}
	if s := statusOf(t, dir); s.State != "on" || s.Age != "20s" || s.Bytes != 10<<20 {
		t.Errorf("the recorder: %+v", s)
	}
	var n atomic.Int64
	remove := trigger.Register("http.slow", "age of the oldest request", trigger.Seconds, func() float64 { return float64(n.Load()) })
	eventually(t, "its source is found", func() bool { return triggersOf(t, dir)[0].State == "armed" })
	n.Store(2)
	eventually(t, "a capture", func() bool { return len(names(t, dir, "captures")) == 1 })
	remove()
	eventually(t, "its source is gone", func() bool { return triggersOf(t, dir)[0].State == "waiting" })
}

// A request that hangs for ever does not hide the next that is slow.
func TestAnotherIsOver(t *testing.T) {
	var newest atomic.Int64
	newest.Store(3)
	t.Cleanup(trigger.RegisterEach("test.slow", "age", trigger.Seconds, func() float64 { return 60 },
		func(over float64) uint64 { return uint64(newest.Load()) }))
	dir := tree(t, fast)
	do(t, dir, "flight when test.slow over 1s")
	eventually(t, "the first", func() bool { return triggersOf(t, dir)[0].Hits == 1 })
	newest.Store(4)
	eventually(t, "another", func() bool { return triggersOf(t, dir)[0].Hits == 2 })
}

func TestBadSources(t *testing.T) {
	t.Cleanup(trigger.Register("test.panics", "panics", trigger.Count, func() float64 { panic("no") }))
	t.Cleanup(trigger.Register("test.unknown", "is not known", trigger.Count, func() float64 { return math.NaN() }))
	n := gauge(t, "test.good")
	n.Store(2)
	dir := tree(t, fast)
	do(t, dir, "flight when test.panics over 1\nflight when test.unknown over 1\nflight when test.good over 1")
	eventually(t, "the good one fires", func() bool { return triggersOf(t, dir)[2].Hits == 1 })
	l := triggersOf(t, dir)
	if l[0].Note != "the source: panic: no" || l[0].Now != nil || l[1].Now != nil || l[1].Hits != 0 {
		t.Errorf("%+v", l)
	}
}

// Without a recording a capture has the rest, and says why.
func TestCaptureWithoutTrace(t *testing.T) {
	n := gauge(t, "test.n")
	dir := tree(t, fast)
	do(t, dir, "flight when test.n over 1")
	do(t, dir, "flight stop")
	n.Store(2)
	eventually(t, "a capture", func() bool { return len(names(t, dir, "captures")) == 1 })
	if s := read(t, dir, "captures/1/when"); !strings.Contains(s, "\nlacks trace\tthe flight recorder is off") {
		t.Errorf("when:\n%s", s)
	}
}

func TestWrite(t *testing.T) {
	hang := make(chan bool)
	defer close(hang)
	_, err := write(t.Context(), func(context.Context, io.Writer) error { <-hang; return nil }, time.Millisecond, 10)
	wantError(t, "what hangs", err, nodes.ErrTimeout, "not there after 1ms")
	data, err := write(t.Context(), func(_ context.Context, w io.Writer) error { _, err := io.WriteString(w, "0123456789abc"); return err }, patience, 10)
	if err != nil || string(data) != "0123456789\n[cut at 10 bytes]\n" {
		t.Errorf("%q, %v", data, err)
	}
	failed := errors.New("failed")
	if _, err := write(t.Context(), func(context.Context, io.Writer) error { return failed }, patience, 10); err != failed {
		t.Error(err)
	}
}

func TestSources(t *testing.T) {
	got := read(t, tree(t, ""), "sources")
	if !strings.HasPrefix(got, "name\tunit\tdoc\ncgroup.memory\t%\t") || !strings.Contains(got, "\ngoroutines\t") || !strings.Contains(got, "\nheap\tB\t") {
		t.Errorf("sources:\n%s", got)
	}
}

func TestStores(t *testing.T) {
	for name, k := range map[string]keeper{"memory": &inMemory{}, "disk": &onDisk{dir: t.TempDir() + "/captures"}} {
		t.Run(name, func(t *testing.T) {
			s := &store{keeper: k, most: 3, bytes: 1000}
			list := func() (numbers string) {
				t.Helper()
				l, err := s.list()
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range l {
					numbers += " " + strconv.Itoa(e.n)
				}
				return numbers
			}
			if list() != "" {
				t.Errorf("at first:%s", list())
			}
			add := func(size int) {
				t.Helper()
				if _, err := s.add([]piece{{"when", make([]byte, size)}, {"trace", nil}}); err != nil {
					t.Fatal(err)
				}
			}
			for range 5 {
				add(10)
			}
			if list() != " 3 4 5" {
				t.Errorf("by number:%s", list())
			}
			add(985)
			if list() != " 5 6" {
				t.Errorf("by bytes:%s", list())
			}
			add(5000) // the newest is kept, whatever its size
			if list() != " 7" {
				t.Errorf("one that is too large:%s", list())
			}
			if err := s.clear(0); err != nil || list() != "" {
				t.Errorf("cleared:%s, %v", list(), err)
			}
			if _, err := s.open(7, "when"); !errors.Is(err, errNotExist) {
				t.Errorf("one that is gone: %v", err)
			}
		})
	}
}
