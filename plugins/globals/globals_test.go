package globals

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/nodes/nodetest"
	"github.com/ispyd/ispyd/plugins"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

// What an ordinary run does for some seconds "make soak" does for long.
var (
	soakTime = flag.Duration("soak", 2*time.Second, "how long TestSoak reads what the program is writing")
	largeMap = flag.Int("large", 1_000_000, "entries of the map that TestLarge reads")
)

const (
	reading = "[globals]\nenabled = true\n"
	writing = reading + "write = true\n"
)

// helper is testdata/helper, running: test binaries have no debug information.
type helper struct {
	t   testing.TB
	in  *json.Encoder
	out *bufio.Reader
}

type request struct{ Op, Path, Text string }

type answer struct {
	Text  string
	Names []string
	Error string
	Mode  uint32
	Kind  string
}

func build(t testing.TB, flags ...string) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "helper")
	args := append(append([]string{"build", "-o", exe}, flags...), "./testdata/helper")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return exe
}

func start(t testing.TB, exe, config string) *helper {
	t.Helper()
	cmd := exec.Command(exe, config)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the helper: %v\n%s", err, &stderr)
		}
	})
	return &helper{t, json.NewEncoder(in), bufio.NewReader(out)}
}

func (h *helper) do(op, path, text string) (a answer) {
	h.t.Helper()
	if err := h.in.Encode(request{op, path, text}); err != nil {
		h.t.Fatal(err)
	}
	line, err := h.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &a)
	}
	if err != nil {
		h.t.Fatalf("%s %s: %v: %s", op, path, err, line)
	}
	return a
}

func (h *helper) read(path string) string {
	h.t.Helper()
	a := h.do("read", path, "")
	if a.Error != "" {
		return "error: " + strings.TrimPrefix(a.Error, "element 1: ")
	}
	return strings.TrimSuffix(a.Text, "\n")
}

// readAs is read where a path or the answer may have the address of what is in
// main.byAddr in it, as ADDR.
func (h *helper) readAs(path string) string {
	h.t.Helper()
	if !strings.Contains(path, "byAddr") {
		return h.read(path)
	}
	addr := regexp.MustCompile("0x[0-9a-f]+").FindString(h.read("main.byAddr"))
	return strings.ReplaceAll(h.read(strings.ReplaceAll(path, "ADDR", addr)), addr, "ADDR")
}

func TestErrors(t *testing.T) {
	h := start(t, build(t), reading+`deny = ["main.secrets", "runtime"]`+"\n")
	for _, c := range []struct{ path, want string }{
		{"main.limt", "there is no such variable (near: main.limit)"},
		{"mian.limit", "(near: main)"},
		{"limit", "(near: main.limit)"},
		{"main", "no such variable"},
		{"main.", "no such variable"},
		{"main.main3.item", "no such field (near: items)"},
		{"main.main3.items[4]", "no such key"},
		{"main.main3.items[x]", "no such key"},
		{"main.main3.byName[x]", `the keys are strings: write ["x"]`},
		{"main.levels[3]", "the length is 3"},
		{"main.levels[-1]", "the length is 3"},
		{"main.levels[a]", "no whole number"},
		{"main.levels[", "not closed"},
		{"main.levels[]", "index is missing"},
		{"main.levels..x", "missing after the dot"},
		{"main.levels[0]x", "expected a selector"},
		{"main.nilPtr.mu", "nil"},
		{"main.nilMap[\"a\"]", "the map is nil"},
		{"main.anyNil.x", "the interface before it is nil"},
		{"main.limit.x", "has no fields"},
		{"main.limit[0]", "has no indices"},
		{"main.queue[0]", "has no indices"},
		{"runtime.gcController", "not allow"},
	} {
		a := h.do("read", c.path, "")
		if !strings.Contains(a.Error, c.want) {
			t.Errorf("%s: the error is %q, want %q (text %q)", c.path, a.Error, c.want, a.Text)
		}
	}
	if a := h.do("write", "main.limit", "50"); !strings.Contains(a.Error, "write = true") {
		t.Errorf("writing a tree that is read only: %+v", a)
	}
}

