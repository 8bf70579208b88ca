package symbols

import (
	"bufio"
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/internal/symbols/pclntab"
	"github.com/ispyd/ispyd/nodes"
)

func run(t *testing.T, exe string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(exe)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	return string(out)
}

func golden(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("testdata/helper.golden")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestModes compares what a program sees of itself, however it was built. What is
// inlined depends on it.
func TestModes(t *testing.T) {
	want := golden(t)
	for name, flags := range map[string][]string{
		"exe": nil, "pie": {"-buildmode=pie"}, "race": {"-race"}, "N-l": {"-gcflags=all=-N -l"}, "uncompressed": {"-ldflags=-compressdwarf=false"}, "trimpath": {"-trimpath"},
	} {
		t.Run(name, func(t *testing.T) {
			got := run(t, buildHelper(t, flags...))
			if name == "N-l" {
				got = strings.Replace(got, "main.inlined(a int, b int) (int) false", "main.inlined(a int, b int) true", 1)
			}
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
	for _, flag := range []string{"-s", "-w", "-s -w"} {
		t.Run("stripped "+flag, func(t *testing.T) {
			if got := run(t, buildHelper(t, "-ldflags="+flag)); !strings.Contains(got, "error: this program has no debug information (.debug_info): build it without -ldflags=-s or -w") {
				t.Errorf("it says %s", got)
			}
		})
	}
}

// TestCompressed lets objcopy compress the sections anew.
func TestCompressed(t *testing.T) {
	objcopy, err := exec.LookPath("objcopy")
	if err != nil {
		t.Skip("there is no objcopy")
	}
	exe := buildHelper(t)
	for _, how := range []string{"zstd", "zlib", "zlib-gnu", "none"} {
		out := exe + "-" + how
		if msg, err := exec.Command(objcopy, "--compress-debug-sections="+how, exe, out).CombinedOutput(); err != nil {
			if how == "zstd" && strings.Contains(string(msg), "zstd") {
				t.Logf("this objcopy has no zstd: %s", msg)
				continue
			}
			t.Fatalf("%v\n%s", err, msg)
		}
		if got := run(t, out); got != golden(t) {
			t.Errorf("%s: got\n%s", how, got)
		}
	}
}

// TestReplaced takes the file away from under the program.
func TestReplaced(t *testing.T) {
	for name, away := range map[string]func(exe string) error{
		"deleted": os.Remove,
		"replaced": func(exe string) error {
			return errors.Join(os.Remove(exe), os.WriteFile(exe, []byte("another file"), 0o755))
		},
		"moved": func(exe string) error { return os.Rename(exe, exe+".old") },
	} {
		t.Run(name, func(t *testing.T) {
			exe := buildHelper(t)
			cmd := exec.Command(exe, "wait")
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(out)
			if line, err := r.ReadString('\n'); err != nil || line != "ready\n" {
				t.Fatalf("%q %v", line, err)
			}
			if err := away(exe); err != nil {
				t.Fatal(err)
			}
			in.Close()
			got, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Fatal(err)
			}
			if string(got) != golden(t) {
				t.Errorf("got\n%s", got)
			}
		})
	}
}

// TestSignatures compares the parameters of every function with what the compiler
// noted for it: of a program, or of the one that SYMBOLS_BINARY names.
func TestSignatures(t *testing.T) {
	path := os.Getenv("SYMBOLS_BINARY")
	if path == "" {
		path = buildHelper(t)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x, err := newTable(f)
	if err != nil {
		t.Fatal(err)
	}
	defer x.close()
	args := argsOf(t, path)
	checked, wrong, unknown, generic, wrongGeneric := 0, 0, 0, 0, 0
	err = x.read(func() {
		for i := range x.packages {
			k := &x.packages[i]
			for _, r := range k.funcs {
				fn := x.function(k, r)
				want, ok := args[x.nameAt(r.name)]
				if fn.Entry == 0 || fn.Closure || fn.Wrapper || !ok {
					continue
				}
				checked++
				shared := strings.Contains(fn.Name, "[go.shape.") && !strings.HasPrefix(fn.Name, "type:")
				if shared {
					generic++
				}
				if l, err := fn.Layout(); err != nil {
					unknown++
				} else if l.ArgsSize != int64(want) {
					wrong++
					if shared {
						wrongGeneric++
					}
					if shared || wrong < 20 {
						t.Logf("%s: %d, want %d", fn.String(), l.ArgsSize, want)
					}
				}
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d functions, %d with another width, %d unknown; of %d generic ones %d", checked, wrong, unknown, generic, wrongGeneric)
	// Assembly has no parameters in the debug information: those are refused.
	if checked < 1000 || wrong*20 > checked || unknown > 0 || generic < 10 || wrongGeneric > 0 {
		t.Errorf("of %d functions %d have another width, %d are unknown", checked, wrong, unknown)
	}
}

func argsOf(t *testing.T, path string) map[string]int32 {
	t.Helper()
	tab, err := pclntab.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	args := map[string]int32{}
	tab.Funcs(func(f pclntab.Func) bool {
		args[f.Name()] = f.Args()
		return true
	})
	return args
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ path, escaped string }{
		{"main", "main"},
		{"net/http", "net/http"},
		{"gopkg.in/yaml.v3", "gopkg.in/yaml%2ev3"},
		{"a.b/c.d/e", "a.b/c.d/e"},
		{"a/b%c", "a/b%25c"},
		{"ä/b", "%c3%a4/b"},
	} {
		if got := escapePath(c.path); got != c.escaped {
			t.Errorf("%s is escaped as %s, want %s", c.path, got, c.escaped)
		}
		if got := unescapePath(c.escaped); got != c.path {
			t.Errorf("%s is unescaped as %s, want %s", c.escaped, got, c.path)
		}
	}
	for _, c := range []struct{ name, prefix string }{
		{"main.x", "main."},
		{"net/http.(*Server).Serve", "net/http."},
		{"gopkg.in/yaml%2ev3.Marshal", "gopkg.in/yaml%2ev3."},
		{"slices.Sort[go.shape.[]net/http.x]", "slices."},
		{"_cgo_init", ""},
		{"", ""},
	} {
		if got := prefixOf(c.name); got != c.prefix {
			t.Errorf("the prefix of %s is %q, want %q", c.name, got, c.prefix)
		}
	}
	for _, c := range []struct{ name, short string }{
		{"net/http.Server", "http.Server"},
		{"map[string]*net/http.Server", "map[string]*http.Server"},
		{"a/b.P[c/d.X,e/f.Y]", "b.P[d.X,f.Y]"},
		{"func(net/http.Handler, ...int) a/b.C", "func(http.Handler, ...int) b.C"},
		{`struct { a/b.x int "k/v:\"w\"" }`, `struct { b.x int "k/v:\"w\"" }`},
		{"gopkg.in/yaml%2ev3.Node", "yaml.v3.Node"},
		{"int", "int"},
	} {
		if got := shorten(c.name); got != c.short {
			t.Errorf("%s is shortened to %s, want %s", c.name, got, c.short)
		}
	}
}

// TestOpenHere opens the index of this test, which has no debug information.
func TestOpenHere(t *testing.T) {
	for range 2 {
		if _, err := Open(t.Context()); !errors.Is(err, nodes.ErrNotSupported) {
			t.Errorf("the error is %v", err)
		}
	}
	x, err := Types()
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if _, ok := x.TypeAt(wordOf(intType)); !ok {
		t.Error("int is not known")
	}
	for _, w := range []uintptr{0, 1, wordOf(intType) + 8, ^uintptr(0), x.t.program.types, x.t.program.etypes} {
		if got, ok := x.TypeAt(w); ok && w != x.t.program.types {
			t.Errorf("%#x is taken for %s", w, got)
		}
	}
}

func section(t testing.TB, path, name string) []byte {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := f.Section(name).Data()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestBroken changes bytes and cuts the sections off: the reader has to end with
// or without an error.
func TestBroken(t *testing.T) {
	exe := filepath.Clean(buildHelper(t))
	info, abbrevs, addrs := section(t, exe, ".debug_info"), section(t, exe, ".debug_abbrev"), section(t, exe, ".debug_addr")
	for i := range 200 {
		b, a := bytes.Clone(info), bytes.Clone(abbrevs)
		for j := range 20 {
			b[(i*7919+j*104729)%len(b)] ^= byte(1 + i + j)
		}
		a[i%len(a)] ^= byte(i)
		explore(b, a, addrs)
	}
	for i := range 50 {
		explore(info[:len(info)*i/50], abbrevs[:len(abbrevs)*(i+1)/50], addrs)
	}
}
