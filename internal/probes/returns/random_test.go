//go:build linux && amd64

package returns_test

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// build builds the program in testdata, with further files put into its folder.
func build(t testing.TB, dir string, files map[string]string, flags ...string) string {
	t.Helper()
	tmp := t.TempDir()
	src, err := filepath.Abs(filepath.Join("testdata", dir))
	if err != nil {
		t.Fatal(err)
	}
	overlay := map[string]string{}
	for name, text := range files {
		f := filepath.Join(tmp, name)
		if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay[filepath.Join(src, name)] = f
	}
	b, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(tmp, "overlay.json")
	if err := os.WriteFile(list, b, 0o600); err != nil {
		t.Fatal(err)
	}
	exe := filepath.Join(tmp, dir)
	args := append([]string{"build", "-overlay", list, "-o", exe}, flags...)
	if out, err := exec.Command("go", append(args, "./testdata/"+dir)...).CombinedOutput(); err != nil {
		t.Fatalf("go %v: %v\n%s", args, err, out)
	}
	return exe
}

// run runs it and returns what it says; FAIL lines fail the test.
func run(t testing.TB, exe string, args ...string) string {
	t.Helper()
	out, err := exec.Command(exe, args...).CombinedOutput()
	if err != nil {
		if len(out) > 12000 {
			out = out[:12000]
		}
		t.Fatalf("%s %v: %v\n%s", filepath.Base(exe), args, err, out)
	}
	return string(out)
}

// generator writes functions with random signatures.
type generator struct {
	*rand.Rand
	b strings.Builder
}

func (g *generator) pick(s ...string) string { return s[g.Intn(len(s))] }

func (g *generator) typ(depth int) string {
	if depth > 0 && g.Intn(3) == 0 {
		switch g.Intn(6) {
		case 0:
			return fmt.Sprintf("[%d]%s", g.Intn(4), g.typ(depth-1))
		case 1:
			return "[1]" + g.typ(depth-1)
		default:
			var s []string
			for i := range g.Intn(5) {
				name := fmt.Sprintf("F%d", i)
				if g.Intn(9) == 0 {
					name = "_"
				}
				s = append(s, name+" "+g.typ(depth-1))
			}
			return "struct{" + strings.Join(s, "; ") + "}"
		}
	}
	return g.pick("int", "int8", "uint16", "int32", "uint64", "uintptr", "bool", "float32", "float64", "complex64", "complex128",
		"string", "string", "[]byte", "any", "error", "*int", "map[string]int", "chan int", "struct{}", "Named")
}

func (g *generator) list(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = g.typ(2)
	}
	return out
}

func (g *generator) printf(format string, a ...any) { fmt.Fprintf(&g.b, format, a...) }

