package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// root is the module's directory.
var root = filepath.Join("..", "..")

var looked = sync.OnceValues(func() (*world, error) { return look(context.Background(), root) })

// theWorld is what the programs say, as they are now. The tree is that of Linux.
func theWorld(t *testing.T) *world {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("NOT CHECKED: the pages tell of the tree that there is on Linux; on", runtime.GOOS, "it is smaller")
	}
	w, err := looked()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// page is a page as it is generated now.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := generate(name, theWorld(t))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// words undoes what roff needs: the page with its characters as they are shown, and
// without changes of font.
func words(page string) string {
	return strings.NewReplacer(
		`\fB`, "", `\fI`, "", `\fP`, "", `\fR`, "", `\&`, "",
		`\e`, `\`, `\-`, "-", `\(aq`, "'", `\(ga`, "`", `\(ha`, "^", `\(ti`, "~", `\(dq`, `"`,
	).Replace(page)
}

func TestPagesAreUpToDate(t *testing.T) {
	for _, name := range pages {
		now := page(t, name)
		file := filepath.Join(root, pagesDir, name)
		kept, err := os.ReadFile(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			t.Errorf("%s is not there: make man", file)
		case err != nil:
			t.Error(err)
		case string(kept) != now:
			t.Errorf("%s is out of date: make man\n%s", file, firstDifference(string(kept), now))
		}
	}
}

// firstDifference shows the first line that differs.
func firstDifference(kept, now string) string {
	a, b := strings.Split(kept, "\n"), strings.Split(now, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return "- " + a[i] + "\n+ " + b[i]
		}
	}
	return "one of them goes on where the other ends"
}

// TestPagesFormat has the formatters that are installed complain.
func TestPagesFormat(t *testing.T) {
	dir := t.TempDir()
	var files []string
	for _, name := range pages {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(page(t, name)), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	formatters := []struct {
		name string
		args []string
		fine func(complaint string) bool
	}{
		{name: "man", args: []string{"--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"}},
		{name: "groff", args: []string{"-man", "-ww", "-z", "-Tutf8"}},
		// The pages have no date, so that they are the same each day.
		{name: "mandoc", args: []string{"-T", "lint", "-W", "warning"},
			fine: func(s string) bool { return strings.Contains(s, "missing date") }},
	}
	checked := false
	for _, f := range formatters {
		if _, err := exec.LookPath(f.name); err != nil {
			continue
		}
		checked = true
		for _, file := range files {
			cmd := exec.Command(f.name, append(f.args, file)...)
			cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANROFFSEQ=", "MANROFFOPT=", "MANWIDTH=80")
			var stderr strings.Builder
			cmd.Stderr = &stderr
			if f.name == "mandoc" {
				cmd.Stdout = &stderr
			}
			// The exit code of a linter says no more than what it prints.
			if err := cmd.Run(); err != nil && f.name != "mandoc" {
				t.Errorf("%s %s: %v", f.name, filepath.Base(file), err)
			}
			for line := range strings.Lines(stderr.String()) {
				if f.fine == nil || !f.fine(line) {
					t.Errorf("%s: %s", f.name, line)
				}
			}
		}
	}
	if !checked {
		t.Skip("NOT CHECKED: none of man, groff and mandoc is installed, so whether the pages format is not known")
	}
}

func TestPagesHaveNoDate(t *testing.T) {
	for _, name := range pages {
		if first, _, _ := strings.Cut(page(t, name), "\n"); !strings.HasPrefix(first, `.TH "`) || !strings.Contains(first, `" "" "ispyd" "`) {
			t.Errorf("%s begins with %q", name, first)
		}
	}
}
