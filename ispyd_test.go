package ispyd_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ispyd/ispyd"
	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

// socketDir returns a directory whose sockets have short paths.
func socketDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ispyd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// start serves a configuration in which LISTEN stands for a new socket.
func start(t testing.TB, config string, extra ...plugins.Plugin) *ispyd.Server {
	t.Helper()
	sock := filepath.Join(socketDir(t), "%(pid)s.sock")
	srv, err := ispyd.New(ispyd.Options{
		Config:  strings.ReplaceAll(config, "LISTEN", fmt.Sprintf("listen = %q", sock)),
		Plugins: extra,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return srv
}

func dial(t testing.TB, srv *ispyd.Server) *client.Conn {
	t.Helper()
	c, err := client.Dial(t.Context(), srv.Addr(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func cat(t testing.TB, c *client.Conn, name string) string {
	t.Helper()
	b, err := c.ReadFile(t.Context(), name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(b)
}

func TestStart(t *testing.T) {
	dir := socketDir(t)
	file := filepath.Join(dir, "ispyd.toml")
	os.WriteFile(file, fmt.Appendf(nil, "[ispyd]\nlisten = %q\n", filepath.Join(dir, "run", "%(pid)s.sock")), 0o600)
	srv, err := ispyd.Start(file)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	if want := filepath.Join(dir, "run", fmt.Sprint(os.Getpid())+".sock"); srv.Addr() != want {
		t.Errorf("Addr %q, want %q", srv.Addr(), want)
	}
	c := dial(t, srv)
	if got, want := cat(t, c, "pid"), fmt.Sprintln(os.Getpid()); got != want {
		t.Errorf("pid %q, want %q", got, want)
	}
	if got, want := cat(t, c, "runtime/version"), runtime.Version()+"\n"; got != want {
		t.Errorf("runtime/version %q, want %q", got, want)
	}
	for _, name := range []string{"README", "plugins", "errors", "audit", "settings"} {
		cat(t, c, name)
	}
	if got := cat(t, c, "README"); !strings.Contains(got, "\nruntime/goroutines\ttext\t") {
		t.Errorf("README does not tell of runtime/goroutines:\n%s", got)
	}
	// A second Server on the same socket is refused, the first goes on.
	if _, err := ispyd.Start(file); err == nil || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("a second Start on a live socket: %v", err)
	}
	cat(t, c, "pid")
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if err := srv.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if _, err := os.Lstat(srv.Addr()); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	if srv, err = ispyd.Start(file); err != nil {
		t.Errorf("Start after Close: %v", err)
	}
	srv.Close()
}

func TestNilAndOff(t *testing.T) {
	var none *ispyd.Server
	t.Setenv("ISPYD", "off")
	off, err := ispyd.Start("/does/not/exist")
	if err != nil {
		t.Fatalf("ISPYD=off: %v", err)
	}
	for _, s := range []*ispyd.Server{none, off} {
		if s.Addr() != "" || s.Publish(nodes.Static("x", "x", nil)) != nil || s.Close() != nil {
			t.Error("a server that does nothing does something")
		}
	}
}

func TestConfigErrors(t *testing.T) {
	other := plugins.Plugin{Name: "cache", Doc: "a cache", Open: func(c plugins.Config) (nodes.Dir, io.Closer, error) {
		var s struct {
			Limit int `toml:"limit"`
		}
		return nodes.Directory("cache", "a cache"), nil, c.Decode(&s)
	}}
	for _, c := range []struct{ text, want string }{
		{"", `config: ispyd.listen: is missing: the path of a socket`},
		{"[ispyd]\nlisten = \"ispyd.sock\"", `config:2: ispyd.listen: ispyd.sock`},
		{"[ispyd]\nlisten = \"/tmp/%(pidd)s\"", `config:2: ispyd.listen: `},
		{"[ispyd]\nlisten = \"/" + strings.Repeat("x", 200) + "\"", `config:2: ispyd.listen: `},
		{"[ispyd]\nLISTEN\nlisen = 3", `config:3: ispyd.lisen: unknown key (near: listen)`},
		{"[ispyd]\nLISTEN\nplugins = \"all\"", `config:3: ispyd.plugins: must be a list, not a string`},
		{"[ispyd]\nLISTEN\nplugins = [\"proces\"]", `config:3: ispyd.plugins: there is no plugin "proces" (near: process)`},
		{"[ispyd]\nLISTEN\nplugins = [\"http\"]", `config:3: ispyd.plugins: there is no plugin "http": this program does not pass it to ispyd.Start`},
		{"[ispyd]\nLISTEN\n[proces]\n", `config:3: proces: there is no plugin of that name (near: process)`},
		{"[ispyd]\nLISTEN\n[cache]\nlimt = 3", `config:4: cache.limt: unknown key (near: limit)`},
		{"[ispyd]\nLISTEN\n[other]\nmount = \"x/y\"", `config:4: other.mount: x/y is a relative path`},
		{"[ispyd]\nLISTEN\n[other]\nmount = \"/x\"\ntimout = \"1s\"", `config:5: other.timout: unknown key (near: timeout)`},
		{"[ispyd]\nLISTEN\n[errors]\nmount = \"/x\"", `config:3: errors: errors: already there`},
		{"[ispyd]\nLISTEN\n[ispyd.limits]\nconnections = 0", `config:4: ispyd.limits.connections: must be from 1 to 1048576`},
		{"[ispyd]\nLISTEN\n[ispyd.limits]\noperation = \"0s\"", `config:4: ispyd.limits.operation: must be a duration from "1ms" to "24h0m0s", such as "2m"`},
		{"[ispyd]\nlisten = \"192.0.2.1:80\"", `config:2: ispyd.listen: listen on 192.0.2.1`},
		{"[ispyd]\nlisten = \"/proc/nowhere/x.sock\"", `config:2: ispyd.listen: listen on /proc/nowhere`},
	} {
		text := strings.ReplaceAll(c.text, "LISTEN", fmt.Sprintf("listen = %q", filepath.Join(socketDir(t), "s")))
		srv, err := ispyd.New(ispyd.Options{Config: text, Plugins: []plugins.Plugin{other}})
		if err == nil || !strings.HasPrefix(err.Error(), "ispyd: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n got %v\nwant %s", c.text, err, c.want)
		}
		if srv != nil {
			t.Errorf("%s\nan error, and a server", c.text)
			srv.Close()
		}
	}
	if _, err := ispyd.Start(filepath.Join(socketDir(t), "absent.toml")); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestPlugins(t *testing.T) {
	closed := make(chan string, 2)
	good := plugins.Plugin{Name: "cache", Doc: "a cache", Open: func(c plugins.Config) (nodes.Dir, io.Closer, error) {
		s := struct {
			Limit int `toml:"limit"`
		}{100}
		if err := c.Decode(&s); err != nil {
			return nil, nil, err
		}
		return nodes.Directory("cache", "a cache",
			nodes.Value("limit", "most pages", func(context.Context) (int, error) { return s.Limit, nil })), closer(func() { closed <- "cache" }), nil
	}}
	bad := plugins.Plugin{Name: "bad", Doc: "panics", Open: func(plugins.Config) (nodes.Dir, io.Closer, error) { panic("no luck") }}
	srv := start(t, "[ispyd]\nLISTEN\nplugins = [\"process\"]\n[cache]\nlimit = 7\n[runtime]\n", good, bad)
	c := dial(t, srv)
	if got := cat(t, c, "cache/limit"); got != "7\n" {
		t.Errorf("cache/limit %q", got)
	}
	if got := cat(t, c, "bad/error"); got != "plugin bad: panic: no luck\n" {
		t.Errorf("bad/error %q", got)
	}
	if got := cat(t, c, "plugins"); !strings.Contains(got, "cache\ton\ta cache\n") || !strings.Contains(got, "bad\tfailed: panic: no luck\tpanics\n") || strings.Contains(got, "runtime") {
		t.Errorf("plugins:\n%s", got)
	}
	if _, err := c.Stat(t.Context(), "runtime"); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("a plugin that was not selected: %v", err)
	}
	if err := srv.Publish(nodes.Static("mine", "my own", []byte("x\n"))); err != nil {
		t.Error(err)
	}
	if got := cat(t, c, "mine"); got != "x\n" {
		t.Errorf("mine %q", got)
	}
	if err := srv.Publish(nodes.Static("mine", "my own", nil)); !errors.Is(err, iofs.ErrExist) {
		t.Errorf("published twice: %v", err)
	}
	srv.Close()
	if got := <-closed; got != "cache" {
		t.Errorf("closed %q", got)
	}
	for _, p := range []plugins.Plugin{{Name: "process", Open: good.Open}, {Name: "README", Open: good.Open}, {Name: "a/b", Open: good.Open}, {Name: "none"}} {
		srv, err := ispyd.New(ispyd.Options{Config: fmt.Sprintf("[ispyd]\nlisten = %q", filepath.Join(socketDir(t), "s")), Plugins: []plugins.Plugin{p}})
		if err == nil && p.Name != "process" && p.Name != "README" {
			t.Errorf("a plugin called %q is taken", p.Name)
		}
		srv.Close()
	}
}

type closer func()

func (c closer) Close() error { c(); return nil }

// A tree of another server, here one of the same kind, is bound into this one.
func TestMount(t *testing.T) {
	inner := start(t, "[ispyd]\nLISTEN\nplugins = [\"process\", \"runtime\"]\n")
	outer := start(t, fmt.Sprintf("[ispyd]\nLISTEN\nplugins = []\n[inner]\nmount = %q\n[gone]\nmount = \"/does/not/exist\"\n", inner.Addr()))
	c := dial(t, outer)
	if got, want := cat(t, c, "inner/runtime/version"), runtime.Version()+"\n"; got != want {
		t.Errorf("version %q, want %q", got, want)
	}
	entries, err := c.ReadDir(t.Context(), "inner/runtime")
	if err != nil || len(entries) < 5 {
		t.Errorf("inner/runtime: %d entries, %v", len(entries), err)
	}
	if got := cat(t, c, "inner/runtime/goroutines"); !strings.Contains(got, "\ngoroutine ") {
		t.Errorf("inner/runtime/goroutines is short: %q", got)
	}
	if err := c.WriteFile(t.Context(), "inner/runtime/ctl", []byte("gcc\n")); err == nil || !strings.Contains(err.Error(), "unknown verb (near: gc)") {
		t.Errorf("a bad verb through the mount: %v", err)
	}
	if err := c.WriteFile(t.Context(), "inner/runtime/ctl", []byte("gc\n")); err != nil {
		t.Errorf("gc through the mount: %v", err)
	}
	if _, err := c.ReadFile(t.Context(), "gone/x"); err == nil {
		t.Error("a file of a server that is not there was read")
	}
	if got := cat(t, c, "README"); !strings.Contains(got, "inner/PATH\t") {
		t.Errorf("README:\n%s", got)
	}
	// The other server comes back under the same address.
	inner.Close()
	if _, err := c.ReadFile(t.Context(), "inner/pid"); err == nil {
		t.Error("a file of a server that has gone was read")
	}
}

func TestManyStartsAndStops(t *testing.T) {
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				srv := start(t, "[ispyd]\nLISTEN\n")
				c := dial(t, srv)
				cat(t, c, "process/pid")
				c.Close()
				srv.Close()
			}
		})
	}
	wg.Wait()
	for deadline := time.Now().Add(30 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
		}
	}
}
