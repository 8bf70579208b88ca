package client

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestLoad(t *testing.T) {
	dir := shortDir(t)
	t.Chdir(dir)
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	conf := writeFile(t, filepath.Join(dir, "ispyd.toml"), "[ispyd]\nlisten = \"/run/x/%(pid)s.sock\"\nnewer = 1\n[other]\nlisten = 3\n")
	l := listenUnix(t, filepath.Join(dir, "s%"))
	defer l.Close()
	for arg, want := range map[string]string{
		conf:                       "/run/x/%(pid)s.sock",
		"ispyd.toml":               "/run/x/%(pid)s.sock",
		filepath.Join(dir, "s%"):   filepath.Join(dir, "s%%"),
		"s%":                       filepath.Join(cwd, "s%%"),
		"localhost:12345":          "localhost:12345",
		"/run/%(hostname)s/x.sock": "/run/%(hostname)s/x.sock",
	} {
		c, err := Load(arg, "")
		if err != nil || c.Listen != want || c.Source != arg {
			t.Errorf("Load(%s) = %+v, %v, want %s", arg, c, err, want)
		}
	}
	// The file is ours, the sockets are beneath the root.
	c, err := Load(conf, dir)
	if err != nil || c.Root != dir {
		t.Errorf("with a root: %+v, %v", c, err)
	}
	if c, err := Load("/s%", dir); err != nil || c.Listen != "/s%%" {
		t.Errorf("a socket in a root: %+v, %v", c, err)
	}
}

func TestLoadErrors(t *testing.T) {
	dir := shortDir(t)
	l := listenUnix(t, filepath.Join(dir, "sock"))
	defer l.Close()
	file := filepath.Join(dir, "x.toml")
	for text, want := range map[string]string{
		"[ispyd]\n":            "x.toml:1: ispyd: has no listen",
		"":                     "x.toml: there is no section [ispyd]",
		"[ispy]\nlisten = 1\n": "no section [ispyd] (near: ispy)",
		"[ispyd]\nplugins = []\nlisen = \"/x\"\n":  "x.toml:3: ispyd.lisen: unknown key (near: listen)",
		"[ispyd]\nlisten = 3\n":                    "x.toml:2: ispyd.listen: must be a string",
		"[ispyd]\n\nlisten = \"x/y\"\n":            "x.toml:3: ispyd.listen: x/y is a relative path",
		"[ispyd]\nlisten = \"/%(user)s\"\n":        "x.toml:2: ispyd.listen: /%(user)s: there is no %(user)s",
		"[ispyd]\nlisten = \"/x\n":                 "x.toml:2:",
		"ispyd = 1\n":                              "x.toml:1: ispyd",
		"[ispyd]\nlisten = \"/x\"\nlisten = \"y\"": "x.toml:3:",
	} {
		writeFile(t, file, text)
		_, err := Load(file, "")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	for _, tt := range []struct{ arg, root, want string }{
		{"", "", "neither a configuration file nor an address"},
		{dir, "", "is a directory"},
		{filepath.Join(dir, "none"), "", "file does not exist: a configuration file, a socket or host:port is wanted"},
		{"none", "", "wanted"},
		{"/%(x)s%(y)s", "", "there is no %(x)s"},
		{"localhost:99999", "", "wanted"},
		{"localhost:1", filepath.Join(dir, "none"), "the root"},
		{"localhost:1", file, "is not a directory"},
		{filepath.Join(dir, "sock"), t.TempDir(), "is a socket, but not beneath"},
	} {
		if c, err := Load(tt.arg, tt.root); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Load(%q, %q) = %+v, %v, want %s", tt.arg, tt.root, c, err, tt.want)
		}
	}
}

func TestDefaultConfig(t *testing.T) {
	dir := shortDir(t)
	t.Chdir(dir)
	t.Setenv(ConfigEnv, "")
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", "")
	if name, err := DefaultConfig(); err == nil {
		t.Skipf("this machine has a %s", name)
	} else if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "ispyd.toml, "+dir+"/.config/ispyd/ispyd.toml, /etc/ispyd.toml") {
		t.Errorf("nowhere: %v", err)
	}
	steps := []struct {
		set  func()
		want string
	}{
		{func() { writeFile(t, ".config/ispyd/ispyd.toml", "") }, filepath.Join(dir, ".config/ispyd/ispyd.toml")},
		{func() {
			t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "xdg"))
			writeFile(t, "xdg/ispyd/ispyd.toml", "")
		}, filepath.Join(dir, "xdg/ispyd/ispyd.toml")},
		{func() { writeFile(t, "ispyd.toml", "") }, "ispyd.toml"},
		{func() { t.Setenv(ConfigEnv, "/nowhere/x.toml") }, "/nowhere/x.toml"},
	}
	for _, step := range steps {
		step.set()
		if name, err := DefaultConfig(); err != nil || name != step.want {
			t.Errorf("%q, %v, want %q", name, err, step.want)
		}
	}
}

