package nodes_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ispyd/ispyd/nodes"
)

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", ".", "..", "a/b", "%", "%2F", "GET /x/{id}", "\x00", "\xff", "é", "..."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		e := nodes.Escape(name)
		if len(e) <= 255 && !nodes.ValidName(e) {
			t.Errorf("Escape(%q) = %q is not valid", name, e)
		}
		if got := nodes.Unescape(e); got != name {
			t.Errorf("Unescape(Escape(%q)) = %q", name, got)
		}
		nodes.Unescape(name)
	})
}

func FuzzCtl(f *testing.F) {
	for _, s := range []string{"run", "run\n", "stop 1 2", "\n\n", "run\nx\n", "if=slower:100ms,error", "\x00\xff", "pkg.(*T).F"} {
		f.Add(s)
	}
	var got []string
	ctl := nodes.Ctl("ctl", "acts",
		nodes.Verb{Name: "run", Args: "[what...]", Doc: "runs", Run: func(_ context.Context, args []string) error { got = args; return nil }},
		nodes.Verb{Name: "stop", Args: "A [B]", Doc: "stops", Run: func(_ context.Context, args []string) error { got = args; return nil }})
	f.Fuzz(func(t *testing.T, text string) {
		h, err := ctl.Open(t.Context(), nodes.Read|nodes.Write)
		if err != nil {
			t.Fatal(err)
		}
		got = nil
		n, err := h.WriteAt(t.Context(), []byte(text), 0)
		if err == nil {
			if n != len(text) {
				t.Errorf("%q: took %d of %d bytes", text, n, len(text))
			}
			for _, a := range got {
				if strings.ContainsAny(a, " \t\n") || a == "" {
					t.Errorf("%q: argument %q", text, a)
				}
			}
			return
		}
		if !errors.Is(err, fs.ErrInvalid) || strings.Contains(err.Error(), "\n") || !utf8.ValidString(err.Error()) && utf8.ValidString(text) {
			t.Errorf("%q: error %q", text, err)
		}
	})
}

func FuzzWalk(f *testing.F) {
	for _, s := range []string{"cpu/5s", "cpu/99h", "requests/7", "a//b", "..", "rows.json", "rows.json.json", ".json", "limit/x"} {
		f.Add(s)
	}
	dir := sample()
	f.Fuzz(func(t *testing.T, path string) {
		n, err := nodes.Walk(t.Context(), dir, path)
		if (n == nil) == (err == nil) {
			t.Errorf("%q: %v, %v", path, n, err)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q: %v", path, err)
		}
	})
}
