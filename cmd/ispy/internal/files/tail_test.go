package files_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ispyd/ispyd/nodes"
)

func TestTail(t *testing.T) {
	ring := nodes.NewRing(1 << 20)
	for i := range 90000 {
		ring.Append(fmt.Appendf(nil, "%d", i+1))
	}
	p := start(t, text("n", numbered(30)), text("short", "a\nb"), text("empty", ""), text("many", numbered(50000)),
		nodes.Text("made", "a text", func(_ context.Context, w io.Writer) error {
			_, err := io.WriteString(w, numbered(12))
			return err
		}),
		nodes.Stream("ring", "a stream", ring))
	p.cd = "test"
	last := func(n, of int) string {
		all := strings.SplitAfter(numbered(of), "\n")
		return strings.Join(all[of-n:], "")
	}
	p.want(last(10, 30), "tail", "n")
	for _, form := range []string{"-n 3", "-3", "--lines=3", "-n +28", "+28"} {
		p.want(last(3, 30), append(append([]string{"tail"}, strings.Fields(form)...), "n")...)
	}
	for name, of := range map[string]int{"many": 50000, "ring": 90000} {
		for _, n := range []int{0, 1, 1000, 30000, 49999, of} {
			p.want(last(n, of), "tail", "-n", fmt.Sprint(n), name)
		}
	}
	p.want(numbered(90000), "tail", "-n", "+1", "ring")
	p.want(numbered(90000), "tail", "-n", "1000000", "ring")
	p.want("00\n", "tail", "-c", "3", "ring")
	p.want("0\n", "tail", "-c", "2", "many")
	p.want(last(30, 30)[1:], "tail", "-c", "+2", "n")
	p.want(last(10, 12), "tail", "made")
	p.want("a\nb", "tail", "short")
	p.want("b", "tail", "-1", "short")
	p.want("", "tail", "empty")
	p.want("", "tail", "-c", "0", "n")
	p.want("==> short <==\nb\n==> n <==\n30\n", "tail", "-1", "short", "n")
	p.want("b30\n", "tail", "-q", "-1", "short", "n")
	p.stdin = numbered(100000)
	p.want("99999\n100000\n", "tail", "-n", "2")
	p.want("100000\n", "tail", "-f", "-n", "1")
	p.stdin = numbered(100000)
	p.want("00000\n", "tail", "-c", "6", "-")
	p.fails(2, "", "-n x: it takes a number of lines", "tail", "-n", "x", "n")
	p.fails(2, "", "-s 0: it takes a number of seconds", "tail", "-s", "0", "n")
	p.fails(1, "30\n", "ispy: /PID/test/nosuch: no such file", "tail", "-q", "-1", "nosuch", "n")
}

// following is a tail -f that runs.
type following struct {
	t      *testing.T
	lines  *bufio.Reader
	cancel func()
	code   chan int
	errs   *bytes.Buffer // to be read when it has ended
}

func (p *program) follow(line ...string) *following {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	r, w := io.Pipe()
	f := &following{t: p.t, lines: bufio.NewReaderSize(r, 16), cancel: cancel, code: make(chan int, 1), errs: &bytes.Buffer{}}
	v, c := p.call(append([]string{"tail", "-f", "-s", "0.002"}, line...), w, f.errs)
	go func() {
		f.code <- v.Do(ctx, c, append([]string{"-f", "-s", "0.002"}, line...))
		w.Close()
	}()
	p.t.Cleanup(func() { cancel(); r.Close() })
	return f
}

// sees waits for these lines.
func (f *following) sees(want ...string) {
	f.t.Helper()
	for _, line := range want {
		if got, err := f.lines.ReadString('\n'); got != line+"\n" {
			f.t.Fatalf("tail -f printed %q, want %q (%v)", got, line, err)
		}
	}
}

func (f *following) ends(code int, stderr string) {
	f.t.Helper()
	io.Copy(io.Discard, f.lines)
	if got := <-f.code; got != code || !strings.Contains(f.errs.String(), stderr) {
		f.t.Errorf("tail -f ended with %d, %q; want %d, %q", got, f.errs, code, stderr)
	}
}

func TestTailFollow(t *testing.T) {
	one, two := nodes.NewRing(1<<10), nodes.NewRing(1<<10)
	one.Append([]byte("old"))
	p := start(t, nodes.Stream("one", "a stream", one), nodes.Stream("two", "a stream", two))
	p.cd = "test"
	f := p.follow("-n", "+1", "one", "two")
	f.sees("==> one <==", "old", "", "==> two <==")
	two.Append([]byte("b"))
	f.sees("b")
	two.Append([]byte("c"))
	f.sees("c")
	one.Append([]byte("new"))
	f.sees("", "==> one <==", "new")
	f.cancel()
	f.ends(130, "")

	f = p.follow("-1", "one")
	f.sees("new")
	p.srv.Close()
	f.ends(3, "ispy: /"+p.pid+"/test/one: the server has hung up")
}

// A reader that is slower than the stream is told what it missed.
func TestTailBehind(t *testing.T) {
	ring := nodes.NewRing(1 << 10)
	ring.Append([]byte("first"))
	p := start(t, nodes.Stream("ring", "a stream", ring))
	f := p.follow("test/ring")
	f.sees("first")
	ring.Append([]byte(strings.Repeat("x", 100))) // more than our buffer has room for
	if _, err := f.lines.Peek(1); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		ring.Append(fmt.Appendf(nil, "%d", i+1))
	}
	f.sees(strings.Repeat("x", 100))
	dropped, kept := 0, ""
	line, _ := f.lines.ReadString('\n')
	if _, err := fmt.Sscanf(line, "%d records dropped", &dropped); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	for i := dropped; i < 1000; i++ {
		kept, _ = f.lines.ReadString('\n')
		if kept != fmt.Sprintf("%d\n", i+1) {
			t.Fatalf("after %d dropped records there is %q, want %d", dropped, kept, i+1)
		}
	}
	f.cancel()
	f.ends(130, "")
}

// What is no stream is read anew.
func TestTailGrowing(t *testing.T) {
	var content atomic.Value
	content.Store("one\n")
	p := start(t, nodes.Text("made", "a text", func(_ context.Context, w io.Writer) error {
		s := content.Load().(string)
		if s == "" {
			return nodes.Errorf(nodes.ErrDisabled, "switched off")
		}
		_, err := io.WriteString(w, s)
		return err
	}))
	f := p.follow("test/made")
	f.sees("one")
	content.Store("one\ntwo\n")
	f.sees("two")
	content.Store("new\n")
	f.sees("new")
	content.Store("")
	f.ends(4, "test/made has become shorter and is shown from its beginning\nispy: /"+p.pid+"/test/made: switched off\n")

	name := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(name, []byte("a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f = p.follow("local:" + name)
	f.sees("a")
	log, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0) // a moment without a content would be seen
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if _, err := log.WriteString("b\n"); err != nil {
		t.Fatal(err)
	}
	f.sees("b")
	os.Remove(name)
	f.ends(1, "ispy: local:"+name+": no such file")
}