func TestWrite(t *testing.T) {
	h := start(t, build(t), writing)
	for _, c := range []struct{ path, text, key, want string }{
		{"main.limit", "50", "limit", "50"},
		{"main.limit", "-0x10", "limit", "-16"},
		{"main.label", "two words", "label", "two words"},
		{"main.label", `"quo\"ted\n"`, "label", "quo\"ted\n"},
		{"main.label", `""`, "label", ""},
		{"main.ratio", "2.25", "ratio", "2.25"},
		{"main.enabled", "true", "enabled", "true"},
		{"main.pace", "1m30s", "pace", "1m30s"},
		{"main.small", "-128", "small", "-128"},
		{"main.flag", "true", "flag", "true"},
		{"main.count", "-7", "count", "-7"},
		{"main.main3.level", "200", "level", "200"},
		{"main.main3.hits", "12", "hits", "12"},
		{"main.main3.Depth", "8", "depth", "8"},
		{"main.levels[1]", "9", "levels", "[1 9 3]"},
		{"main.matrix[1][2]", "0.5", "x", "0.5"},
		{"main.main3.items[3].Tags[0]", "new", "tag", "new"},
		{`main.stocks["a"].Depth`, "51", "stock", "51"},
		{"main.depths[4321].Depth", "52", "depths", "52"},
		{`main.sinks["p"].Depth`, "53", "sink", "53"},
		{`main.lists["a"][1]`, "54", "list", "[1 54]"},
		{`main.nested["x"]["y"].Depth`, "55", "nested", "55"},
		{"main.port", "81", "port", "81"},
		{`main.ports["a"]`, "82", "ports", "82"},
		{"main.pointer.Tags[0]", "swapped", "swapped", "swapped"},
		{"main.anyInner.Depth", "56", "anyInner", "56"},
		{`main.sinks["p"].(*inner).Depth`, "57", "sink", "57"},
		{"main.main3.level", "'x'", "level", "120"},
		{"main.single", "0.25", "single", "0.25"},
	} {
		if a := h.do("write", c.path, c.text); a.Error != "" {
			t.Errorf("%s = %s: %s", c.path, c.text, a.Error)
		}
		if got := h.do("go", "", c.key).Text; got != c.want {
			t.Errorf("after %s = %s the program has %s", c.path, c.text, got)
		}
	}
	for _, c := range []struct{ path, text, want string }{
		{"main.limit", "many", "it takes a whole number from -9223372036854775808 to 9223372036854775807"},
		{"main.small", "128", "it takes a whole number from -128 to 127"},
		{"main.main3.level", "-1", "it takes a whole number from 0 to 255"},
		{"main.enabled", "1", "it takes true or false"},
		{"main.flag", "maybe", "it takes true or false"},
		{"main.ratio", "x", "it takes a number"},
		{"main.pace", "long", "it takes a duration such as 1m30s"},
		{"main.label", `"open`, "a Go string"},
		{"main.main3", "1", "only bools, numbers and strings"},
		{"main.main3.mu", "1", "is a sync.Mutex: only bools"},
		{"main.main3.mu.mu", "1", "is a sync.Mutex: only bools"},
		{"main.readers.readerCount", "0", "for its methods to change"},
		{"main.when", "2026-01-02T03:04:05Z", "is a time.Time: only bools"},
		{"main.nilInt", "1", "is nil: there is nothing"},
		{"runtime.gcController", "1", "the runtime's own"},
		{"main.small", "'é'", "from -128 to 127"},
		{"main.levels[0:2]", "1", "write one of its elements"},
		{"main.sinks[\"p\"].(*item).Depth", "1", "holds a *main.inner, not a *item"},
		{"main.single", "1e40", "not beyond 3.4e+38"},
		{"main.levels", "1", "write one of its elements"},
		{"main.main3.items", "1", "is a map"},
		{"main.main3.byName[\"x\"]", "1", "no place of its own"},
		{`main.byVal["a"].Depth`, "1", "assign to it in the console"},
		{`main.sinks["v"].Depth`, "1", "what an interface holds cannot be written, unless it is a pointer"},
		{"main.wideBy[1][0]", "1", "assign to it in the console"},
		{`main.stocks["b"].Depth`, "1", "the pointer before it is nil"},
		{`main.stocks["c"].Depth`, "1", "no such key"},
		{"main.made", "1", "only bools"},
		{"main.queue", "1", "only bools"},
		{"main.callback", "1", "only bools"},
		{"main.boxed", "1", "only bools"},
		{"main.cplx", "1", "two words"},
	} {
		if a := h.do("write", c.path, c.text); !strings.Contains(a.Error, c.want) {
			t.Errorf("%s = %s: the error is %q, want %q", c.path, c.text, a.Error, c.want)
		}
	}
	if a := h.do("read", "main.limit", ""); a.Kind != string(nodes.KindVar) || a.Mode != 0o600 {
		t.Errorf("a variable that can be written is %s with mode %o", a.Kind, a.Mode)
	}
	if a := h.do("read", "main.queue", ""); a.Kind != string(nodes.KindText) || a.Mode != 0o444 {
		t.Errorf("a variable that cannot be written is %s with mode %o", a.Kind, a.Mode)
	}
}

