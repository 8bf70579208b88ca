package files_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/ispyd/ispyd/nodes"
)

// A directory of 100,000 files is no trouble.
func TestMany(t *testing.T) {
	const all = 100_000
	each := all // of the verbs that ask about each
	if raceDetector || testing.Short() {
		each = 5000
	}
	p := start(t, many("all", all), many("each", each))
	for _, test := range []struct {
		line string
		n    int
	}{
		{"ls test/all", all}, {"find test/all -type f", all}, {"tree test/all", all},
		{"ls -l test/each", each}, {"grep -r content test/each", each},
	} {
		out, errs, code := p.run(strings.Fields(test.line)...)
		if got := strings.Count(out, "f0"); code != 0 || errs != "" || got != test.n || !strings.Contains(out, fmt.Sprintf("f%06d", test.n-1)) {
			t.Errorf("%s: code %d, %q, %d files", test.line, code, errs, got)
		}
	}
}

// What is read in parallel comes out in order, however much it is.
func TestOrder(t *testing.T) {
	var dirs []nodes.Node
	var want strings.Builder
	content := strings.Repeat("a line of some length\n", 8000)
	for i := range 20 {
		var inner []nodes.Node
		for j := range 3 {
			inner = append(inner, text(fmt.Sprint("f", j), content))
			for range 8000 {
				fmt.Fprintf(&want, "d%02d/f%d:a line of some length\n", i, j)
			}
		}
		dirs = append(dirs, nodes.Directory(fmt.Sprintf("d%02d", i), "a directory", inner...))
	}
	p := start(t, dirs...)
	p.cd = "test"
	if out, errs, code := p.run("grep", "-r", "line"); out != want.String() || errs != "" || code != 0 {
		t.Errorf("grep -r: code %d, %q, %d bytes, want %d", code, errs, len(out), want.Len())
	}
	// The reader of the pipe has seen enough.
	for _, line := range []string{"grep -r line", "cat d00/f0", "find", "tree", "ls", "ls -l", "head d00/f0", "tail d00/f0", "wc d00/f0", "stat d00"} {
		var errs bytes.Buffer
		words := strings.Fields(line)
		v, c := p.call(words, broken{}, &errs)
		if code := v.Do(t.Context(), c, words[1:]); code != 128+int(syscall.SIGPIPE) || errs.Len() > 0 {
			t.Errorf("%s into a pipe that nobody reads: code %d, %q", line, code, &errs)
		}
	}
}

// broken is a pipe that nobody reads.
type broken struct{}

func (broken) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "|1", Err: syscall.EPIPE}
}

// A tree without end ends.
func TestEndless(t *testing.T) {
	var dir func(name string) nodes.Dir
	dir = func(name string) nodes.Dir {
		return nodes.Dynamic(name, "itself", func(_ context.Context, name string) (nodes.Node, error) {
			return dir(name), nil
		}, func(context.Context) ([]nodes.Node, error) { return []nodes.Node{dir("loop")}, nil })
	}
	p := start(t, dir("loop"), nodes.Dynamic("bad", "cannot be listed",
		func(context.Context, string) (nodes.Node, error) { return nil, os.ErrNotExist },
		func(context.Context) ([]nodes.Node, error) { return nil, errors.New("out of order") }))
	p.cd = "test"
	out, errs, code := p.run("find", "loop")
	if n := strings.Count(out, "\n"); n != 65 || code != 1 || !strings.HasSuffix(errs, "/loop: is 64 directories deep, and what is in it is left out\n") {
		t.Errorf("find: %d lines, code %d, %q", n, code, errs)
	}
	p.fails(1, "./bad\n", "ispy: /PID/test/bad: out of order\n", "find", ".", "-name", "bad", "-maxdepth", "2")
	p.fails(1, "", "ispy: /PID/test/bad: out of order\n", "ls", "bad")
	p.fails(2, "", "ispy: /PID/test/bad: out of order\n", "grep", "-r", "x", "bad")
}
