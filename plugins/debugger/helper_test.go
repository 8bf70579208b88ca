package debugger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ispyd/ispyd/internal/probes/jump"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins/debugger"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

// patience only bounds the failure of a test.
const patience = time.Minute

const on = "[debugger]\nenabled = true\n"

// tree is the plugin's directory.
type tree struct {
	t   testing.TB
	dir nodes.Dir
	fs  fs.FS
	io.Closer
	ctx context.Context // of the writes
}

// opened opens the plugin; the test closes it, if it has not done so itself. No text
// of the program may be changed then.
func opened(t testing.TB, conf string) *tree {
	t.Helper()
	// With the race detector a capture takes more than its share.
	if conf != "" && !strings.Contains(conf, "share =") {
		conf += "share = 100\n"
	}
	dir, closer, err := debugger.Plugin.Open(plugintest.Config(t, "debugger", conf))
	if err != nil {
		t.Fatal(err)
	}
	tr := &tree{t, dir, nodes.FS(context.Background(), dir), closer, context.Background()}
	t.Cleanup(func() { tr.close() })
	return tr
}

func (tr *tree) close() {
	tr.t.Helper()
	if tr.Closer == nil {
		return
	}
	if err := tr.Closer.Close(); err != nil {
		tr.t.Errorf("Close: %v", err)
	}
	tr.Closer = nil
	unchanged(tr.t)
}

// unchanged compares the program's text with its file.
func unchanged(t testing.TB) {
	t.Helper()
	if len(jump.Patched()) > 0 {
		t.Errorf("%d bytes are still patched: %+v", len(jump.Patched()), jump.Patched())
	}
	different, err := jump.Verify()
	if err != nil {
		t.Errorf("Verify: %v", err)
	}
	for _, d := range different {
		t.Errorf("the text of %s is not that of the file: %+v", d.Func, d)
	}
}

// needEngine skips a test where probes do not work.
func needEngine(t testing.TB) {
	t.Helper()
	for _, c := range jump.Check() {
		if !c.OK {
			if os.Getenv("ISPYD_TEST_NO_SKIP") != "" {
				t.Fatalf("%s: %s", c.Name, c.Detail)
			}
			t.Skipf("NOT TESTED: %s: %s", c.Name, c.Detail)
		}
	}
}

func (tr *tree) read(name string) string {
	tr.t.Helper()
	b, err := fs.ReadFile(tr.fs, name)
	if err != nil {
		tr.t.Fatal(err)
	}
	return string(b)
}

// write writes to ctl.
func (tr *tree) write(text string) error {
	tr.t.Helper()
	ctx := tr.ctx
	n, err := nodes.Lookup(ctx, tr.dir, "ctl")
	if err != nil {
		tr.t.Fatal(err)
	}
	h, err := n.(nodes.File).Open(ctx, nodes.Write)
	if err != nil {
		return err
	}
	defer h.Close()
	_, err = h.WriteAt(ctx, []byte(text), 0)
	return err
}

func (tr *tree) must(line string) {
	tr.t.Helper()
	if err := tr.write(line + "\n"); err != nil {
		tr.t.Fatalf("%s: %v", line, err)
	}
}

// list names what a directory lists.
func (tr *tree) list(name string) (names []string) {
	tr.t.Helper()
	entries, err := fs.ReadDir(tr.fs, name)
	if err != nil {
		tr.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// await waits for what another goroutine does.
func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for since := time.Now(); !ok(); time.Sleep(time.Millisecond) {
		if time.Since(since) > patience {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// awaitFile waits until a file has a text.
func (tr *tree) awaitFile(name, text string) string {
	tr.t.Helper()
	var got string
	await(tr.t, text+" in "+name, func() bool {
		b, err := fs.ReadFile(tr.fs, name)
		got = string(b)
		return err == nil && strings.Contains(got, text)
	})
	return got
}

// column returns a probe's cell of the table probes.
func (tr *tree) column(function, column string) string {
	tr.t.Helper()
	lines := strings.Split(tr.read("probes"), "\n")
	heads := strings.Split(lines[0], "\t")
	for _, l := range lines[1:] {
		cells := strings.Split(l, "\t")
		if cells[0] != function {
			continue
		}
		for i, h := range heads {
			if h == column {
				return cells[i]
			}
		}
	}
	return ""
}

// shop is a program that fails.
type shop struct {
	items []string
	err   error
}

// Its functions are not inlined, so that they have code of their own.

//go:noinline
func (s *shop) order(id int, user string) string { return s.items[id] + " for " + user }

//go:noinline
func (s *shop) pay(cents int) (int, error) {
	if cents > 100 {
		return 0, fmt.Errorf("%d cents: %w", cents, s.err)
	}
	return 100 - cents, nil
}

//go:noinline
func (s *shop) parse(text string) (n int, ok bool) {
	if text == "" {
		panic(errors.New("nothing to parse"))
	}
	return len(text), true
}

// caught calls f and returns what it panics with.
func caught(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

const (
	pkg   = "github.com/ispyd/ispyd/plugins/debugger_test."
	order = pkg + "(*shop).order"
	pay   = pkg + "(*shop).pay"
	parse = pkg + "(*shop).parse"
)

func newShop() *shop { return &shop{items: []string{"apple", "bread"}, err: errors.New("too much")} }

// serve is a web shop; its log is thrown away.
func serve(t testing.TB, wrap func(http.Handler) http.Handler) *httptest.Server {
	s := newShop()
	mux := http.NewServeMux()
	mux.HandleFunc("/order", func(w http.ResponseWriter, r *http.Request) {
		id := 0
		fmt.Sscan(r.FormValue("id"), &id)
		fmt.Fprint(w, s.order(id, r.FormValue("user")))
	})
	var h http.Handler = mux
	if wrap != nil {
		h = wrap(h)
	}
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = nullLog()
	server.Start()
	t.Cleanup(server.Close)
	return server
}

// answer is what a client gets of a page.
func answer(c *http.Client, url string) string {
	res, err := c.Get(url)
	if err != nil {
		// The text has the client's own port in it.
		return "error: " + fmt.Sprint(errors.Is(err, io.EOF))
	}
	defer res.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(res.Body)
	return fmt.Sprintf("%d %s %v", res.StatusCode, &b, err)
}