func TestTree(t *testing.T) {
	exe := build(t)
	h := start(t, exe, writing)
	root := h.do("read", "", "").Names
	for _, want := range []string{"main.limit", "os.Args", "runtime.gcController", "internal", "encoding", "github.com"} {
		if !slices.Contains(root, want) {
			t.Errorf("%s is not listed", want)
		}
	}
	if slices.Contains(root, "top") || !slices.IsSorted(root) {
		t.Errorf("the root lists top, or is not sorted")
	}
	if names := h.do("read", "encoding", "").Names; !slices.Contains(names, "json.fieldCache") {
		t.Errorf("encoding lists %v", names)
	}
	if got := h.read("encoding/json.fieldCache"); strings.HasPrefix(got, "error") {
		t.Error(got)
	}
	// Every file of the program can be read, whatever it is.
	for _, config := range []string{reading, writing} {
		a := start(t, exe, config).do("conform", "", "")
		if a.Error != "" || len(a.Names) > 0 || a.Text == "0" {
			t.Errorf("of %s files these are wrong: %s\n%s", a.Text, a.Error, strings.Join(a.Names, "\n"))
		}
	}
	h = start(t, exe, reading+`allow = ["main.l*", "encoding/..."]`+"\n")
	if got := h.do("read", "", "").Names; !slices.Equal(got, []string{"encoding", "main.label", "main.levels", "main.limit", "main.lists", "main.locked"}) {
		t.Errorf("what is allowed is %v", got)
	}
	if got := h.read("internal/cpu.X86"); !strings.Contains(got, "internal: the configuration does not allow the variables below") {
		t.Errorf("internal/cpu.X86 reads as %s", got)
	}
	if got := h.read("main.ratio"); !strings.Contains(got, "does not allow") {
		t.Errorf("main.ratio reads as %s", got)
	}
}

func TestTop(t *testing.T) {
	h := start(t, build(t), reading)
	h.do("large", "", "100000")
	var rows []row
	if err := json.Unmarshal([]byte(h.read("top.json")), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) < 10 || rows[0].Variable != "main.huge" || rows[0].Bytes < 100<<20 || rows[0].Bytes > 101<<20 || rows[0].AtLeast {
		t.Fatalf("the first row is %+v", rows[0])
	}
	// The rest is not larger than what the runtime has of it.
	names := h.do("heap", "", "").Names
	heap, err1 := strconv.ParseInt(names[0], 10, 64)
	many, err2 := strconv.ParseInt(names[1], 10, 64)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	sum := int64(0)
	bytes := map[string]int64{}
	for _, r := range rows {
		bytes[r.Variable] = r.Bytes
		if strings.HasPrefix(r.Variable, "main.") {
			sum += r.Bytes
		}
	}
	t.Logf("main's variables keep %d bytes of %d", sum, heap)
	if sum > heap+heap/20 {
		t.Errorf("main's variables keep %d bytes of the %d that the heap has", sum, heap)
	}
	if got := bytes["main.many"]; got < many*9/10 || got > many*11/10 {
		t.Errorf("a map of %d bytes is said to keep %d", many, got)
	}
	if got, want := bytes["main.pieces"], int64(1<<20+24+1024*24); got < 1<<20 || got > want+want/10 {
		t.Errorf("1000 pieces of 1 MiB are said to keep %d bytes", got)
	}
}

