package fs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	ispyfs "github.com/ispyd/ispyd/fs"
)

// listenFails fails unless Listen does, with a text that holds all of want.
func listenFails(t *testing.T, addr string, want ...string) error {
	t.Helper()
	l, err := ispyfs.Listen(addr)
	if err == nil {
		l.Close()
		t.Fatalf("listens on %s", addr)
	}
	for _, w := range append(want, addr) {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%v\nwant in it: %s", err, w)
		}
	}
	return err
}

func listens(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := ispyfs.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestListenMakesDirectory(t *testing.T) {
	dir := filepath.Join(shortDir(t), "d")
	l := listens(t, dir+"/s")
	if m := modeOf(t, dir); m != fs.ModeDir|0o700 {
		t.Errorf("the directory has mode %v", m)
	}
	if m := modeOf(t, dir+"/s"); m != fs.ModeSocket|0o600 {
		t.Errorf("the socket has mode %v", m)
	}
	l.Close()
	if _, err := os.Lstat(dir + "/s"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	err := listenFails(t, dir+"/not/there/s", dir+"/not/there does not exist")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestListenDirectory(t *testing.T) {
	dir := shortDir(t)
	chmod := func(mode fs.FileMode) {
		t.Helper()
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, mode := range []fs.FileMode{0o777, 0o770, 0o722} {
		chmod(mode)
		err := listenFails(t, dir+"/s", "others can write to the directory "+dir, fmt.Sprintf("mode %#o", mode), "name a directory below it")
		if !errors.Is(err, fs.ErrPermission) {
			t.Error(err)
		}
	}
	// One below it is ours.
	listens(t, dir+"/mine/s")
	for _, mode := range []fs.FileMode{0o777 | fs.ModeSticky, 0o755, 0o700} {
		chmod(mode)
		listens(t, dir+"/s").Close()
	}
	if os.Geteuid() != 0 {
		t.Log("not root: skipped what concerns the directories of others")
		return
	}
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	listenFails(t, dir+"/s", "belongs to uid 65534", "uid 0 or root")
}

func TestListenNoDirectory(t *testing.T) {
	dir := shortDir(t)
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	listenFails(t, dir+"/file/s", "not a directory")
	listenFails(t, dir+"/file", "exists and is not a socket")
	listenFails(t, dir+"/"+strings.Repeat("x", 200), "too long for the path of a socket")
	listenFails(t, "relative/path", "relative path")
}

// Nobody listens on it: it is replaced.
func TestListenStale(t *testing.T) {
	path := socketPath(t)
	old, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	old.(*net.UnixListener).SetUnlinkOnClose(false)
	old.Close()
	l := listens(t, path)
	if _, err := net.Dial("unix", path); err != nil {
		t.Fatal(err)
	}
	l.Close()
}

// Somebody listens on it: the error names him.
func TestListenLive(t *testing.T) {
	path := socketPath(t)
	l := listens(t, path)
	listenFails(t, path, fmt.Sprintf("process %d (%s) listens there already", os.Getpid(), filepath.Base(os.Args[0])), "%(pid)s")
	if _, err := net.Dial("unix", path); err != nil {
		t.Errorf("the first has lost its socket: %v", err)
	}
	l.Close()
}

// Closing removes one's own socket, not that of another.
func TestListenKeepsOthers(t *testing.T) {
	path := socketPath(t)
	first := listens(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second := listens(t, path)
	first.Close()
	if _, err := net.Dial("unix", path); err != nil {
		t.Errorf("the second has lost its socket: %v", err)
	}
	second.Close()
}

// Of many that start at once on the place of a stale socket one gets it.
func TestListenAtOnce(t *testing.T) {
	path := socketPath(t)
	for range 50 {
		old, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		old.(*net.UnixListener).SetUnlinkOnClose(false)
		old.Close()
		var wg sync.WaitGroup
		var n atomic.Int32
		got := make(chan net.Listener, 8)
		for range cap(got) {
			wg.Go(func() {
				if l, err := ispyfs.Listen(path); err == nil {
					n.Add(1)
					got <- l
				}
			})
		}
		wg.Wait()
		if n.Load() != 1 {
			t.Fatalf("%d listen", n.Load())
		}
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		(<-got).Close()
	}
}

func TestListenTCP(t *testing.T) {
	for _, addr := range []string{"localhost:0", "127.0.0.1:0"} {
		l := listens(t, addr)
		if ip := l.Addr().(*net.TCPAddr).IP; !ip.IsLoopback() {
			t.Errorf("%s is %v", addr, ip)
		}
	}
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0"} {
		err := listenFails(t, addr, "only loopback", "until there is TLS with client certificates")
		if !errors.Is(err, fs.ErrPermission) {
			t.Error(err)
		}
	}
	listenFails(t, "localhost:http", "the port is a number")
	listenFails(t, "localhost", "neither the absolute path of a socket nor host:port")
}
