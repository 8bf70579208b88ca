package files_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/nodes"
)

func TestGrep(t *testing.T) {
	p := sub(t)
	p.cd = "test"
	p.stdin = "Alpha\nbeta\nalphabet\n\nlast a.b"
	for _, test := range []struct {
		line string
		want string
	}{
		{"grep alpha", "alphabet\n"},
		{"grep -i alpha", "Alpha\nalphabet\n"},
		{"grep -w alpha a", "alpha\n"},
		{"grep -iw alpha", "Alpha\n"},
		{"grep -v a", "\n"},
		{"grep -c a", "4\n"},
		{"grep -n a.b", "5:last a.b\n"},
		{"grep -o a.", "al\nab\nas\na.\n"},
		{"grep -F a.b -", "last a.b\n"},
		{"grep -E (alpha|b)et", "beta\nalphabet\n"},
		{"grep -e ^b -e ^l", "beta\nlast a.b\n"},
		{"grep -H last", "(standard input):last a.b\n"},
		{"grep -l a", "(standard input)\n"},
		{"grep -q a", ""},
		{"grep a a b", "a:alpha\nb:beta\n"},
		{"grep -h a a b", "alpha\nbeta\n"},
		{"grep -c a a b hidden", "a:1\nb:1\nhidden:0\n"},
		{"grep -r alpha", "a:alpha\ninner/deep/d:alpha and delta\n"},
		{"grep -rn alpha .", "./a:1:alpha\n./inner/deep/d:1:alpha and delta\n"},
		{"grep -rl a inner b", "inner/c\ninner/deep/d\nb\n"},
		{"grep -rh happened", "happened\n"},
		{"grep -r -c gamma inner", "inner/c:1\ninner/deep/d:0\n"},
		{"grep -r secret hidden", "hidden:secret\n"},
	} {
		p.want(test.want, strings.Fields(test.line)...)
	}
	p.fails(1, "", "", "grep", "nothing")
	p.fails(1, "", "", "grep", "-r", "secret")
	p.fails(1, "(standard input):0\n", "", "grep", "-cH", "nothing")
	p.fails(0, "a:alpha\n", "ispy: /PID/test/nosuch: no such file\n", "grep", "a", "nosuch", "a")
	p.fails(2, "", "ispy: /PID/test/nosuch: no such file\n", "grep", "zzz", "nosuch", "a")
	p.fails(2, "", "ispy: /PID/test/inner: is a directory; ls lists it\n", "grep", "zzz", "inner")
	p.fails(3, "", "there is no program 1x", "grep", "a", "/1x/pid")
	p.fails(2, "", "the form is: grep", "grep")
	p.onTerminal(80, true)
	p.want("\x1b[35ma\x1b[m:\x1b[32m1\x1b[m:\x1b[1;31malpha\x1b[m\n", "grep", "-rn", "alpha", "a")
}

func TestGrepContext(t *testing.T) {
	p := start(t, text("n", numbered(20)))
	p.cd = "test"
	p.want("5\n6\n7\n--\n15\n16\n17\n", "grep", "-C", "1", "6", "n")
	p.want("4\n5\n--\n14\n15\n", "grep", "-B1", "5", "n")
	p.want("n:5:5\nn-6-6\nn-7-7\n--\nn:15:15\nn-16-16\nn-17-17\n", "grep", "-HnA", "2", "5", "n")
	p.want("9\n10\n11\n12\n13\n", "grep", "-C", "1", "-e", "10", "-e", "11", "-e", "12", "n")
	p.want("1\n", "grep", "-c", "-C3", "13", "n")
	p.fails(2, "", "-A, -B and -C take a number of lines, 1000 before at most", "grep", "-B", "2000", "x", "n")
}

func TestGrepPattern(t *testing.T) {
	p := start(t)
	for pattern, want := range map[string]string{
		"a(b":     `"a(b", at character 2: missing closing )`,
		"ä)b":     `"ä)b", at character 2: unexpected )`,
		"[)]](]x": `"[)]](]x", at character 5: missing closing )`,
		`(\()(`:   `at character 5: missing closing )`,
		"x[a":     `"x[a", at character 2: missing closing ]`,
		"*a":      `at character 1: missing argument to repetition operator`,
		"a**":     `at character 2: invalid nested repetition operator`,
		`a\`:      `trailing backslash at end of expression`,
	} {
		p.fails(2, "", want, "grep", pattern, "pid")
	}
}

func TestGrepBinary(t *testing.T) {
	p := start(t, text("bin", "one\x00\ntwo\n"), text("long", strings.Repeat("x", 5<<20)), text("cut", strings.Repeat("y", 3<<20)+"\nz"))
	p.cd = "test"
	p.want("bin: binary file matches; -a shows the lines\n", "grep", "o", "bin")
	p.want("bin\n", "grep", "-l", "o", "bin")
	p.want("2\n", "grep", "-c", "o", "bin")
	p.want("one\x00\ntwo\n", "grep", "-a", "o", "bin")
	p.fails(2, "", "ispy: grep: long: line 1 has more than 4 MiB\n", "grep", "zzz", "long")
	p.want("2:z\n", "grep", "-n", "z", "cut")
}

// What costs or never ends is not begun by grep -r, and what fails does not end it.
func TestGrepSlow(t *testing.T) {
	p := start(t,
		nodes.Session("session", "a session", func(context.Context) (nodes.Conversation, error) {
			t.Error("a session was begun")
			return nil, io.EOF
		}),
		nodes.Text("off", "always fails", func(context.Context, io.Writer) error {
			return nodes.Errorf(nodes.ErrDisabled, "set enabled = true")
		}),
		text("on", "needle\n"), text("zero", ""))
	p.fails(0, "test/on:needle\n", "ispy: /PID/test/off: set enabled = true\n", "grep", "-r", "needle", "test")
	p.fails(4, "", "ispy: /PID/test/off: set enabled = true\n", "grep", "-r", "absent", "test")
}

// A file that does not come ends with the context.
func TestGrepCancel(t *testing.T) {
	began, ended := make(chan bool), make(chan bool)
	p := start(t, nodes.Text("hang", "never ends", func(ctx context.Context, _ io.Writer) error {
		close(began)
		<-ctx.Done()
		close(ended)
		return ctx.Err()
	}), text("after", "needle\n"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, errs bytes.Buffer
	v, c := p.call([]string{"grep"}, &out, &errs)
	go func() {
		<-began
		cancel()
	}()
	if code := v.Do(ctx, c, []string{"-r", "needle", "test/hang", "test/after"}); code != 130 || errs.String() != "" {
		t.Errorf("code %d, %q", code, errs.String())
	}
	<-ended
}