func TestLarge(t *testing.T) {
	h := start(t, build(t), reading+`allow = ["main"]`+"\n")
	n := *largeMap
	h.do("large", "", strconv.Itoa(n))
	if got := h.read("main.huge"); !strings.HasSuffix(got, "/* 4096 of 104857600 */") {
		t.Errorf("100 MB read as ...%s", got[max(0, len(got)-100):])
	}
	if got := h.read("main.huge[104857599]"); got != "0" {
		t.Errorf("the last byte reads as %s", got)
	}
	if got := h.read("main.many"); !strings.Contains(got, fmt.Sprintf("/* 100 of %d */", n)) {
		t.Errorf("%d entries read as ...%s", n, got[max(0, len(got)-100):])
	}
	if got, want := h.read(fmt.Sprintf("main.many[%d]", n-1)), strconv.Itoa(n-1); got != want {
		t.Errorf("an entry of them reads as %s", got)
	}
	if got := h.read(fmt.Sprintf("main.many[%d]", n)); !strings.Contains(got, "no such key") {
		t.Errorf("an entry that is not there reads as %s", got)
	}
}

func TestSoak(t *testing.T) {
	for _, flags := range [][]string{nil, {"-race"}} {
		a := start(t, build(t, flags...), writing).do("soak", "", soakTime.String())
		if a.Error != "" || len(a.Names) > 0 || a.Text == "0" {
			t.Errorf("%v: after %s rounds: %s %v", flags, a.Text, a.Error, a.Names)
		}
	}
}

func TestModes(t *testing.T) {
	for name, flags := range map[string][]string{
		"pie": {"-buildmode=pie"}, "race": {"-race"}, "N-l": {"-gcflags=all=-N -l"}, "uncompressed": {"-ldflags=-compressdwarf=false"},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, build(t, flags...), writing)
			for _, c := range values {
				if got := h.readAs(c.path); got != c.want {
					t.Errorf("%s reads as %s, want %s", c.path, got, c.want)
				}
			}
			if a := h.do("write", "main.limit", "51"); a.Error != "" || h.do("go", "", "limit").Text != "51" {
				t.Errorf("writing: %+v", a)
			}
		})
	}
	for _, flag := range []string{"-s", "-w", "-s -w"} {
		t.Run("stripped "+flag, func(t *testing.T) {
			h := start(t, build(t, "-ldflags="+flag), reading)
			for _, path := range []string{"", "main.limit", "top"} {
				if got := h.do("read", path, "").Error; !strings.Contains(got, "build it without -ldflags=-s or -w") {
					t.Errorf("%q: the error is %q", path, got)
				}
			}
		})
	}
}

func TestOff(t *testing.T) {
	nodetest.Check(t, func(t *testing.T) (nodes.Dir, io.Closer) {
		dir, closer, err := Plugin.Open(plugintest.Config(t, "globals", ""))
		if err != nil {
			t.Fatal(err)
		}
		return dir, closer
	})
	dir, _, err := Plugin.Open(plugintest.Config(t, "globals", ""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dir.Lookup(t.Context(), "main.x"); err == nil || !strings.Contains(err.Error(), "enabled = true") {
		t.Errorf("the error of the plugin that is off is %v", err)
	}
}

// remote is a configuration of a tree that is not on a unix socket.
type remote struct{ plugins.Config }

func TestRemote(t *testing.T) {
	c := remote{plugintest.Config(t, "globals", reading)}
	if _, _, err := Plugin.Open(c); err == nil || !strings.Contains(err.Error(), "allow-remote = true") {
		t.Errorf("on TCP the error is %v", err)
	}
	c = remote{plugintest.Config(t, "globals", reading+"allow-remote = true\n")}
	if _, _, err := Plugin.Open(c); err != nil {
		t.Errorf("with allow-remote: %v", err)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"depth = 0", ":3: globals.depth: must be from 1 to 100, not 0"},
		{"items = -1", ":3: globals.items: must be from 1 to 1048576"},
		{"string = 999999999", ":3: globals.string"},
		{"values = 0", ":3: globals.values"},
		{`allow = ["["]`, "no pattern"},
		{`deny = [""]`, "no pattern"},
		{`deny = ["main.server.opts"]`, "part of a variable: patterns are of packages and whole variables, as main.server"},
		{`deny = ["net/http.DefaultServeMux.mu"]`, "as net/http.DefaultServeMux"},
		{"nonsense = 1", "nonsense"},
	} {
		for _, enabled := range []string{"true", "false"} {
			_, _, err := Plugin.Open(plugintest.Config(t, "globals", "[globals]\nenabled = "+enabled+"\n"+c.text+"\n"))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: the error is %v", c.text, err)
			}
		}
	}
}
