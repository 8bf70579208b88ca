package files_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ispyd/ispyd"
	"github.com/ispyd/ispyd/cmd/ispy/internal/files"
	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

// program is a program with a plugin called test, and a shell at its tree.
type program struct {
	t     *testing.T
	space *space.Space
	srv   *ispyd.Server
	dir   string // of the sockets
	pid   string
	// What the next call gets.
	stdin    string
	terminal *verb.Terminal
	env      map[string]string
	json     bool
	cd       string
}

func start(t *testing.T, children ...nodes.Node) *program {
	t.Helper()
	t.Setenv("ISPYD", "")
	dir, err := os.MkdirTemp("", "f") // the paths of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	listen := filepath.Join(dir, "%(pid)s.sock")
	test := plugins.Plugin{Name: "test", Doc: "for tests", Open: func(plugins.Config) (nodes.Dir, io.Closer, error) {
		return nodes.Directory("test", "for tests", children...), nil, nil
	}}
	srv, err := ispyd.New(ispyd.Options{Config: fmt.Sprintf("[ispyd]\nlisten = %q\n", listen), Plugins: []plugins.Plugin{test}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	return &program{t: t, srv: srv, dir: dir, pid: strconv.Itoa(os.Getpid()), space: open(t, listen)}
}

func open(t *testing.T, listen string) *space.Space {
	t.Helper()
	config, err := client.Load(listen, "")
	if err != nil {
		t.Fatal(err)
	}
	s := space.New([]*client.Config{config}, 20*time.Second)
	t.Cleanup(s.Close)
	return s
}

// call is a call of the verb, and the verb.
func (p *program) call(line []string, stdout, stderr io.Writer) (*verb.Verb, *verb.Call) {
	p.t.Helper()
	all := files.Verbs()
	i := slices.IndexFunc(all, func(v verb.Verb) bool { return v.Name == line[0] })
	if i < 0 {
		p.t.Fatalf("no verb %s", line[0])
	}
	return &all[i], &verb.Call{
		Dir: "/" + p.pid + "/" + p.cd, Space: p.space, JSON: p.json,
		Stdin: strings.NewReader(p.stdin), Stdout: stdout, Stderr: stderr, Terminal: p.terminal,
		Getenv: func(name string) string { return p.env[name] },
	}
}

// run runs a line and returns what it prints.
func (p *program) run(line ...string) (stdout, stderr string, code int) {
	p.t.Helper()
	var out, errs bytes.Buffer
	v, c := p.call(line, &out, &errs)
	code = v.Do(p.t.Context(), c, line[1:])
	return out.String(), strings.ReplaceAll(errs.String(), p.pid, "PID"), code
}

// want runs a line that must print just this.
func (p *program) want(stdout string, line ...string) {
	p.t.Helper()
	if out, errs, code := p.run(line...); out != stdout || errs != "" || code != 0 {
		p.t.Errorf("%q printed\n%q, want\n%q; errors %q, code %d", line, out, stdout, errs, code)
	}
}

// fails runs a line that must print this, complain like that, and return the code.
func (p *program) fails(code int, stdout, stderr string, line ...string) {
	p.t.Helper()
	out, errs, got := p.run(line...)
	if out != stdout || got != code || !strings.Contains(errs, stderr) || stderr == "" && errs != "" {
		p.t.Errorf("%q printed\n%q, want\n%q; errors\n%q, want\n%q; code %d, want %d", line, out, stdout, errs, stderr, got, code)
	}
}

func (p *program) onTerminal(columns int, colour bool) {
	p.terminal = &verb.Terminal{Size: func() (int, int) { return columns, 24 }, Color: colour}
}

// text is a file.
func text(name, s string) nodes.Node { return nodes.Static(name, "the "+name, []byte(s)) }

// many is a directory of n files.
func many(name string, n int) nodes.Node {
	child := func(i int) nodes.Node { return text(fmt.Sprintf("f%06d", i), fmt.Sprintf("content of %d\n", i)) }
	return nodes.Dynamic(name, "many files", func(_ context.Context, name string) (nodes.Node, error) {
		i, err := strconv.Atoi(strings.TrimPrefix(name, "f"))
		if err != nil || i >= n {
			return nil, nodes.Errorf(os.ErrNotExist, "no such file")
		}
		return child(i), nil
	}, func(context.Context) ([]nodes.Node, error) {
		all := make([]nodes.Node, n)
		for i := range all {
			all[i] = child(i)
		}
		return all, nil
	}, nodes.Help{Path: "N", Kind: nodes.KindStatic, Doc: "one file"})
}

// numbered is a text of n lines.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d\n", i+1)
	}
	return b.String()
}
