//go:build linux && amd64

package eval

import (
	"bufio"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program is the program of testdata/program, which evaluates in itself.
type program struct {
	t   testing.TB
	in  *json.Encoder
	out *bufio.Scanner
}

func build(t testing.TB, flags ...string) string {
	t.Helper()
	return buildProgram(t, "./testdata/program", flags...)
}

func buildProgram(t testing.TB, dir string, flags ...string) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "program")
	cmd := exec.CommandContext(t.Context(), "go", append(append([]string{"build", "-o", exe}, flags...), dir)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		if strings.Contains(string(out), "-race requires cgo") || strings.Contains(string(out), "C compiler") {
			t.Skipf("%s", out)
		}
		t.Fatalf("%v\n%s", err, out)
	}
	return exe
}

func start(t testing.TB, exe string, args ...string) *program {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Stderr = os.Stderr
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
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("the program died: %v", err)
		}
	})
	sc := bufio.NewScanner(out)
	sc.Buffer(nil, 16<<20)
	return &program{t, json.NewEncoder(in), sc}
}

func (p *program) eval(src string) string {
	p.t.Helper()
	if err := p.in.Encode(src); err != nil {
		p.t.Fatal(err)
	}
	if !p.out.Scan() {
		p.t.Fatalf("%s: the program died", src)
	}
	var s string
	if err := json.Unmarshal(p.out.Bytes(), &s); err != nil {
		p.t.Fatal(err)
	}
	return s
}

