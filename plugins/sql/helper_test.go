package sql

import (
	"io"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

// opened opens the plugin with a configuration.
func opened(t testing.TB, text string) nodes.Dir {
	t.Helper()
	dir, closer, err := Plugin.Open(plugintest.Config(t, "sql", text))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closer.Close() })
	return dir
}

func openFile(t testing.TB, dir nodes.Dir, name string, flags nodes.Flags) (nodes.Handle, error) {
	t.Helper()
	n, err := nodes.Walk(t.Context(), dir, name)
	if err != nil {
		return nil, err
	}
	return n.(nodes.File).Open(t.Context(), flags)
}

// cat returns what a file shows.
func cat(t testing.TB, dir nodes.Dir, name string) string {
	t.Helper()
	h, err := openFile(t, dir, name, nodes.Read)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer h.Close()
	return readHandle(t, h)
}

func readHandle(t testing.TB, h nodes.Handle) string {
	t.Helper()
	size, _ := h.Stat()
	b := make([]byte, size)
	if n, err := h.ReadAt(t.Context(), b, 0); err != nil && err != io.EOF || n != len(b) {
		t.Fatal(n, err)
	}
	return string(b)
}

// write writes a command to a file.
func write(t testing.TB, dir nodes.Dir, name, command string) error {
	t.Helper()
	h, err := openFile(t, dir, name, nodes.Write)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer h.Close()
	_, err = h.WriteAt(t.Context(), []byte(command+"\n"), 0)
	return err
}

// facts parses "name\tvalue" lines.
func facts(text string) map[string]string {
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
