package process

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/nodes"
)

func isSentinel(err error) bool {
	for _, s := range []error{fs.ErrNotExist, fs.ErrPermission, nodes.ErrNotSupported} {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}

// TestRestricted opens every file where /proc is missing, where its files are
// directories and its directories files, and where they hold garbage: an error
// with a text, or what can be told without them.
func TestRestricted(t *testing.T) {
	files := []string{"stat", "limits", "status", "maps", "smaps_rollup", "io", "cgroup", "mountinfo"}
	broken, garbage := t.TempDir(), t.TempDir()
	for _, p := range files {
		makeDir(t, filepath.Join(broken, "proc/self", p))
		makeFile(t, filepath.Join(garbage, "proc/self", p))
	}
	makeFile(t, filepath.Join(broken, fdDir))
	makeFile(t, filepath.Join(broken, taskDir))
	makeFile(t, filepath.Join(garbage, taskDir, "1/stat"))
	for _, c := range []struct {
		name, root string
		fail       []string
	}{
		{"missing", t.TempDir(), []string{"limits", "fds", "threads", "memory", "maps", "smaps", "start", "uptime"}},
		{"broken", broken, []string{"limits", "fds", "threads", "memory", "maps", "smaps", "start", "uptime"}},
		{"garbage", garbage, []string{"limits", "threads", "start", "uptime"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := nodes.Directory("process", "under test", platform(system{root: c.root})...)
			for _, name := range c.fail {
				f, err := nodes.Lookup(t.Context(), dir, name)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				_, err = f.(nodes.File).Open(t.Context(), nodes.Read)
				if !isSentinel(err) || !strings.Contains(err.Error(), "/proc/self/") {
					t.Errorf("%s: %v, want a sentinel and a text that names the file", name, err)
				}
			}
			// These fall back on what Go and the system calls tell.
			for _, name := range []string{"cwd", "executable", "usage"} {
				if b, err := fs.ReadFile(nodes.FS(t.Context(), dir), name); err != nil || len(b) == 0 {
					t.Errorf("%s: %q, %v", name, b, err)
				}
			}
			if n, err := nodes.Lookup(t.Context(), dir, "cgroup"); err == nil {
				t.Errorf("there is a %s", n.Name())
			}
		})
	}
}

func makeDir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o777); err != nil {
		t.Fatal(err)
	}
}

// makeFile makes a file that no parser takes.
func makeFile(t *testing.T, path string) {
	t.Helper()
	makeDir(t, filepath.Dir(path))
	if err := os.WriteFile(path, []byte("\x00((\n: \n - \n"), 0o666); err != nil {
		t.Fatal(err)
	}
}
