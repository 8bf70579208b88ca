package files_test

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/nodes"
)

// sub is a plugin's tree with something of each kind.
func sub(t *testing.T) *program {
	ring := nodes.NewRing(1 << 10)
	ring.Append([]byte("happened"))
	return start(t,
		text("a", "alpha\n"), text("b", "beta\n"),
		nodes.Unlisted(text("hidden", "secret\n")),
		nodes.Stream("events", "what happened", ring),
		nodes.Directory("inner", "more", text("c", "gamma\n"), nodes.Directory("deep", "most", text("d", "alpha and delta\n"))),
		nodes.Directory("void", "nothing"),
	)
}

func TestLs(t *testing.T) {
	p := sub(t)
	p.want("a\nb\nevents\ninner\nvoid\n", "ls", "test")
	p.want("test\n", "ls", "-d", "test")
	p.want("test/a\n", "ls", "-a", "test/a")
	p.want("", "ls", "test/void")
	p.want("test/a\n\ntest/void/../inner:\nc\ndeep\n\ntest/void:\n", "ls", "test/void/../inner", "test/a", "test/void")
	p.cd = "test"
	p.want("-r--r--r--  6  a       the a\n-r--r--r--  5  b       the b\nar--r--r--  9  events  what happened\ndr-xr-xr-x  -  inner   more\ndr-xr-xr-x  -  void    nothing\n", "ls", "-l")
	p.want("-r--r--r--  7  hidden  the hidden\n", "ls", "-l", "hidden")
	p.want("a\nb\nevents\ninner\nvoid\n", "ls", "-1")
	p.fails(1, "b\n", "ispy: /PID/test/nosuch: no such file\n", "ls", "nosuch", "b")
	p.fails(2, "", "ispy: ls: unknown", "ls", "-y")
	p.want(p.pid+"\n", "ls", "/")
	if out, errs, code := p.run("ls", "-l", "/"); code != 0 || errs != "" ||
		!regexp.MustCompile(`^dr-xr-xr-x  `+p.pid+`  files.test  up \d+s  \w+\n$`).MatchString(out) {
		t.Errorf("ls -l /: %q, %q", out, errs)
	}
	p.fails(3, "", "there is no program 1x, but "+"PID", "ls", "/1x")
	p.onTerminal(14, false)
	p.want("a       inner\nb       void\nevents\n", "ls")
	p.onTerminal(80, true)
	p.want("a  b  events  \x1b[1;34minner\x1b[m  \x1b[1;34mvoid\x1b[m\n", "ls")
	p.onTerminal(0, false)
	p.want("a\nb\nevents\ninner\nvoid\n", "ls")
}

func TestTree(t *testing.T) {
	p := sub(t)
	p.want(`test  for tests
├── a       the a
├── b       the b
├── events  what happened
├── inner   more
│   ├── c     the c
│   └── deep  most
│       └── d  the d
└── void    nothing

3 directories, 5 files
`, "tree", "test")
	p.cd = "test"
	p.want(".  for tests\n├── inner  more\n└── void   nothing\n\n2 directories, 0 files\n", "tree", "-d", "-L", "1")
	p.want("a  the a\n\n0 directories, 1 file\n", "tree", "a")
	p.fails(2, "", "-L takes the number", "tree", "-L", "0")
	p.fails(1, "\n0 directories, 0 files\n", "ispy: /PID/test/nosuch: no such file\n", "tree", "nosuch")
}

// On a terminal, lines end where it does.
func TestCrop(t *testing.T) {
	p := sub(t)
	p.cd = "test"
	p.onTerminal(30, false)
	p.want("ar--r--r--  9  events  what h…\n", "ls", "-l", "events")
	p.onTerminal(20, false)
	p.want(".  for tests\n├── a       the a\n├── b       the b\n├── events  what ha…\n├── inner   more\n└── void    nothing\n\n2 directories, 3 fi…\n", "tree", "-L", "1")
}

func TestFind(t *testing.T) {
	p := sub(t)
	p.cd = "test"
	p.want(".\n./a\n./b\n./events\n./inner\n./inner/c\n./inner/deep\n./inner/deep/d\n./void\n", "find")
	p.want("inner\ninner/deep\n", "find", "inner", "-type", "d")
	p.want("./inner/deep\n./inner/deep/d\n", "find", "-name", "d*")
	p.want("./inner/deep/d\n", "find", ".", "-type", "f", "-name", "[d-z]")
	p.want("inner\ninner/c\ninner/deep\n", "find", "-maxdepth", "1", "inner")
	p.want("inner\na\n", "find", "-maxdepth", "0", "inner", "a")
	p.want("/"+p.pid+"/test/a\n", "find", "/"+p.pid+"/test/a")
	p.want("/\n/"+p.pid+"\n", "find", "/", "-maxdepth", "1")
	p.fails(1, "a\n", "ispy: /PID/test/nosuch: no such file\n", "find", "nosuch", "a")
	p.fails(2, "", "-type x: it is f for files or d for directories", "find", "-type", "x")
	p.fails(2, "", "-name [a: a [ without its ]", "find", "-name", "[a")
	p.fails(2, "", "-maxdepth takes", "find", "-maxdepth", "-1")
}

func TestStat(t *testing.T) {
	p := sub(t)
	out, errs, code := p.run("stat", "pid", "test", "test/events", "/", "nosuch")
	out = strings.ReplaceAll(out, p.pid, "PID")
	want := fmt.Sprintf(`path:    /PID/pid
kind:    value
doc:     process id, as the program sees it
mode:    -r--r--r--
size:    %d bytes

path:    /PID/test
kind:    dir
doc:     for tests
mode:    dr-xr-xr-x

path:    /PID/test/events
kind:    stream
doc:     what happened
mode:    ar--r--r--
size:    9 bytes

path:    /
kind:    dir
mode:    dr-xr-xr-x
`, len(p.pid)+1)
	got := regexp.MustCompile(`(?m)^changed:.*\n`).ReplaceAllString(out, "")
	if got != want || code != 1 || errs != "ispy: /PID/nosuch: no such file\n" {
		t.Errorf("stat: code %d, %q\n%s\nwant\n%s", code, errs, got, want)
	}
	p.fails(2, "", "the form is: stat PATH...", "stat")
}

// What is not listed may cost something: it is not made to tell its size.
func TestStatUnlisted(t *testing.T) {
	p := start(t, nodes.Unlisted(nodes.Text("costly", "costs", func(context.Context, io.Writer) error {
		t.Error("it was made")
		return nil
	})))
	if out, errs, code := p.run("stat", "test/costly"); code != 0 || errs != "" || !strings.Contains(out, "\nsize:    not known until it is read\n") {
		t.Errorf("stat: code %d, %q, %q", code, errs, out)
	}
}