func TestServers(t *testing.T) {
	place := shortDir(t)
	live := startServer(t, role(t, "serve", filepath.Join(place, "web.1.sock")))
	stopped := startServer(t, role(t, "serve", filepath.Join(place, "web.7.sock")))
	for _, name := range []string{"web.30.sock", "db.1.sock"} {
		l := listenUnix(t, filepath.Join(place, name))
		l.SetUnlinkOnClose(false)
		l.Close()
	}
	mute := listenUnix(t, filepath.Join(place, "web.20.sock")) // listens, never answers
	defer mute.Close()
	stop(t, stopped.Process.Pid)

	c, err := Load(filepath.Join(place, "%(hostname)s.%(pid)s.sock"), "")
	if err != nil {
		t.Fatal(err)
	}
	names := func(only string) string {
		live, err := c.Live(t.Context(), only)
		if err != nil {
			t.Error(err)
		}
		var names []string
		for _, s := range live {
			names = append(names, s.Name)
		}
		return strings.Join(names, " ")
	}
	if got := names(""); got != "web.1 web.7 web.20" {
		t.Errorf("live: %s", got)
	}
	if got := names("web.7") + names("web.30") + names("web"); got != "web.7" {
		t.Errorf("live, one only: %s", got)
	}
	servers, err := c.Servers(t.Context())
	if err != nil || len(servers) != 5 {
		t.Fatalf("%+v, %v", servers, err)
	}
	var got []string
	for _, s := range servers {
		got = append(got, fmt.Sprint(s.Name, " ", s.Stale, " ", s.Err == nil, " ", strings.TrimSuffix(s.State, " (SIGSTOP)")))
	}
	want := []string{"db.1 true false ", "web.1 false true running", "web.7 false true stopped", "web.20 false true not answering", "web.30 true false "}
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		want[2] = "web.7 false true not answering"
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if s := servers[1]; s.PID != live.Process.Pid || s.UID != os.Getuid() {
		t.Errorf("the live one: %+v", s)
	}
	if err := servers[4].Err; !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the stale one: %v", err)
	}
	conn, err := servers[1].Dial(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ReadFile(t.Context(), "process/pid"); err != nil {
		t.Error(err)
	}
}

// Without a pid in the pattern, servers are called by the kernel's, or by what
// their own file says.
func TestServerNames(t *testing.T) {
	tree := serveTree(t, dir(map[string]*node{"pid": text("4711\n")}))
	c, err := Load(tree.addr, "")
	if err != nil {
		t.Fatal(err)
	}
	servers, err := c.Servers(t.Context())
	if err != nil || len(servers) != 1 || servers[0].Name != fmt.Sprint(os.Getpid()) {
		t.Errorf("a fixed socket: %+v, %v", servers, err)
	}
	c, err = Load(proxyListener(t, listenTCP(t), tree.addr, nil), "")
	if err != nil {
		t.Fatal(err)
	}
	servers, err = c.Servers(t.Context())
	if err != nil || len(servers) != 1 || servers[0].Name != "4711" || servers[0].State != "running" || servers[0].PID != 0 {
		t.Errorf("over TCP: %+v, %v", servers, err)
	}
	nothing := listenTCP(t)
	nothing.Close()
	if c, err = Load(nothing.Addr().String(), ""); err != nil {
		t.Fatal(err)
	}
	servers, err = c.Servers(t.Context())
	if err != nil || len(servers) != 1 || servers[0].Stale || !errors.Is(servers[0].Err, syscall.ECONNREFUSED) || servers[0].Name != nothing.Addr().String() {
		t.Errorf("nobody over TCP: %+v, %v", servers, err)
	}
	same := []Server{{Addr: "/a/app.sock"}, {Addr: "/b/app.sock"}, {Name: "5"}, {Name: "5"}}
	name(same)
	if same[0].Name != "app" || same[1].Name != "app-2" || same[2].Name != "5" || same[3].Name != "5-2" {
		t.Errorf("names: %+v", same)
	}
}

// A server in a container: its pattern is found beneath its root, its links
// mean that root.
func TestServersInRoot(t *testing.T) {
	root := shortDir(t)
	if err := os.MkdirAll(filepath.Join(root, "run/app"), 0o700); err != nil {
		t.Fatal(err)
	}
	os.Symlink("/run", filepath.Join(root, "var"))
	tree := serveTree(t, sampleTree())
	if err := os.Link(tree.addr, filepath.Join(root, "run/app/1.sock")); err != nil {
		t.Fatal(err)
	}
	conf := writeFile(t, filepath.Join(t.TempDir(), "ispyd.toml"), "[ispyd]\nlisten = \"/var/app/%(pid)s.sock\"\n")
	c, err := Load(conf, root)
	if err != nil {
		t.Fatal(err)
	}
	servers, err := c.Servers(t.Context())
	if err != nil || len(servers) != 1 || servers[0].Name != "1" || servers[0].PID != os.Getpid() || servers[0].Addr != "/var/app/1.sock" {
		t.Fatalf("%+v, %v", servers, err)
	}
	conn, err := servers[0].Dial(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if b, err := conn.ReadFile(t.Context(), "process/pid"); err != nil || string(b) != "4711\n" {
		t.Errorf("%q, %v", b, err)
	}
}
