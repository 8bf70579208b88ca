package process

import (
	"context"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/ispyd/ispyd/nodes"
)

var update = flag.Bool("update", false, "rewrite the wanted answers in testdata")

// unpack writes the files of an archive below a temporary directory and
// returns the system that they make.
func unpack(t *testing.T, a *txtar.Archive) system {
	t.Helper()
	dir := t.TempDir()
	for _, f := range a.Files {
		if strings.HasPrefix(f.Name, "want/") {
			continue
		}
		p := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, f.Data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return system{root: dir, cpus: func() (int, int) { return 8, 16 }}
}

// TestCgroup reads the directory cgroup of the systems in testdata.
func TestCgroup(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := readCgroup(t, unpack(t, a))
			var files []txtar.File
			want := make(map[string]string)
			for _, f := range a.Files {
				if w, ok := strings.CutPrefix(f.Name, "want/"); ok {
					want[w] = string(f.Data)
					continue
				}
				files = append(files, f)
			}
			if *update {
				for _, f := range got {
					files = append(files, txtar.File{Name: "want/" + f.Name, Data: f.Data})
				}
				a.Files = files
				if err := os.WriteFile(name, txtar.Format(a), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			for _, f := range got {
				if w, ok := want[f.Name]; !ok || w != string(f.Data) {
					t.Errorf("%s:\n%s\nwant\n%s", f.Name, f.Data, w)
				}
				delete(want, f.Name)
			}
			for f := range want {
				t.Errorf("%s is not there", f)
			}
		})
	}
}

func readCgroup(t *testing.T, s system) []txtar.File {
	t.Helper()
	node := s.cgroup()
	if node == nil {
		return nil
	}
	var list []txtar.File
	tree := nodes.FS(t.Context(), node.(nodes.Dir))
	err := fs.WalkDir(tree, ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := fs.ReadFile(tree, p)
		list = append(list, txtar.File{Name: p, Data: b})
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return list
}

// TestCgroupGone looks into the directory after the groups have gone.
func TestCgroupGone(t *testing.T) {
	a, err := txtar.ParseFile("testdata/v2-container.txtar")
	if err != nil {
		t.Fatal(err)
	}
	s := unpack(t, a)
	dir := s.cgroup().(nodes.Dir)
	memory, err := dir.Lookup(t.Context(), "memory")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(s.root, "sys")); err != nil {
		t.Fatal(err)
	}
	if list, err := dir.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("List = %v, %v, want nothing", list, err)
	}
	if _, err := dir.Lookup(t.Context(), "memory"); !isSentinel(err) {
		t.Errorf("Lookup: %v, want an error with a sentinel", err)
	}
	if _, err := memory.(nodes.File).Open(context.Background(), nodes.Read); !isSentinel(err) {
		t.Errorf("Open: %v, want an error with a sentinel", err)
	}
}
