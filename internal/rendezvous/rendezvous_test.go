package rendezvous

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	for _, tt := range []struct{ pattern, want, err string }{
		{"/run/ispyd/%(pid)s.sock", "/run/ispyd/42.sock", ""},
		{"/run//ispyd/./%(hostname)s/%(pid)s.sock", "/run/ispyd/web-1/42.sock", ""},
		{"/run/%(hostname)s.%(pid)s", "/run/web-1.42", ""},
		{"/run/100%%.sock", "/run/100%.sock", ""},
		{"/run/app.sock", "/run/app.sock", ""},
		{"localhost:12345", "localhost:12345", ""},
		{"[::1]:0", "[::1]:0", ""},
		{":12345", ":12345", ""},
		{"/run/%(user)s.sock", "", "there is no %(user)s; there are %(pid)s and %(hostname)s"},
		{"/run/%(pid).sock", "", "without its )s"},
		{"/run/%d.sock", "", "%% is a percent sign"},
		{"/run/50%", "", "a single %"},
		{"run/app.sock", "", "run/app.sock is a relative path"},
		{"./app.sock", "", "relative path"},
		{"../a:1", "", "relative path"},
		{"app.sock", "", "neither the absolute path of a socket nor host:port"},
		{"localhost", "", "nor host:port"},
		{"localhost:http", "", `the port is a number from 0 to 65535, not "http"`},
		{"localhost:65536", "", "the port is a number"},
		{"localhost:-1", "", "the port is a number"},
		{"localhost:%(pid)s", "", "the port is a number"},
		{"%(hostname)s:9000", "", "only the path of a socket may hold placeholders"},
		{"", "", "the address is empty"},
		{"/", "", "is a directory"},
		{"/a\x00b", "", "NUL"},
		{"/" + strings.Repeat("x", MaxPath), "", "too long for the path of a socket"},
		{"/" + strings.Repeat("x", MaxPath-1), "/" + strings.Repeat("x", MaxPath-1), ""},
	} {
		got, err := Expand(tt.pattern, 42, "web-1")
		switch {
		case tt.err == "" && err != nil:
			t.Errorf("Expand(%q): %v", tt.pattern, err)
		case tt.err == "" && got != tt.want:
			t.Errorf("Expand(%q) = %q, want %q", tt.pattern, got, tt.want)
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("Expand(%q): %v, want %q", tt.pattern, err, tt.err)
		case tt.err != "" && !errors.Is(err, ErrAddress):
			t.Errorf("Expand(%q): %v is no ErrAddress", tt.pattern, err)
		}
	}
	for _, host := range []string{"", "a/b", "..", ".", "a\x00"} {
		if got, err := Expand("/run/%(hostname)s", 1, host); err == nil {
			t.Errorf("host name %q gives %q", host, got)
		}
	}
	if got, err := Expand("/run/%(pid)s", 0, "h"); err == nil {
		t.Errorf("pid 0 gives %q", got)
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, path, host string
		pid                 int
	}{
		{"/run/%(pid)s.sock", "/run/42.sock", "", 42},
		{"/run/%(pid)s.sock", "/run/42xsock", "", -1},
		{"/run/%(pid)s.sock", "/run/042.sock", "", -1},
		{"/run/%(pid)s.sock", "/run/0.sock", "", -1},
		{"/run/%(pid)s.sock", "/run/99999999999999999999.sock", "", -1},
		{"/run/%(pid)s.sock", "/run/x/42.sock", "", -1},
		{"/run/%(hostname)s/%(pid)s.sock", "/run/web-1/42.sock", "web-1", 42},
		{"/run/%(hostname)s-%(pid)s", "/run/web-1-42", "web-1", 42},
		{"/run/%(pid)s/%(pid)s", "/run/42/42", "", 42},
		{"/run/%(pid)s/%(pid)s", "/run/42/43", "", -1},
		{"/run/%(hostname)s", "/run/a\nb", "a\nb", 0},
		{"/run/[x]*/%(pid)s", "/run/[x]*/7", "", 7},
		{"/run/[x]*/%(pid)s", "/run/x/7", "", -1},
		{"localhost:1", "localhost:1", "", -1},
	} {
		p, err := Parse(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		f, ok := p.Match(tt.path)
		if ok != (tt.pid >= 0) || ok && (f.PID != tt.pid || f.Hostname != tt.host || f.Path != tt.path) {
			t.Errorf("%s: Match(%q) = %+v %v", tt.pattern, tt.path, f, ok)
		}
	}
}

