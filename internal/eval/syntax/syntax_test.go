package syntax_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/internal/eval/syntax"
)

// compare reports the first difference of two trees, but for what this parser leaves
// out: comments, objects, and the end positions that nothing asks for.
func compare(path string, a, b reflect.Value) error {
	if a.Type() != b.Type() {
		return fmt.Errorf("%s: %v, go/parser has %v", path, a.Type(), b.Type())
	}
	switch a.Kind() {
	case reflect.Interface, reflect.Pointer:
		switch a.Type() {
		case reflect.TypeFor[*ast.CommentGroup]():
			return nil
		}
		if a.IsNil() || b.IsNil() {
			if a.IsNil() != b.IsNil() {
				return fmt.Errorf("%s: %v, go/parser has %v", path, a, b)
			}
			return nil
		}
		return compare(path, a.Elem(), b.Elem())
	case reflect.Slice:
		if a.Len() != b.Len() {
			return fmt.Errorf("%s: %d elements, go/parser has %d", path, a.Len(), b.Len())
		}
		for i := range a.Len() {
			if err := compare(fmt.Sprintf("%s[%d]", path, i), a.Index(i), b.Index(i)); err != nil {
				return err
			}
		}
		return nil
	case reflect.Struct:
		for i := range a.NumField() {
			name := a.Type().Field(i).Name
			if name == "ValueEnd" || name == "EndPos" || name == "Semicolon" || name == "Obj" {
				continue
			}
			if err := compare(path+"."+name, a.Field(i), b.Field(i)); err != nil {
				return err
			}
		}
		return nil
	}
	if !a.Equal(b) {
		return fmt.Errorf("%s: %v, go/parser has %v", path, a, b)
	}
	return nil
}

// sources are the files of some packages of the standard library, and this package's.
func sources(t testing.TB) (l []string) {
	dirs := []string{".", "go/parser", "go/types", "net/http", "reflect", "encoding/json", "slices", "maps", "iter", "sync/atomic", "text/template", "math/big", "internal/types/testdata/check"}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skip(err)
	}
	for i, dir := range dirs {
		if i > 0 {
			dir = filepath.Join(strings.TrimSpace(string(root)), "src", dir)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		l = append(l, files...)
	}
	if len(l) < 100 {
		t.Skipf("%d files of the standard library found", len(l))
	}
	return l
}

