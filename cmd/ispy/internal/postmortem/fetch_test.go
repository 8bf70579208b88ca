package postmortem

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/internal/servetest"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

// lister notes, whenever something is written, what a directory has.
type lister struct {
	text bytes.Buffer
	dir  string
	left []string
}

func (l *lister) Write(b []byte) (int, error) {
	left, err := filepath.Glob(filepath.Join(l.dir, "*"))
	if err != nil {
		return 0, err
	}
	l.left = append(l.left, left...)
	return l.text.Write(b)
}

// Where debug writes to may be closed, and the program ended by that: the core that
// was fetched has no name by then. It can be saved all the same.
func TestFetchedIsGone(t *testing.T) {
	exe := subject(t, "exe")
	core, err := os.ReadFile(captured(t, exe, "string"))
	if err != nil {
		t.Fatal(err)
	}
	plugin := plugins.Plugin{Name: "debugger", Doc: "for tests", Open: func(plugins.Config) (nodes.Dir, io.Closer, error) {
		return nodes.Directory("debugger", "for tests", nodes.Directory("tracebacks", "for tests",
			nodes.Directory("latest", "for tests", nodes.Static("core", "for tests", core)))), nil, nil
	}}
	_, config := servetest.Start(t, "plugins = [\"process\"]\n", plugin)
	s := space.New([]*client.Config{config}, time.Minute)
	t.Cleanup(s.Close)

	temporary, to := t.TempDir(), filepath.Join(t.TempDir(), "saved")
	t.Setenv("TMPDIR", temporary)
	out, errs := &lister{dir: temporary}, &lister{dir: temporary}
	c := &verb.Call{Dir: "/" + strconv.Itoa(os.Getpid()), Space: s, Stdin: strings.NewReader(""), Stdout: out, Stderr: errs}
	if code := Verbs()[0].Do(context.Background(), c, []string{"-exe", exe, "-c", "bt; save " + to}); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs.text.String())
	}
	if left := append(out.left, errs.left...); len(left) > 0 || !strings.Contains(out.text.String(), "main.order") {
		t.Errorf("%q were there when it wrote\n%s", left, out.text.String())
	}
	if saved, err := os.ReadFile(to); err != nil || !bytes.Equal(saved, core) {
		t.Errorf("saved: %d of %d bytes, %v", len(saved), len(core), err)
	}
}
