package plugintest

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

// Open opens a plugin with a configuration, a TOML text, and closes it at the end of
// the test.
func Open(t testing.TB, p plugins.Plugin, text string) nodes.Dir {
	t.Helper()
	dir, closer, err := p.Open(Config(t, p.Name, text))
	if err != nil {
		t.Fatal(err)
	}
	if closer != nil {
		t.Cleanup(func() { closer.Close() })
	}
	return dir
}

// OpenFile opens the file at a path below dir.
func OpenFile(t testing.TB, dir nodes.Dir, name string, flags nodes.Flags) (nodes.Handle, error) {
	t.Helper()
	n, err := nodes.Walk(t.Context(), dir, name)
	if err != nil {
		return nil, err
	}
	return n.(nodes.File).Open(t.Context(), flags)
}

// Read returns what a file shows.
func Read(t testing.TB, dir nodes.Dir, name string) string {
	t.Helper()
	h, err := OpenFile(t, dir, name, nodes.Read)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer h.Close()
	return ReadHandle(t, h)
}

// ReadHandle returns what an open file shows.
func ReadHandle(t testing.TB, h nodes.Handle) string {
	t.Helper()
	size, _ := h.Stat()
	b, err := io.ReadAll(io.NewSectionReader(readerAt{t.Context(), h}, 0, size))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

type readerAt struct {
	ctx context.Context
	h   nodes.Handle
}

func (r readerAt) ReadAt(p []byte, off int64) (int, error) { return r.h.ReadAt(r.ctx, p, off) }

// Write writes a command to a file.
func Write(t testing.TB, dir nodes.Dir, name, command string) error {
	t.Helper()
	return WriteIn(t.Context(), t, dir, name, command)
}

// WriteIn is Write with a context, such as one of [nodes.WithLeases].
func WriteIn(ctx context.Context, t testing.TB, dir nodes.Dir, name, command string) error {
	t.Helper()
	h, err := OpenFile(t, dir, name, nodes.Write)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer h.Close()
	_, err = h.WriteAt(ctx, []byte(command+"\n"), 0)
	return err
}

// Facts parses lines of name, tab, value, up to the first empty one.
func Facts(text string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(text) {
		if line == "\n" {
			break
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		m[name] = value
	}
	return m
}

// Row returns the row of an id in a table, nil where it is not there.
func Row(t testing.TB, dir nodes.Dir, name string, id uint64) map[string]any {
	t.Helper()
	var rows []map[string]any
	if err := json.Unmarshal([]byte(Read(t, dir, name+".json")), &rows); err != nil {
		t.Fatalf("%s.json: %v", name, err)
	}
	for _, r := range rows {
		if r["id"] == float64(id) {
			return r
		}
	}
	return nil
}

// Ended waits until recent has an id and returns its row.
func Ended(t testing.TB, dir nodes.Dir, id uint64) map[string]any {
	t.Helper()
	for t.Context().Err() == nil {
		if row := Row(t, dir, "recent", id); row != nil {
			return row
		}
	}
	return nil
}