func TestSameTreeAsGoParser(t *testing.T) {
	for _, file := range sources(t) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file, b, parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		if err := same(string(b), f); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func same(src string, f *ast.File) error {
	skip := int(f.Name.Pos()) - 1 + len(f.Name.Name)
	stmts, decls, err := syntax.Parse(src[skip:], token.Pos(1+skip))
	if err != nil {
		return fmt.Errorf("%d: %w", strings.Count(src[:err.(*syntax.Error).Pos], "\n")+1, err)
	}
	for _, s := range stmts {
		switch s := s.(type) {
		case *ast.DeclStmt:
			decls = append(decls, s.Decl)
		case *ast.EmptyStmt:
		default:
			return fmt.Errorf("a statement %T", s)
		}
	}
	byPos := map[token.Pos]ast.Decl{}
	for _, d := range decls {
		byPos[d.Pos()] = d
	}
	if len(byPos) != len(f.Decls) {
		return fmt.Errorf("%d declarations, go/parser has %d", len(byPos), len(f.Decls))
	}
	for _, want := range f.Decls {
		got := byPos[want.Pos()]
		if got == nil {
			return fmt.Errorf("no declaration at %d", want.Pos())
		}
		if err := compare("", reflect.ValueOf(&got), reflect.ValueOf(&want)); err != nil {
			return err
		}
	}
	return nil
}

const head = "package p; func _() {"

// oracle is what go/parser says of statements.
func oracle(src string) (*ast.File, *scanner.Error) {
	f, err := parser.ParseFile(token.NewFileSet(), "", head+src+"\n}", parser.SkipObjectResolution)
	if list, ok := err.(scanner.ErrorList); ok {
		return f, list[0]
	}
	return f, nil
}

var snippets = []string{
	"x := 1; y = x", "a, b := f(1, 2...)", "for range 3 {}", "for i := range x { f(i) }", "for k, v = range m {}",
	"for i := 0; i < 3; i++ { continue }", "for ;; { break }", "L: for { break L }", "x <- 1", "v, ok := <-ch",
	"if x := f(); x > 0 { } else if y { } else { }", "switch x := y.(type) { case int, string: default: }",
	"switch { case a: fallthrough; default: }", "select { case x := <-c: case c <- 1: default: }", "switch x; y { }",
	"var a [n]int", "var b []struct { x, y int; *T; p.Q `tag`; G[int]; H[int, string]; z [3]int; w []int }",
	"type T[P any] struct { v P }", "type A [n]int", "type B []int", "type C [P * Q]int", "type D[P *Q,] int", "type E[P interface{ ~int }] = int",
	"type F[P *struct{}] int", "type G[P ~int | string, Q any] int", "type I interface { M(int) string; ~int | ~string; J; K[int] }",
	"f := func(a, b int, c ...string) (x, y int) { return }", "g := func(int, []string) error { return nil }(1)",
	"x := map[string]func(){ \"a\": func() {}, }", "y := []T{{1, 2}, {a: 1}}", "z := [...]int{2: 1}", "w := &T{}",
	"x := f[int](1)", "x := f[int, string]", "x := a[1:2:3]", "x := a[:]", "x := a[:2]", "x := a[1:]",
	"var c <-chan int", "var d chan<- chan int", "var e chan (<-chan int)", "x := <-chan int(c)", "x := (<-chan int)(c)",
	"defer f()", "go func() {}()", "if (T{} == x) { }", "if x == (T{}) { }", "x = a &^ b << 3 | -c", "goto L", "L: { }", "L:", ";;",
	"const ( a = iota; b; c )", "var ( x int; y = 2 )", "x := 0x1p-3 + 0b11 + 0o7 + 017 + 1_000 + .5 + 1e3i + 'a' + '\\n' + '\\''",
	"f(func(int) {}, struct{}{}, [2]int{1, 2}, map[int]int{}, []int(nil), (*T)(nil), chan int(nil))", "x.(*T).y[0](1).z = 3",
	"func(a T[int], b T[3]int, c [2]T, d p.T[int]) {}(1)", "x /* c */ := 1 // d\ny++", "return 1, 2", "return\n",
	"if v, ok := m[T{1}]; ok {}", "for _, x := range []int{1, 2} {}", "switch x := (T{}); x.(type) {}",
	// What is wrong.
	"x +", "x = ", "if { }", "if x = 1 { }", "for i := 0 { }", "f(1", "f(1\n2)", "a[", "a[]", "a[1:2:]", "a[::3]", "x y", "x := )", "}", "{", "(", "1 = = 2",
	"func f() {}", "x.1", "x.", "var x", "const x", "type T", "type T[] int", "case 1:", "else {}", "if x {} else 1", "defer x", "go (f())", "defer (f())",
	"\"abc", "`abc", "'a", "'ab'", "''", "\"\\z\"", "\"\\x1\"", "'\\u12'", "0x", "0b12", "08", "1_", "0x1.5", "1e", "1__0", "@", "#", "x $ y", "/* x",
	"switch x := 1 { }", "select { case 1 = 2: }", "select { case x, y, z := <-c: }", "for a, b, c := range x {}", "switch x = y.(type) {}",
	"[]int{1\n}", "[]int{1 2}", "([]int){1}", "T{a: }", "x++ + 1", "a, b++", "a, b", "1: x", "struct { (T) }", "var x struct { *(T) }",
	"func(a, b.c int) {}", "func(a int, string) {}", "interface { M[T any]() }", "func[T any]() {}", "import \"x\"", "package p", "range x", "x := range y",
	"var x [...]int", "chan", "map[int", "map[]int", "<-chan", "<-chan<- int", "if var x = 1; x {}", "for x {", "if x; {}", "if x\n{}", "for x\n{}",
}

// ours are errors that are not go/parser's, with their offset. What it says of the end
// of a source is of the function that the oracle puts around it.
var ours = map[string]string{
	"x +": "3: expected operand, found end of input", "x = ": "4: expected operand, found end of input", "a[": "2: expected operand, found end of input", "(": "1: expected operand, found end of input",
	"{": "1: expected '}', found end of input", "for x {": "7: expected '}', found end of input", "x.": "2: expected selector or type assertion, found end of input",
	"chan": "4: expected type, found end of input", "<-chan": "6: expected type, found end of input", "var x": "5: expected type, found end of input",
	"}": "0: unexpected }", "case 1:": "0: expected statement, found 'case'", "L:": "", "func f() {}": "", "import \"x\"": "",
	"defer x": "6: expression in defer must be function call", "if var x = 1; x {}": "3: var declaration not allowed in if initializer",
	"for x\n{}": "5: unexpected newline, expecting { after for clause", "interface { M[T any]() }": "16: missing ',' in type argument list",
	"'ab'": "0: more than one character in rune literal", "''": "0: empty rune literal or unescaped ' in rune literal", "\"\\z\"": "1: unknown escape sequence",
	"\"\\x1\"": "1: invalid escape sequence: not enough digits, or no Unicode code point", "'\\u12'": "1: invalid escape sequence: not enough digits, or no Unicode code point",
	"0x": "0: hexadecimal literal has no digits", "0x1.5": "0: hexadecimal mantissa requires a 'p' exponent", "1e": "0: exponent has no digits",
	"f(1": "3: expected ')', found end of input", "a, b": "",
	"type T": "6: expected type, found end of input", "map[int": "7: expected ']', found end of input",
	"1__0": "1: '_' must separate successive digits",
}

func TestSnippets(t *testing.T) {
	for _, src := range snippets {
		want, ok := ours[src]
		if !ok {
			if d := differ(src); d != "" {
				t.Error(d)
			}
			continue
		}
		got := ""
		if _, _, err := syntax.Parse(src, 1); err != nil {
			got = fmt.Sprintf("%d: %v", err.(*syntax.Error).Pos-1, err)
		}
		if got != want {
			t.Errorf("%q: %s, want %s", src, got, want)
		}
	}
}

func TestDeepNesting(t *testing.T) {
	// What is tried must not be tried again for each level.
	if _, _, err := syntax.Parse(strings.Repeat("type a[x(func(){", 200), 1); err == nil {
		t.Error("nested trials are taken")
	}
	for _, unit := range []string{"(", "[", "{", "-", "*", "[]", "func(", "x{", "if x {", "L:", "f(", "struct{x ", "<-", "x[", "switch {case x:", "x.y", "chan "} {
		src := "x = " + strings.Repeat(unit, 1<<20/len(unit))
		if unit == "{" || unit == "if x {" || unit == "L:" || unit == "switch {case x:" {
			src = src[len("x = "):]
		}
		if _, _, err := syntax.Parse(src, 1); err == nil {
			t.Errorf("%q again and again is taken", unit)
		}
	}
}

// What both parsers take has one tree, and nothing makes this one panic.
func FuzzParse(f *testing.F) {
	for _, src := range snippets {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		file, wrong := oracle(src)
		stmts, decls, err := syntax.Parse(src, token.Pos(1+len(head)))
		if err != nil || wrong != nil || len(decls) > 0 || len(file.Decls) != 1 {
			return
		}
		body := file.Decls[0].(*ast.FuncDecl).Body.List
		if err := compare("", reflect.ValueOf(stmts), reflect.ValueOf(body)); err != nil {
			t.Errorf("%q: %v", src, err)
		}
	})
}

// differ says how a tree or an error is not as go/parser's.
func differ(src string) string {
	f, want := oracle(src)
	stmts, decls, err := syntax.Parse(src, token.Pos(1+len(head)))
	if err == nil && want == nil {
		if len(decls) > 0 || len(f.Decls) != 1 {
			return ""
		}
		body := f.Decls[0].(*ast.FuncDecl).Body.List
		if err := compare("", reflect.ValueOf(stmts), reflect.ValueOf(body)); err != nil {
			return fmt.Sprintf("%q: %v", src, err)
		}
		return ""
	}
	if want == nil {
		return fmt.Sprintf("%q: %v at %d, go/parser takes it", src, err, int(err.(*syntax.Error).Pos)-len(head))
	}
	if err == nil {
		return fmt.Sprintf("%q is taken, go/parser says: %v at %d", src, want.Msg, want.Pos.Offset+1-len(head))
	}
	if e := err.(*syntax.Error); e.Text != want.Msg || int(e.Pos) != want.Pos.Offset+1 {
		return fmt.Sprintf("%q: %v at %d, go/parser says: %v at %d", src, err, int(e.Pos)-len(head), want.Msg, want.Pos.Offset+1-len(head))
	}
	return ""
}
