package process

import (
	"encoding/json"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/nodes/nodetest"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

func openPlugin(t *testing.T) nodes.Dir {
	t.Helper()
	dir, _, err := Plugin.Open(plugintest.Config(t, "process", ""))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTree(t *testing.T) {
	nodetest.Check(t, func(t *testing.T) (nodes.Dir, io.Closer) { return openPlugin(t), nil })
}

func TestSectionHasNoKeys(t *testing.T) {
	if _, _, err := Plugin.Open(plugintest.Config(t, "process", "[process]\nx = 1\n")); err == nil {
		t.Error("a key that there is not is taken")
	}
}

func TestIdentityHidesSecrets(t *testing.T) {
	t.Setenv("ISPYD_TEST_TOKEN", "hunter2")
	t.Setenv("ISPYD_TEST_LINES", "a\nb")
	for _, c := range []struct {
		hide *redact.Redactor
		argv []string
		env  string
	}{
		{nil, []string{"srv", "--password", "[redacted]", "two\nlines"}, "[redacted]"},
		{redact.New(nil, true), []string{"srv", "--password", "hunter2", "two\nlines"}, "hunter2"},
	} {
		tree := nodes.FS(t.Context(), nodes.Directory("process", "under test", identity(c.hide, []string{"srv", "--password", "hunter2", "two\nlines"})...))
		var argv []string
		readJSON(t, tree, "argv", &argv)
		if !slices.Equal(argv, c.argv) {
			t.Errorf("argv = %q, want %q", argv, c.argv)
		}
		var env map[string]string
		readJSON(t, tree, "environ", &env)
		if env["ISPYD_TEST_TOKEN"] != c.env || env["ISPYD_TEST_LINES"] != "a\nb" {
			t.Errorf("environ = %q", env)
		}
		if b, err := fs.ReadFile(tree, "argv"); err != nil || string(b) != "srv\n--password\n"+c.argv[2]+"\ntwo\\nlines\n" {
			t.Errorf("argv as text: %q, %v", b, err)
		}
		b, err := fs.ReadFile(tree, "environ")
		lines := slices.Collect(splitLines(b))
		if err != nil || !slices.IsSorted(lines) || !slices.Contains(lines, "ISPYD_TEST_TOKEN="+c.env) || !slices.Contains(lines, `ISPYD_TEST_LINES=a\nb`) {
			t.Errorf("environ as text: %q, %v", b, err)
		}
	}
}

func readJSON(t *testing.T, tree fs.FS, name string, v any) {
	t.Helper()
	b, err := fs.ReadFile(tree, name+".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s.json: %v in %s", name, err, b)
	}
}

func splitLines(b []byte) iter.Seq[string] {
	return strings.SplitSeq(strings.TrimSuffix(string(b), "\n"), "\n")
}
