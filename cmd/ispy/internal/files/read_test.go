package files_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ispyd/ispyd/nodes"
)

func TestCat(t *testing.T) {
	p := start(t, text("one", "1\n2\n"), text("two", "a"), text("bin", "x\x00y"), text("latin", "caf\xe9\n"),
		nodes.Value("v", "a value", func(context.Context) (int, error) { return 7, nil }))
	p.cd = "test"
	p.want("1\n2\na", "cat", "one", "two")
	p.want("     1\t1\n     2\t2\n     3\ta", "cat", "-n", "one", "two")
	p.stdin = "typed\n"
	p.want("typed\n", "cat")
	p.want("1\n2\ntyped\n", "cat", "one", "-")
	p.want("x\x00y", "cat", "bin")
	p.fails(1, "1\n2\n", "ispy: /PID/test/oen: no such file (near: one)\n", "cat", "oen", "one")
	p.fails(1, "", "ispy: /PID/test: is a directory; ls lists it\n", "cat", ".")
	p.fails(1, "", "ispy: /: is a directory; ls lists it\n", "cat", "/")
	p.fails(2, "", "ispy: cat: unknown shorthand flag: 'z' in -z; the form is: cat [-n] [-f] [PATH...]\n", "cat", "-z")
	p.json = true
	p.want("7\n", "cat", "v")
	p.json = false
	p.onTerminal(80, false)
	p.want("1\n2\n", "cat", "one")
	p.fails(1, "1\n2\n", "ispy: cat: bin is binary, which a terminal does not show: cat -f bin prints", "cat", "bin", "one")
	p.fails(1, "", "latin is binary", "cat", "latin")
	p.want("x\x00y", "cat", "-f", "bin")
}

func TestLocal(t *testing.T) {
	p := start(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("here\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in := "local:" + dir
	p.want("here\n", "cat", in+"/file")
	p.want("file\n", "ls", in)
	p.want(in+"\n"+in+"/file\n", "find", in)
	p.want(in+"/file:here\n", "grep", "-r", "h", in)
	p.want(in+"\n└── file\n\n0 directories, 1 file\n", "tree", in)
	p.want("-rw-------  5  "+in+"/file\n", "ls", "-l", in+"/file")
}

func TestHead(t *testing.T) {
	p := start(t, text("n", numbered(30)), text("short", "a\nb"), text("empty", ""))
	p.cd = "test"
	p.want(numbered(10), "head", "n")
	for _, form := range [][]string{{"-n", "3"}, {"-3"}, {"-n3"}, {"--lines=3"}, {"-lines", "3"}} {
		p.want("1\n2\n3\n", append(append([]string{"head"}, form...), "n")...)
	}
	p.want("1\n2\n3", "head", "-c", "5", "n")
	p.want("a\nb", "head", "short")
	p.want("", "head", "-n", "0", "n")
	p.want("==> short <==\na\n\n==> n <==\n1\n", "head", "-1", "short", "n")
	p.want("a\n1\n", "head", "-q", "-1", "short", "n")
	p.stdin = "x\ny\n"
	p.want("x\n", "head", "-n", "1")
	p.fails(2, "", "ispy: head: -n x: it takes a number of lines: 20\n", "head", "-n", "x", "n")
	p.fails(2, "", "-n -5: it takes", "head", "-n", "-5", "n")
	p.fails(2, "", "-c 1Q: it takes a number of bytes: 512, 64k, 1M", "head", "-c", "1Q", "n")
	p.fails(1, "==> empty <==\n", "ispy: /PID/test/nosuch: no such file", "head", "empty", "nosuch")
}

// big is a file that counts what is read of it.
type big struct {
	nodes.File
	size int64
	read *atomic.Int64
}

type bigHandle struct {
	nodes.Snapshot
	big
}

func (b big) Open(context.Context, nodes.Flags) (nodes.Handle, error) { return &bigHandle{big: b}, nil }

func (h *bigHandle) ReadAt(_ context.Context, p []byte, off int64) (int, error) {
	n := int(min(int64(len(p)), h.size-off))
	if n <= 0 {
		return 0, io.EOF
	}
	for i := range p[:n] {
		p[i] = "0123456789abcde\n"[(off+int64(i))%16]
	}
	h.read.Add(int64(n))
	return n, nil
}

// A large file is not read whole to show its beginning or its end.
func TestLarge(t *testing.T) {
	const size = 35 << 20
	var read atomic.Int64
	file := nodes.Text("large", "a large file", nil)
	p := start(t, big{file, size, &read})
	p.cd = "test"
	const line = "0123456789abcde\n"
	for _, test := range []struct {
		want string
		line string
	}{
		{line, "head -n 1 large"},
		{line[:4], "head -c 4 large"},
		{"large:" + line, "grep -H -o 0123456789abcde large"},
	} {
		read.Store(0)
		var out bytes.Buffer
		words := strings.Fields(test.line)
		v, c := p.call(words, &limited{&out, len(test.want)}, io.Discard)
		v.Do(t.Context(), c, words[1:])
		if out.String() != test.want || read.Load() > 4<<20 {
			t.Errorf("%s: %q, and %d bytes were read", test.line, out.String(), read.Load())
		}
	}
	read.Store(0)
	p.want("large\n", "grep", "-l", "abc", "large")
	p.want("", "grep", "-q", "abc", "large")
	if read.Load() > 4<<20 {
		t.Errorf("grep -l read %d bytes", read.Load())
	}
}

// limited is a reader of a pipe that leaves when it has seen enough.
type limited struct {
	w io.Writer
	n int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(l.n, len(p))
	l.n -= n
	l.w.Write(p[:n])
	if n < len(p) {
		return n, errLeft
	}
	return n, nil
}

var errLeft = errors.New("left")

func TestWc(t *testing.T) {
	p := start(t, text("a", "one two\nthree\n"), text("b", "früh auf"))
	p.cd = "test"
	p.want("       2       3      14 a\n", "wc", "a")
	p.want("2 a\n", "wc", "-l", "a")
	p.want("       2       3      14 a\n       0       2       9 b\n       2       5      23 total\n", "wc", "a", "b")
	p.want("       2 a\n       0 b\n       2 total\n", "wc", "-l", "a", "b")
	p.stdin = "x y\n"
	p.want("2\n", "wc", "-w")
	p.fails(1, "       2       3      14 a\n       2       3      14 total\n", "ispy: /PID/test/nosuch: no such file", "wc", "nosuch", "a")
}

func TestLess(t *testing.T) {
	p := start(t, text("a", "one\n"), text("b", numbered(200000)))
	p.cd = "test"
	p.want("one\n", "less", "a")
	p.onTerminal(80, false)
	p.env = map[string]string{"PAGER": "sed s/^/paged:/"}
	p.want("paged:one\n", "less", "a")
	p.stdin = "piped\n"
	p.want("paged:piped\n", "less")
	p.fails(1, "paged:one\n", "ispy: /PID/test/nosuch: no such file", "less", "a", "nosuch")
	p.env["PAGER"] = "exit 7"
	p.fails(1, "", "ispy: less: exit 7: exit status 7", "less", "a")
	p.env["PAGER"] = "head -n 1" // leaves before it has seen all
	p.want("1\n", "less", "b")
}