// socket leaves the file of a socket that nobody listens on.
func socket(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "r")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	dir, err = filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestGlob(t *testing.T) {
	dir := shortDir(t)
	for _, name := range []string{"a/10.sock", "a/9.sock", "b/9.sock", "b/x.sock", "9.sock"} {
		socket(t, filepath.Join(dir, name))
	}
	os.WriteFile(filepath.Join(dir, "a/11.sock"), nil, 0o600)
	os.Symlink("10.sock", filepath.Join(dir, "a/12.sock"))
	os.Symlink("nowhere", filepath.Join(dir, "a/13.sock"))
	os.Symlink("a", filepath.Join(dir, "c"))
	socket(t, filepath.Join(dir, "[z]/1.sock"))

	for pattern, want := range map[string][]Found{
		"/%(pid)s.sock":              {{"/9.sock", 9, ""}},
		"/a/%(pid)s.sock":            {{"/a/9.sock", 9, ""}, {"/a/10.sock", 10, ""}, {"/a/12.sock", 12, ""}},
		"/b/%(pid)s.sock":            {{"/b/9.sock", 9, ""}},
		"/%(hostname)s/9.sock":       {{"/a/9.sock", 0, "a"}, {"/b/9.sock", 0, "b"}, {"/c/9.sock", 0, "c"}},
		"/%(hostname)s/%(pid)s.sock": {{"/[z]/1.sock", 1, "[z]"}, {"/a/9.sock", 9, "a"}, {"/a/10.sock", 10, "a"}, {"/a/12.sock", 12, "a"}, {"/b/9.sock", 9, "b"}, {"/c/9.sock", 9, "c"}, {"/c/10.sock", 10, "c"}, {"/c/12.sock", 12, "c"}},
		"/[z]/%(pid)s.sock":          {{"/[z]/1.sock", 1, ""}},
		"/a/10.sock":                 {{"/a/10.sock", 0, ""}},
		"/a/14.sock":                 nil,
		"/a/11.sock":                 nil,
		"/none/%(pid)s.sock":         nil,
		"/9.sock/%(pid)s.sock":       nil,
	} {
		// With the directory as root, and as part of the pattern.
		p, err := Parse(pattern)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Glob(dir)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Glob(%s) in a root = %v, %v, want %v", pattern, got, err, want)
		}
		p, err = Parse(dir + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			want[i].Path = dir + want[i].Path
		}
		got, err = p.Glob("")
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Glob(%s) = %v, %v, want %v", dir+pattern, got, err, want)
		}
	}
	p, _ := Parse("localhost:1")
	if _, err := p.Glob(""); err == nil {
		t.Error("host:port was looked for in a directory")
	}
}

func TestGlobUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read every directory")
	}
	dir := shortDir(t)
	socket(t, filepath.Join(dir, "a/1.sock"))
	socket(t, filepath.Join(dir, "b/2.sock"))
	os.Chmod(filepath.Join(dir, "a"), 0)
	t.Cleanup(func() { os.Chmod(filepath.Join(dir, "a"), 0o700) })
	p, _ := Parse(dir + "/%(hostname)s/%(pid)s.sock")
	found, err := p.Glob("")
	if len(found) != 1 || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "/a") {
		t.Errorf("Glob = %v, %v", found, err)
	}
}

// A root's own absolute links stay in it, as for the processes there.
func TestRoot(t *testing.T) {
	root := shortDir(t)
	socket(t, filepath.Join(root, "run/app/1.sock"))
	os.MkdirAll(filepath.Join(root, "var"), 0o700)
	os.Symlink("/run", filepath.Join(root, "var/run"))
	os.Symlink("../../../../../../run", filepath.Join(root, "var/up"))
	os.Symlink("/var/loop", filepath.Join(root, "var/loop"))
	outside := shortDir(t)
	socket(t, filepath.Join(outside, "2.sock"))
	os.Symlink(outside, filepath.Join(root, "var/out"))

	for _, dir := range []string{"/run/app", "/var/run/app", "/var/up/app", "/../run/app"} {
		p, err := Parse(dir + "/%(pid)s.sock")
		if err != nil {
			t.Fatal(err)
		}
		found, err := p.Glob(root)
		if err != nil || len(found) != 1 || found[0].PID != 1 {
			t.Errorf("Glob(%s) = %v, %v", dir, found, err)
		}
		real, err := Resolve(root, dir+"/1.sock")
		if want := filepath.Join(root, "run/app/1.sock"); err != nil || real != want {
			t.Errorf("Resolve(%s) = %q, %v, want %q", dir, real, err, want)
		}
	}
	p, _ := Parse("/var/out/%(pid)s.sock")
	if found, err := p.Glob(root); len(found) != 0 || err != nil {
		t.Errorf("a link leads out of the root: %v, %v", found, err)
	}
	if real, err := Resolve(root, "/var/out/2.sock"); err == nil {
		t.Errorf("a link leads out of the root: %q", real)
	}
	if _, err := Resolve(root, "/var/loop/x"); err == nil {
		t.Error("a loop has an end")
	}
	if real, err := Resolve("", "/var/run/x"); real != "/var/run/x" || err != nil {
		t.Errorf("without a root: %q, %v", real, err)
	}
}

func TestOpenPath(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("handles are of Linux")
	}
	dir := filepath.Join(shortDir(t), strings.Repeat("d", 100))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	// The path is too long to listen on; a handle on its directory is not.
	d, err := OpenPath("", dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	l, err := net.Listen("unix", HandlePath(d)+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, in := range [][2]string{{"", dir + "/s"}, {dir, "/s"}, {dir, "/../s"}} {
		f, err := OpenPath(in[0], in[1])
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("unix", HandlePath(f))
		if err != nil {
			t.Errorf("dialling %q by its handle: %v", in, err)
		} else {
			c.Close()
		}
		f.Close()
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"/run/%(pid)s.sock", "localhost:1", "%%", "/%(hostname)s/%(pid)s", "/a/../%(pid)s%%", "/%(pid)s/..", "//"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Parse(s)
		if err != nil {
			return
		}
		addr, err := p.Expand(4711, "host")
		if err != nil {
			return
		}
		if p.Network() == "unix" {
			found, ok := p.Match(addr)
			if !ok || p.Has("pid") && found.PID != 4711 && !p.Has("hostname") {
				t.Errorf("%q expands to %q, which it does not match: %+v", s, addr, found)
			}
			if len(p.segments) != strings.Count(addr, "/") {
				t.Errorf("%q: %d segments in %q", s, len(p.segments), addr)
			}
		}
	})
}
