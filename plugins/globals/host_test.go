package globals

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/internal/need"
)

// TestCgo reads C's types in a program that the system's linker has linked.
func TestCgo(t *testing.T) {
	need.Tools(t, "gcc")
	exe := filepath.Join(t.TempDir(), "cgo")
	build := exec.Command("go", "build", "-o", exe, "-ldflags=-linkmode=external", "./testdata/cgo")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := []struct{ path, text string }{
		{"main.limit", "40"},
		{"main.number", "3"},
		{"main.wide", "-4"},
		{"main.color", "2"},
		{"main.value.x", "5"},
		{"main.value.y", "0.5"},
		{"main.value.name[0]", "97"},
		{"main.pointer.next.next.x", "5"},
		{"main.byC[1].x", "5"},
		{"main.boxed.c", "2"},
		{"main.wild.x", "cannot be read"},
		{"main.wild", "cannot be read"},
		{"main.pointer", "/* cycle */"},
		{"main.value", "u: "},
		{"main.text", "&main._Ctype_char(116)"},
		{"main.raw", "0x"},
		{"main.counter", "no such variable"},
	}
	var paths []string
	for _, w := range want {
		paths = append(paths, w.path)
	}
	out, err := exec.Command(exe, paths...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Split(string(out), "\n")
	for i, w := range want {
		if i >= len(lines) || !strings.HasPrefix(lines[i], w.path+" is ") || !strings.Contains(lines[i][len(w.path)+4:], w.text) {
			t.Errorf("want %s to be %s:\n%s", w.path, w.text, out)
		}
	}
	if !strings.Contains(string(out), "now 41 42 43 3 -4 2 true 116 1 true 7 true\ndone true\n") {
		t.Errorf("it ends otherwise:\n%s", out)
	}
}

// TestExecutable reads a program whose file has been removed, or another written in
// its place, before the symbols are looked up.
func TestExecutable(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, exe string){
		"removed": func(t *testing.T, exe string) {
			if err := os.Remove(exe); err != nil {
				t.Fatal(err)
			}
		},
		"renamed": func(t *testing.T, exe string) {
			if err := os.Rename(exe, exe+".old"); err != nil {
				t.Fatal(err)
			}
		},
		"built over": func(t *testing.T, exe string) {
			out, err := exec.Command("go", "build", "-o", exe, "-gcflags=-N -l", "./testdata/helper").CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		},
		"replaced": func(t *testing.T, exe string) {
			other := exe + ".new"
			if err := os.WriteFile(other, []byte("#!/bin/sh\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(other, exe); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			exe := build(t)
			h := start(t, exe, writing)
			h.do("go", "", "limit") // it runs
			change(t, exe)
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
}