// inProgram are requests and what their answers begin with.
var inProgram = []struct{ src, want string }{
	{"limit", "50"},
	{"limit = 60; limit", "60"},
	{"limit++; limit += 2; limit", "63"},
	{"shop.order(3)", `"three", nil`},
	{"shop.order(4)", `"", &errors.errorString{`},
	{"shop.items[3].n", "1"},
	{`shop.items[3].Tags = append(shop.items[3].Tags, "c"); shop.items[3].Tags`, `[]string{"x", "c"}`},
	{`shop.items[9] = &item{Name: "nine"}; shop.order(9)`, `"nine", nil`},
	{"shop.size()", "2"},
	{"f := shop.order; f(9)", `"nine", nil`},
	{"(*store).size(shop)", "2"},
	{`mixed(1, "s", 2.5, small{1, 2}, map[string]int{"x": 4}, 1, 2, 3)`, `9, "s!", 2.5`},
	{`mixed(-1, "", 0, small{}, nil)`, `-1, "!", 0`},
	{`names["b"]`, "2"},
	{`v, ok := names["zz"]; ok`, "false"},
	{"n := 0; for k, v := range names { n += v + len(k) }; n", "5"},
	{"fail(0)", "error: panic: zero"},
	{"fail(9)", "error: panic: runtime error: index out of range [9] with length 3"},
	{"apply(func(n int) int { return n * 2 }, 21)", "42"},
	{"apply(func(n int) int { panic(\"in\") }, 21)", "error: panic: in"},
	{"describe(errors.New(\"x\"))", `"error: x"`},
	{"type E struct{}\nfunc (E) Error() string { return \"mine\" }\ndescribe(E{})", `"error: mine"`},
	{`type S struct{ n int; keys []string }
func (s *S) Put(key string, n int, weight float64, p small, more ...string) (small, error) { s.n += n; s.keys = append(append(s.keys, key), more...); if n < 0 { return p, errors.New("negative") }; return small{p.b, p.a}, nil }
func (s S) Sum() float64 { return float64(s.n) * 1.5 }
func (s *S) big() (a, b, c, d, e, f, g, h, i, j, k string) { return "a", "", "", "", "", "", "", "", "", "", fmt.Sprint(s.keys) }
sto := &S{}
fill(sto)`, `"{2 1} 10.5 a [k x y]", nil`},
	{"fmt.Sprint(sto.n, len(sto.keys))", `"7 3"`},
	{"kept = sto; serve <- true; <-sums", "10.5"},
	{"fmt.Sprint(kept == storage(sto), kept.(*S) == sto)", `"true true"`},
	{"type P struct{ *S }\nfunc (p P) Sum() float64 { panic(\"sum\") }\nkept = P{sto}; serve <- true; v := <-sums; v", "called by the program: panic: sum, at 2:28 in main.P.Sum\n0.0"},
	{"fmt.Sprint(kept == storage(P{sto}), kept == storage(sto))", `"true false"`},
	{"fill(P{sto})", "error: panic: sum"},
	{"kept = nil", ""},
	{`type H map[string]string
func (h H) ServeHTTP(w http.ResponseWriter, r *http.Request) { h[r.URL.Path] = r.Method }
type W struct{ code int; h http.Header }
func (w *W) Header() http.Header { return w.h }
func (w *W) Write(b []byte) (int, error) { return len(b), nil }
func (w *W) WriteHeader(code int) { w.code = code }
h := H{}; w := &W{h: http.Header{}}; mux := new(http.ServeMux); mux.Handle("/a", h)
mux.ServeHTTP(w, &http.Request{Method: "GET", Host: "h", URL: &url.URL{Path: "/a"}}); h["/a"]`, `"GET"`},
	{"mux.ServeHTTP(w, &http.Request{Method: \"GET\", Host: \"h\", URL: &url.URL{Path: \"/b\"}}); w.code", "404"},
	{"var r *rand.Rand = dice; r == dice", "rand is math/rand here; for another one import rand [\"crypto/"},
	{"maximum + 1", "100"},
	{"level.debug = true; level", "struct { debug bool }{debug: true}"},
	{"client.Timeout", "1m0s"},
	{"http.StatusOK", "200"},
	{"import \"net/http\"\nhttp.StatusNotFound", "404"},
	{"any(shop)", "&main.store{"},
	{"fmt.Sprint(shop.items[3])", `"&{three [x c] 1}"`},
	{"shop.mu.Lock(); shop.mu.TryLock()", "false"},
	{"shop.mu.Unlock(); shop.mu.TryLock()", "true"},
	{"shop.mu.Unlock()", ""},
	{"limitt", "error: 1:1: undefined: limitt (near: limit)"},
	{"shop.oder(1)", "error: 1:6: shop.oder undefined"},
	{"shop.limit = \"x\"", "error: 1:14: cannot use"},
	{"os.Exit(1)", "error: os.Exit(1) is not done"},
	{"runtime.mallocgc(1, nil, true)", "error: 1:9: runtime.mallocgc cannot be called"},
	{"sync.runtime_Semrelease", "error"},
	{`marks.add("b"); marks.add(); marks.add("c", "d"); marks.add([]string{"e"}); marks.add([]string{"f"}...); *marks`, `main.tags{"a", "b", "c", "d", "e", "f"}`},
	{`func two() (string, string) { return "x", "y" }
marks.add(two()); len(*marks)`, "8"},
	{"marks.add(1)", "error: 1:11: cannot use 1"},
	{"marks.addd()", "error: 1:7: marks.addd undefined (type *main.tags has no field or method addd) (near: add)"},
	{"main.limit == limit, main.shop.size()", "true, 2"},
	{"shop.size", "func() int"},
	{"func(int) {}", "func(int)"},
	{"fail", "main.fail"},
	{"main.main()", "error: 1:6: main.main cannot be called"},
	{"main.shopp", "error: 1:6: undefined: main.shopp (near: shop)"},
	{":doc main.tags", "main.tags: main.tags (type)\n"},
	{":doc marks.add", "marks.add: func([]string) (the last may be ...string: debug information does not tell)\n"},
	{":doc shop", "shop: var *main.store\n\tmu sync.Mutex\n\titems map[int]*main.item\n\tlimit int\n\tfunc order(int) (string, error)\n\tfunc size() int\n"},
	{"fmt.Sprintf(\"%p\", shop) != fmt.Sprintf(\"%p\", marks)", "true"},
	{"func deep(n int) int {\n\treturn fail(n)\n}\ndeep(9)", "error: panic: runtime error: index out of range [9] with length 3, at 2:9 in deep\n\tcalled at 4:1"},
	{"apply(func(n int) int {\n\tpanic(n) }, 21)", "error: panic: int(21), at 2:2 in func literal\n\tcalled at 1:1"},
}

// TestLive evaluates in programs built as people build them.
func TestLive(t *testing.T) {
	for name, flags := range map[string][]string{
		"exe": nil, "pie": {"-buildmode=pie"}, "trimpath": {"-trimpath"}, "unoptimised": {"-gcflags=all=-N -l"}, "race": {"-race"},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "exe" {
				t.Skip("builds a program")
			}
			p := start(t, build(t, flags...))
			for _, x := range inProgram {
				if got := p.eval(x.src); !strings.HasPrefix(got, x.want) || x.want == "" && got != "" {
					t.Errorf("%s\n got %s\nwant %s", x.src, got, x.want)
				}
			}
		})
	}
}

