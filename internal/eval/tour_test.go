package eval

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tour reads the programs of testdata/tour.txt: statements, and declarations where
// there are some, which the compiler wants outside of functions.
func tour(t testing.TB) (list [][2]string) {
	b, err := os.ReadFile("testdata/tour.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range strings.Split(string(b), "\n--\n") {
		body, decls, _ := strings.Cut(c, "\n==\n")
		list = append(list, [2]string{strings.TrimSpace(body), strings.TrimSpace(decls)})
	}
	return list
}

var packageNames = regexp.MustCompile(`\b(atomic|bytes|cmp|context|errors|fmt|io|iter|maps|math|slices|sort|strconv|strings|sync|time|unicode|utf8)\.[A-Z]`)

// TestTour evaluates a tour of the language and compares what it prints with what
// the same text prints as a program.
func TestTour(t *testing.T) {
	list := tour(t)
	if len(list) < 300 {
		t.Fatalf("%d programs", len(list))
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module tour\n\ngo 1.26\n")
	imports := func(text string) (s string) {
		var names []string
		for _, m := range packageNames.FindAllStringSubmatch(text, -1) {
			names = append(names, m[1])
		}
		slices.Sort(names)
		for _, n := range slices.Compact(names) {
			switch n {
			case "utf8":
				n = "unicode/utf8"
			case "atomic":
				n = "sync/atomic"
			}
			s += fmt.Sprintf("import %q\n", n)
		}
		return s
	}
	var calls, bodies, packages strings.Builder
	for i, c := range list {
		name := fmt.Sprintf("p%03d", i)
		fmt.Fprintf(&calls, "\tfmt.Println(\"\\n@@ %d\")\n", i)
		if c[1] == "" {
			fmt.Fprintf(&bodies, "func %s() {\n%s\n}\n", name, c[0])
			fmt.Fprintf(&calls, "\t%s()\n", name)
			continue
		}
		text := c[1] + "\nfunc Run() {\n" + c[0] + "\n}\n"
		write(name+"/p.go", "package "+name+"\n"+imports(text)+text)
		fmt.Fprintf(&packages, "import %q\n", "tour/"+name)
		fmt.Fprintf(&calls, "\t%s.Run()\n", name)
	}
	text := bodies.String() + "func main() {\n" + calls.String() + "}\n"
	write("main.go", "package main\n"+imports(text)+packages.String()+text)
	cmd := exec.CommandContext(t.Context(), "go", "run", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go run: %v\n%s", err, stderr.Bytes())
	}
	want := map[int]string{}
	for _, part := range strings.Split(string(out), "\n@@ ")[1:] {
		var i int
		head, rest, _ := strings.Cut(part, "\n")
		fmt.Sscan(head, &i)
		want[i] = regexp.MustCompile(`\b(tour/)?p\d\d\d\.`).ReplaceAllString(strings.TrimSuffix(rest, "\n"), "main.")
	}
	for i, c := range list {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			s := NewSession(nil, Options{})
			defer s.Close()
			if c[1] != "" {
				if _, err := s.Eval(t.Context(), c[1]); err != nil {
					t.Fatalf("%s\n%v", c[1], err)
				}
			}
			// As the compiler sees it, and piece by piece.
			r, err := s.Eval(t.Context(), "func() {\n"+c[0]+"\n}()")
			if err != nil {
				t.Fatalf("%s\n%v", c[0], err)
			}
			if got := strings.TrimRight(r.Output, "\n"); got != strings.TrimRight(want[i], "\n") {
				t.Errorf("%s\n got %s\nwant %s", c[0], got, want[i])
			}
			if strings.Contains(c[0], "defer") || strings.Contains(c[0], "recover") {
				return
			}
			r, err = s.Eval(t.Context(), c[0])
			if err != nil {
				t.Fatalf("at the top: %s\n%v", c[0], err)
			}
			if got := strings.TrimRight(r.Output, "\n"); got != strings.TrimRight(want[i], "\n") {
				t.Errorf("at the top: %s\n got %s\nwant %s", c[0], got, want[i])
			}
		})
	}
}
