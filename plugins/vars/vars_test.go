package vars

import (
	"context"
	"encoding/json"
	"errors"
	"expvar"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/nodes/nodetest"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

func tree(t testing.TB) nodes.Dir {
	t.Helper()
	dir, closer, err := Plugin.Open(plugintest.Config(t, "vars", ""))
	if err != nil || closer != nil {
		t.Fatal(closer, err)
	}
	return dir
}

func tryRead(ctx context.Context, dir nodes.Dir, name string) (string, error) {
	b, err := fs.ReadFile(nodes.FS(ctx, dir), name)
	return string(b), err
}

func read(t testing.TB, dir nodes.Dir, name string) string {
	t.Helper()
	s, err := tryRead(t.Context(), dir, name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

// text is a variable whose String returns it.
type text string

func (s text) String() string { return string(s) }

// call is a variable whose String calls it.
type call func() string

func (f call) String() string { return f() }

// publish publishes what expvar cannot take back, once for all runs of the tests.
var publish = sync.OnceFunc(func() {
	expvar.NewInt("requests").Set(-7)
	expvar.NewFloat("load").Set(1.5)
	expvar.NewString("version").Set("v1 \"quoted\"\ttab")
	expvar.NewString("api_token").Set("s3cr3t")
	expvar.NewString("dsn_in_url").Set("x")
	expvar.NewString("upstream").Set("http://ann:s3cr3t@host/x")
	expvar.Publish("list", expvar.Func(func() any { return []any{1, "two", nil} }))
	expvar.Publish("object", expvar.Func(func() any { return map[string]any{"n": 1 << 60, "password": "s3cr3t", "in": []int{1}} }))
	expvar.Publish("null", expvar.Func(func() any { return nil }))
	expvar.Publish("a/b%\x00", expvar.Func(func() any { return 1 }))
	expvar.Publish("", text("0"))
	expvar.Publish(strings.Repeat("long", 100), text("0"))
	expvar.Publish("plain", text("no JSON, \"at all\"\nof two lines"))
	expvar.Publish("halfway", text(`{"a": 1`))
	expvar.Publish("bytes", text("\xff\xfe"))
	expvar.Publish("nothing", text(""))
	expvar.Publish("plain_password", text("s3cr3t"))
	expvar.Publish("config.json", text("3"))
	m := expvar.NewMap("http")
	m.Add("hits", 3)
	m.Set("none", nil)
	m.Set("password", text(`"s3cr3t"`))
	inner := new(expvar.Map)
	inner.AddFloat("ms/p99", 2.5)
	m.Set("routes", inner)
	secrets := new(expvar.Map)
	secrets.Set("x", text(`"s3cr3t"`))
	m.Set("credentials", secrets)
	loop := expvar.NewMap("loop")
	loop.Set("self", loop)
	loop.Add("n", 1)
	expvar.NewMap("empty")
})

// published publishes v under a name of its own until the end of the test.
func published(t *testing.T, v expvar.Var) string {
	t.Helper()
	publish()
	m := expvar.Get("http").(*expvar.Map)
	name := strings.ReplaceAll(t.Name(), "/", "_")
	m.Set(name, v)
	t.Cleanup(func() { m.Delete(name) })
	return name
}

func TestConformance(t *testing.T) {
	publish()
	nodetest.Check(t, func(t *testing.T) (nodes.Dir, io.Closer) {
		return nodes.Directory("vars", "without what holds itself", but{tree(t), "loop"}), nil
	})
}

// but is a directory without one of its children.
type but struct {
	nodes.Dir
	name string
}

func (b but) List(ctx context.Context) ([]nodes.Node, error) {
	list, err := b.Dir.List(ctx)
	var rest []nodes.Node
	for _, n := range list {
		if n.Name() != b.name {
			rest = append(rest, n)
		}
	}
	return rest, err
}

func TestConfig(t *testing.T) {
	_, _, err := Plugin.Open(plugintest.Config(t, "vars", "[vars]\nx = 1\n"))
	if err == nil || !strings.Contains(err.Error(), "test.toml:2: vars.x: unknown key") {
		t.Errorf("error %v", err)
	}
}

func TestFiles(t *testing.T) {
	publish()
	dir := tree(t)
	for name, want := range map[string]string{
		"requests":              "-7\n",
		"requests.json":         "-7\n",
		"load":                  "1.5\n",
		"version":               "v1 \"quoted\"\ttab\n",
		"version.json":          `"v1 \"quoted\"\ttab"` + "\n",
		"api_token":             "[redacted]\n",
		"api_token.json":        "\"[redacted]\"\n",
		"upstream":              "http://ann:[redacted]@host/x\n",
		"list":                  "1\ntwo\n-\n",
		"list.json":             "[\n  1,\n  \"two\",\n  null\n]\n",
		"object":                "in\t[1]\nn\t1152921504606846976\npassword\t[redacted]\n",
		"null":                  "null\n",
		"null.json":             "null\n",
		"a%2Fb%25%00":           "1\n",
		"a%2Fb%25%00.json":      "1\n",
		"%":                     "0\n",
		"plain":                 "no JSON, \"at all\"\nof two lines\n",
		"plain.json":            `"no JSON, \"at all\"\nof two lines"` + "\n",
		"halfway":               "{\"a\": 1\n",
		"halfway.json":          `"{\"a\": 1"` + "\n",
		"bytes.json":            "\"�\"\n",
		"nothing":               "\n",
		"nothing.json":          "\"\"\n",
		"plain_password":        "[redacted]\n",
		"config.json":           "3\n",
		"config.json.json":      "3\n",
		"http/hits":             "3\n",
		"http/hits.json":        "3\n",
		"http/password":         "[redacted]\n",
		"http/routes/ms%2Fp99":  "2.5\n",
		"http/routes.json":      "{\n  \"ms/p99\": 2.5\n}\n",
		"http/credentials/x":    "[redacted]\n",
		"http/credentials.json": "{\n  \"x\": \"[redacted]\"\n}\n",
		"empty.json":            "{}\n",
	} {
		if got := read(t, dir, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := read(t, dir, "http.json"); !json.Valid([]byte(got)) || strings.Contains(got, "s3cr3t") || !strings.Contains(got, `"hits": 3`) {
		t.Errorf("http.json: %s", got)
	}
	if got := read(t, dir, "memstats"); !strings.Contains(got, "\nHeapAlloc\t") && !strings.Contains(got, "HeapAlloc\t") {
		t.Errorf("memstats: %.200s", got)
	}
	if got := read(t, dir, "cmdline.json"); !strings.Contains(got, "vars.test") {
		t.Errorf("cmdline.json: %s", got)
	}
	for _, name := range []string{"a%2fb%25%00", "http/none", "http/hits/x", "requests.json.json", "nobody", "nobody.json", "%2E"} {
		if _, err := tryRead(t.Context(), dir, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Nothing can be written.
func TestReadOnly(t *testing.T) {
	publish()
	for _, name := range []string{"requests", "http/hits", "http.json"} {
		n, err := nodes.Walk(t.Context(), tree(t), name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.(nodes.File).Open(t.Context(), nodes.Read|nodes.Write); !errors.Is(err, nodes.ErrReadOnly) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A map that holds itself ends.
func TestLoop(t *testing.T) {
	publish()
	dir := tree(t)
	deep := 0
	var walk func(d nodes.Dir, depth int)
	walk = func(d nodes.Dir, depth int) {
		deep = max(deep, depth)
		list, err := d.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range list {
			if d, ok := n.(nodes.Dir); ok {
				walk(d, depth+1)
			}
		}
	}
	n, err := nodes.Lookup(t.Context(), dir, "loop")
	if err != nil {
		t.Fatal(err)
	}
	walk(n.(nodes.Dir), 1)
	if deep != maxDepth {
		t.Errorf("%d levels", deep)
	}
	if got := read(t, dir, "loop.json"); strings.Count(got, `"self"`) != maxDepth || strings.Count(got, "null") != 1 {
		t.Errorf("loop.json: %s", got)
	}
}

// A variable that panics or hangs is an error of its file alone.
func TestBadVariables(t *testing.T) {
	t.Run("panics", func(t *testing.T) {
		name := published(t, call(func() string { panic("boom") }))
		dir := tree(t)
		for _, file := range []string{name, name + ".json"} {
			if _, err := tryRead(t.Context(), dir, "http/"+file); !errors.Is(err, nodes.ErrPanic) || !strings.Contains(err.Error(), "boom") {
				t.Errorf("%s: %v", file, err)
			}
		}
		if got := read(t, dir, "http/hits"); got != "3\n" {
			t.Errorf("hits %q", got)
		}
		if got := read(t, dir, "http.json"); !strings.Contains(got, fmt.Sprintf("%q: null", name)) || !strings.Contains(got, `"hits": 3`) {
			t.Errorf("http.json: %s", got)
		}
	})
	t.Run("nil", func(t *testing.T) {
		name := published(t, (*expvar.Map)(nil))
		dir := tree(t)
		if _, err := tryRead(t.Context(), dir, "http/"+name); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		if got := read(t, dir, "http.json"); !strings.Contains(got, fmt.Sprintf("%q: null", name)) {
			t.Errorf("http.json: %s", got)
		}
	})
	t.Run("hangs", func(t *testing.T) {
		entered, release := make(chan bool, 10), make(chan bool)
		name := published(t, call(func() string { entered <- true; <-release; return "1" }))
		defer close(release)
		dir := tree(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := tryRead(ctx, dir, "http/"+name)
			done <- err
		}()
		<-entered
		if got := read(t, dir, "http/hits"); got != "3\n" {
			t.Errorf("hits %q", got)
		}
		if n, err := nodes.Lookup(t.Context(), dir, "http"); err != nil {
			t.Error(err)
		} else if list, err := n.(nodes.Dir).List(t.Context()); err != nil || len(list) < 4 {
			t.Errorf("list %v, %v", list, err)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		late, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		defer cancel()
		if _, err := tryRead(late, dir, "http.json"); err == nil {
			t.Error("http.json is read, although a variable in it hangs")
		}
	})
}

// However often a variable is read that hangs, as text, as JSON and with its map,
// its code runs in one goroutine for each of these files.
func TestHungVariable(t *testing.T) {
	publish()
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int64
		release := make(chan bool)
		name := published(t, call(func() string { running.Add(1); <-release; return "1" }))
		dir := tree(t)
		for range 20 {
			for _, file := range []string{name, name + ".json", "../http.json"} {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				if _, err := tryRead(ctx, dir, path.Join("http", file)); !errors.Is(err, nodes.ErrTimeout) && !errors.Is(err, nodes.ErrBusy) {
					t.Errorf("%s: %v", file, err)
				}
				cancel()
			}
		}
		if n := running.Load(); n != 3 {
			t.Errorf("60 reads of three files run the code that hangs %d times", n)
		}
		close(release)
		synctest.Wait()
		if got := read(t, dir, "http/"+name); got != "1\n" {
			t.Errorf("then it reads %q", got)
		}
	})
}

// A variable that has been replaced is shown as it is now.
func TestReplaced(t *testing.T) {
	name := published(t, text("1"))
	dir := tree(t)
	for _, v := range []expvar.Var{text("1"), text("2"), new(expvar.Int), text("3")} {
		expvar.Get("http").(*expvar.Map).Set(name, v)
		if got := read(t, dir, "http/"+name); got != v.String()+"\n" {
			t.Errorf("%q, want %s", got, v)
		}
	}
	for n := range 2 {
		m := new(expvar.Map)
		m.Add("n", int64(n))
		expvar.Get("http").(*expvar.Map).Set(name, m)
		if got, want := read(t, dir, "http/"+name+".json"), fmt.Sprintf("{\n  \"n\": %d\n}\n", n); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Variables that come and go while they are read.
func TestAtOnce(t *testing.T) {
	publish()
	dir := tree(t)
	m := expvar.Get("empty").(*expvar.Map)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 200 {
				name := fmt.Sprint(i, j%5)
				m.Add(name, 1)
				m.Delete(name)
			}
		})
		wg.Go(func() {
			for j := range 100 {
				if _, err := tryRead(t.Context(), dir, "empty/"+fmt.Sprint(i, j%5)); err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Error(err)
				}
				if got := read(t, dir, "empty.json"); !json.Valid([]byte(got)) {
					t.Error(got)
				}
			}
		})
	}
	wg.Wait()
}