// TestStripped has the language, functions whose type the user says, and types that
// the program needs at run time. It says what is missing.
func TestStripped(t *testing.T) {
	p := start(t, build(t, "-ldflags=-s -w"))
	for _, x := range []struct{ src, want string }{
		{"strings.ToUpper(\"x\") + fmt.Sprint(1 + 1)", `"X2"`},
		{"limit", "error: 1:1: undefined: limit"},
		{"limit", "-ldflags"},
		{"f := function(\"main.fail\", func(int) int); f(2)", "3"},
		{"f(3)", "error: panic: runtime error: index out of range [3] with length 3"},
		{"function(\"main.mixed\", func(int8, string, float64, struct{ a, b int8 }, map[string]int, ...int) (int, string, float32))(1, \"s\", 2.5, struct{ a, b int8 }{1, 2}, nil, 7, 8)", `4, "s!", 2.5`},
		{"it := item{Name: \"four\"}; it.Tags = append(it.Tags, \"t\"); len(it.Tags)", "1"},
		{"function(\"main.describe\", func(error) string)(errors.New(\"e\"))", `"error: e"`},
		{"function(\"main.fail\", func(string) int)", "error: 1:1: main.fail is no func(string) int: its arguments take other room"},
		{"function(\"main.fial\", func(int) int)", "error: 1:1: the program has no code of a function main.fial"},
		{"function(\"runtime.GC\", func())", "error: 1:1: runtime.GC cannot be called"},
		{"function(\"os.Exit\", func(int))", "error: 1:1: os.Exit cannot be called: it would end the program"},
		{"function(1, 2)", "error"},
	} {
		if got := p.eval(x.src); !strings.Contains(got, x.want) {
			t.Errorf("%s\n got %s\nwant %s", x.src, got, x.want)
		}
	}
}

var soak = flag.Duration("soak", 0, "how `long` TestMutated goes on, in each mode")

// TestMutated reads a map that the program writes as fast as it can, while the
// collector runs all the time.
func TestMutated(t *testing.T) {
	for name, flags := range map[string][]string{"plain": nil, "race": {"-race"}} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "plain" {
				t.Skip("builds a program")
			}
			t.Setenv("GOGC", "1")
			// That the console reads what the program writes is a race indeed.
			t.Setenv("GORACE", "report_bugs=0")
			p := start(t, buildProgram(t, "./testdata/program", flags...), "mutate")
			until := time.Now().Add(*soak)
			for round := 0; round == 0 || time.Now().Before(until); round++ {
				for _, src := range []string{
					"n := 0; for range 100 { for k, v := range churn { if k > 1000 || v < 0 { panic(\"torn\") }; n++ } }; n > 0",
					"for i := range 10000 { if v, ok := churn[i%1000]; ok && v != 0 && v%1000 != i%1000 { panic(fmt.Sprint(i, v)) } }",
					"for range 10 { fmt.Sprint(churn); runtime.GC() }",
					"churn",
					"len(churn) >= 0",
				} {
					if got := p.eval(src); strings.Contains(got, "error") {
						t.Fatalf("round %d: %s: %s", round, src, got)
					}
				}
			}
		})
	}
}

// TestDescribe tells of methods that cannot be called, and of parameters of which debug
// information does not tell all.
func TestDescribe(t *testing.T) {
	p := start(t, build(t))
	for _, x := range []struct{ src, want string }{
		{":doc main.tags", "\tfunc first (inlined everywhere, cannot be called)\n"},
		{":doc main.tags", "\tfunc add([]string) (the last may be ...string: debug information does not tell)\n"},
		{":doc marks.first", "marks.first: func (inlined everywhere, cannot be called)\n"},
		{":doc os.Exit", "os.Exit: func(int)\n"},
		{":doc main.main", "main.main: func() (it is the whole program, which runs, cannot be called)\n"},
		{"marks.first()", "error: 1:7: main.(*tags).first cannot be called: it was inlined everywhere"},
		{":doc http.Client", "\tTimeout time.Duration\n"},
		{":doc http.Client", "dropped by the linker"},
		{":doc nope", "error: undefined: nope"},
	} {
		if got := p.eval(x.src); !strings.Contains(got, x.want) {
			t.Errorf("%s\n got %s\nwant %s", x.src, got, x.want)
		}
	}
}