// function writes function i, a test case of it, and what they need.
func (g *generator) function(i int) {
	args, results := g.list(g.Intn(8)), g.list(g.Intn(5))
	if g.Intn(10) > 0 {
		at := g.Intn(len(results) + 1)
		results = append(results[:at:at], append([]string{"error"}, results[at:]...)...)
	}
	if len(results) == 0 {
		results = []string{"error"}
	}
	kind := g.pick("func", "func", "method", "pointer", "generic", "genericMethod", "inlinable")
	recv := ""
	switch kind {
	case "method":
		recv = fmt.Sprintf("T%d", i)
		g.printf("type %s %s\n", recv, g.pick("struct{A int; B string}", "[1]uint16", "uint32", "[2]int", "string", "struct{}"))
	case "pointer":
		recv = fmt.Sprintf("*T%d", i)
		g.printf("type T%d struct{A int}\n", i)
	case "genericMethod":
		recv = fmt.Sprintf("*T%d[string]", i)
		g.printf("type T%d[P any] struct{A P}\n", i)
	}
	declare := func(kind string, list []string) {
		g.printf("var %s%d struct{", kind, i)
		if kind == "a" && recv != "" {
			g.printf("R %s;", recv)
		}
		for j, t := range list {
			g.printf("F%d %s;", j, t)
		}
		g.printf("}\n")
	}
	declare("a", args)
	declare("r", results)
	declare("g", results)
	var ps, rs, vs, as, gs []string
	named := g.Intn(2) == 0
	for j, t := range args {
		name := fmt.Sprintf("p%d", j)
		if g.Intn(6) == 0 {
			name = "_"
		}
		ps = append(ps, name+" "+t)
		as = append(as, fmt.Sprintf("a%d.F%d", i, j))
	}
	for j, t := range results {
		if named {
			name := fmt.Sprintf("q%d", j)
			if g.Intn(6) == 0 {
				name = "_"
			}
			rs = append(rs, name+" "+t)
		} else {
			rs = append(rs, t)
		}
		vs = append(vs, fmt.Sprintf("r%d.F%d", i, j))
		gs = append(gs, fmt.Sprintf("g%d.F%d", i, j))
	}
	name, display, call := fmt.Sprintf("f%d", i), fmt.Sprintf("main.f%d", i), fmt.Sprintf("f%d", i)
	head := "func " + name
	switch kind {
	case "generic":
		head += "[P any]"
		ps = append([]string{"p P"}, ps...)
		as = append([]string{fmt.Sprintf("a%d.R", i)}, as...)
		// The argument of the type parameter is the first field.
		s := g.b.String()
		old := fmt.Sprintf("var a%d struct{", i)
		g.b.Reset()
		g.b.WriteString(strings.Replace(s, old, old+"R string;", 1))
		display += "[...]"
	case "method", "pointer":
		head = fmt.Sprintf("func (t %s) %s", recv, name)
		display = fmt.Sprintf("main.%s.%s", recv, name)
		if recv[0] == '*' {
			display = fmt.Sprintf("main.(%s).%s", recv, name)
		}
		call = fmt.Sprintf("a%d.R.%s", i, name)
	case "genericMethod":
		head = fmt.Sprintf("func (t *T%d[P]) %s", i, name)
		display = fmt.Sprintf("main.(*T%d[...]).%s", i, name)
		call = fmt.Sprintf("a%d.R.%s", i, name)
	}
	if kind != "inlinable" {
		g.printf("//go:noinline\n")
	} else {
		// Called through a variable too, so that there is a copy out of line; and
		// inlined, so that its debug information comes in two parts.
		g.printf("var v%d = f%d\n", i, i)
		g.printf("func u%d() { f%d(%s) }\n", i, i, strings.Join(as, ", "))
		call = fmt.Sprintf("v%d", i)
	}
	g.printf("%s(%s) (%s) {\n", head, strings.Join(ps, ", "), strings.Join(rs, ", "))
	size := []int{24, 100, 128, 129, 300, 2000}[g.Intn(6)]
	if kind == "inlinable" {
		size = 24
	}
	g.printf("\tvar b [%d]byte\n\ttouch(b[:])\n", size)
	if kind == "func" && g.Intn(3) == 0 {
		g.printf("\tif b[1] == 0 { panic(1) }\n\tdefer touch(nil)\n")
	}
	g.printf("\treturn %s\n}\n", strings.Join(vs, ", "))
	g.printf("func init() {\n\tcases = append(cases, testCase{%q, &a%d, &r%d, &g%d, func() { %s = %s(%s) }})\n}\n\n",
		display, i, i, i, strings.Join(gs, ", "), call, strings.Join(as, ", "))
}

func randomProgram(seed int64, n int) string {
	g := &generator{Rand: rand.New(rand.NewSource(seed))}
	g.printf("package main\n\ntype Named struct { A uint8; B float32; C string }\n\n")
	for i := range n {
		g.function(i)
	}
	return g.b.String()
}

// TestRandomSignatures builds functions of random signatures in all the ways
// that programs are built. Every one must be probed, and every register and stack
// slot that a probe reads must be the right one.
func TestRandomSignatures(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	n := 120
	for i, c := range []struct {
		name    string
		nowhere int // refusals for want of a landing that are allowed
		flags   []string
	}{
		{"exe", 0, nil},
		{"pie", 0, []string{"-buildmode=pie"}},
		// The race detector has data for 20 MB above the program, where the jumps
		// of frames between 128 and 512 bytes would land.
		{"race", n / 2, []string{"-race"}},
		{"unoptimised", 0, []string{"-gcflags=all=-N -l"}},
		{"trimpath", 0, []string{"-trimpath"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := randomProgram(int64(i+1), n)
			out := run(t, build(t, "random", map[string]string{"generated.go": src}, c.flags...))
			var cases, errs, observed, failures, nowhere int
			if _, err := fmt.Sscanf(out, "cases %d errors %d observed %d failures %d without landing %d", &cases, &errs, &observed, &failures, &nowhere); err != nil {
				t.Fatalf("%v:\n%s", err, out)
			}
			if cases != n || nowhere > c.nowhere || observed < n-c.nowhere/2 || errs < n*7/10 || failures != 0 {
				t.Error(out)
			}
			t.Log(strings.TrimSpace(out))
		})
	}
}
