package term

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ispyd/ispyd/cmd/ispy/internal/complete"
)

func TestHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "ispyd", "history")
	h := openHistory(path)
	typed := []string{"ls", "for x; do\n  echo \\n $x\ndone", `a\b`, "grüße"}
	for _, line := range append(typed, " secret", "\tsecret", "", strings.Repeat("x", maxHistoryEntry+1)) {
		h.Write(line)
	}
	if err := h.warning(); err != nil {
		t.Fatal(err)
	}
	if got := openHistory(path).lines; !slices.Equal(got, typed) {
		t.Errorf("got %q, want %q", got, typed)
	}
	for name, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700 | os.ModeDir} {
		if info, err := os.Stat(name); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// Several editors write one history, and shorten it.
func TestHistoryShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			h := openHistory(path)
			for j := range 50 {
				h.Write(fmt.Sprintf("line %d of %d", j, i))
				if j%10 == 0 {
					openHistory(path)
				}
			}
		})
	}
	wg.Wait()
	if got := openHistory(path).Len(); got != 400 {
		t.Errorf("%d lines, want 400", got)
	}
}

func TestHistoryBounds(t *testing.T) {
	for name, data := range map[string]string{
		"lines": strings.Repeat("line\n", maxHistoryLines+10),
		"bytes": strings.Repeat(strings.Repeat("x", 1000)+"\n", 2000),
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
		h := openHistory(path)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if h.Len() == 0 || h.Len() > maxHistoryLines || info.Size() > maxHistoryBytes || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %d lines, %d bytes, mode %v", name, h.Len(), info.Size(), info.Mode())
		}
	}
}

func TestHistoryDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	if err := os.WriteFile(path, []byte("good\n\x00\x01\n\xff\xfe\n\n\x1b[6nbad\nbetter"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := openHistory(path)
	if got := h.lines; !slices.Equal(got, []string{"good", "better"}) || h.warning() != nil {
		t.Errorf("got %q, %v", got, h.err)
	}
}

// A history that cannot be kept is told of once, and is one all the same.
func TestHistoryUnwritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(file, "ispyd", "history"), t.TempDir(), os.DevNull} {
		h := openHistory(path)
		h.Write("ls")
		if h.warning() == nil || h.warning() != nil {
			t.Errorf("%s: there is not one warning", path)
		}
		if line, err := h.GetLine(0); line != "ls" {
			t.Errorf("%s: got %q, %v", path, line, err)
		}
	}
}

func TestMenu(t *testing.T) {
	docs := []complete.Candidate{{Display: "cat", Doc: "print files"}, {Display: "grüße", Doc: "kind"}}
	var many []complete.Candidate
	for i := range 100 {
		many = append(many, complete.Candidate{Display: fmt.Sprintf("name%02d", i)})
	}
	for _, tt := range []struct {
		m    menu
		want string
	}{
		{menu{candidates: docs, selected: -1, columns: 79, rows: 10}, "cat    print files\r\ngrüße  kind"},
		{menu{candidates: docs, selected: 0, columns: 12, rows: 10}, "\x1b[7mcat\x1b[27m    prin…\r\ngrüße  kind"},
		{menu{candidates: many, selected: -1, columns: 17, rows: 3}, "name00  name50\r\nname01  name51\r\n4 of 100 shown"},
		{menu{candidates: many[:3], selected: -1, columns: 80, rows: 9, note: "more"}, "name00  name01  name02\r\nmore"},
	} {
		if got := tt.m.String(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestColorFilter(t *testing.T) {
	var b strings.Builder
	f := colorFilter{w: &b}
	for _, c := range "a\x1b[31mb\x1b[0m\x1b[1;36mc\x1b[48;05;255m\x1b[7md\x1b[m\x1b[38;2;1;2;3me\x1b[K\x1b[1;" {
		f.Write([]byte(string(c)))
	}
	f.flush()
	if want := "ab\x1b[0m\x1b[1mc\x1b[7md\x1b[me\x1b[K\x1b[1;"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}
