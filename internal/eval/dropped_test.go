//go:build linux && amd64

package eval

import (
	"strings"
	"testing"
)

// TestDropped passes values whose methods the linker has dropped to functions that
// look for these methods. Each call would end the program with "fatal error:
// unreachable method called. linker bug?".
func TestDropped(t *testing.T) { testDropped(t, buildProgram(t, "./testdata/dropped")) }

// TestDroppedPIE is TestDropped where code and types are loaded anywhere.
func TestDroppedPIE(t *testing.T) {
	testDropped(t, buildProgram(t, "./testdata/dropped", "-buildmode=pie"))
}

func testDropped(t *testing.T, exe string) {
	p := start(t, exe)
	for _, x := range []struct{ src, want string }{
		{"sprint(level)", "refused: String of main.Level"},
		{"sprint(levels)", "refused: String of main.Level"},
		{"sprint(byLevel)", "refused: String of main.Level"},
		{"sprint(holder)", "refused: String of main.Level"},
		{"sprint(&holder)", "refused: String of main.Level"},
		{"sprint(holders)", "refused: String of main.Level"},
		{"sprintAll(1, level)", "refused: String of main.Level"},
		{"x := []any{level}; sprintAll(x...)", "refused: String of main.Level"},
		{"var y any = holder; sprint(y)", "refused: String of main.Level"},
		{"func give() any { return level }\nsprint(give())", "refused: String of main.Level"},
		{"box = level; sprint(box)", "refused: String of main.Level"},
		{"panic(level)", "refused: String of main.Level"},
		{"c := make(chan any, 1); c <- level", "refused: String of main.Level"},
		{"m := map[string]any{\"l\": level}", "refused: String of main.Level"},
		{"type T struct { L Level }\nsprint(T{level}.L)", "refused: String of main.Level"},
		{"sprint(struct{ L Level }{level})", "refused: String of main.Level"},
		{"marshal(holder)", "refused: String of main.Level"},
		{"odd(anOdd)", "refused: Oddly of main.Odd"},
		{"odd(&anOdd)", "refused: Oddly of *main.Odd"},
		{"strange(aStrange)", "refused: strangely of *main.Strange"},
		{"failed(failure)", "refused: Error of *main.Failure"},
		{"var e error = failure; e.Error()", "refused: Error of *main.Failure"},
		{"sprint(hidden)", `"{6}"`},
		{"sprint(kept)", `"kept 7"`},
		{"sprint(box)", `"kept 11"`},
		{"sprint(int(level))", `"3"`},
		// The console's own functions call what there is, or print the value.
		{"fmt.Sprint(level)", ""},
		{"fmt.Println(holder, levels, byLevel)", ""},
		{"fmt.Sprintf(\"%v %d %s\", level, level, failure)", ""},
		{"fmt.Errorf(\"x: %w\", failure)", "&errors.errorString{"},
		{"fmt.Sprint(fmt.Errorf(\"x: %w\", failure))", `"x: &{10}"`},
		{"log.Print(level, failure)", ""},
		{"var target *Failure; errors.As(errors.New(\"x\"), &target)", ""},
		{"sort.Slice(levels, func(i, j int) bool { return levels[i] > levels[j] }); levels", "[]main.Level{2, 1}"},
		{"level", "main.Level(3)"},
		{"holder", "main.Holder{"},
		{"level.String()", "error: 1:7: level.String undefined: the linker has dropped the method, the program calls it nowhere"},
		{"failure.Error()", ""},
		{"f := level.String; f()", ""},
		{"Level.String(level)", ""},
	} {
		got := p.eval(x.src)
		t.Logf("%s → %s", x.src, got)
		if rest, ok := strings.CutPrefix(x.want, "refused: "); ok {
			method, of, _ := strings.Cut(rest, " of ")
			if !strings.Contains(got, "dropped the method "+method) || !strings.Contains(got, of) {
				t.Errorf("%s: %s", x.src, got)
			}
		} else if !strings.HasPrefix(got, x.want) {
			t.Errorf("%s: %s, want %s", x.src, got, x.want)
		}
	}
}
