package debugger_test

import (
	"strings"
	"testing"
)

// below returns the lines of values under a function's frame.
func below(text, function string) (list []string) {
	found := false
	for line := range strings.Lines(text) {
		value, ok := strings.CutPrefix(line, "\t    ")
		switch {
		case ok && found:
			list = append(list, strings.TrimSuffix(value, "\n"))
		case !strings.HasPrefix(line, "\t"):
			found = strings.HasPrefix(line, function+"(")
		}
	}
	return list
}

const basket = `basket []main.Item = []main.Item{{Name: "apple", Tags: []string{"red", "ripe"}}, {Name: "bread", Tags: nil}}`

// Without optimisation every variable that is in scope has its value, and none that
// is not.
func TestLocals(t *testing.T) {
	needEngine(t)
	for name, flags := range map[string][]string{
		"exe": {"-gcflags=all=-N -l"}, "pie": {"-gcflags=-N -l", "-buildmode=pie"},
	} {
		t.Run(name, func(t *testing.T) {
			v := start(t, binary(t, flags...), on)
			v.want("ok", "ctl insert main.(*Shop).visit")
			v.want("runtime error: index out of range [3] with length 2", "visit 9")
			text := v.await("tracebacks/1/traceback", "visit")
			wantBelow(t, text, "main.tally", basket, `counts map[string]int = map[string]int{"apple": 2, "bread": 1}`, "step int = 9", "most int = 3")
			wantBelow(t, text, "main.(*Shop).checkout", shopText, basket, `counts map[string]int = map[string]int{"apple": 2, "bread": 1}`,
				"step int = 9", "sum int = 0", "err error = nil", `first string = "apple"`, "secret string = [redacted]")
			wantBelow(t, text, "main.(*Shop).visit", shopText, "id int = 9", `customer string = "Ada"`, "total int = 0", "err error = nil",
				"limit int = 900", "notes *int = &int(900)", basket, `counts map[string]int = map[string]int{"apple": 2, "bread": 1}`,
				`greeting string = "hello hello Ada"`, "grid [3]int = [3]int{9, 10, 11}", "i int = 1", "step int = 9")

			v.want("ok", "ctl insert -error main.(*Shop).visit")
			v.want("true hello hello Ada: apple password 100", "visit 6")
			text = v.await("tracebacks/2/traceback", "visit")
			wantBelow(t, text, "main.(*Shop).visit", shopText, "id int = 6", `customer string = "Ada"`, "total int = 124",
				`err error = &fmt.wrapError{msg: "hello hello Ada: apple password 100", err: *`,
				"limit int = 600", "notes *int = &int(600)", basket, `counts map[string]int = map[string]int{"apple": 2, "bread": 1}`,
				`greeting string = "hello hello Ada"`, "grid [3]int = [3]int{6, 7, 8}", "i int = 1", "step int = 6", `later string = "HELLO HELLO ADA"`)
			v.want("<nil>", "close")
		})
	}
}

const shopText = `s *main.Shop = &main.Shop{Items: []main.Item{{Name: "apple", Tags: []string{"red"}}, {Name: "bread", Tags: nil}}, Name: "corner shop"}`

// wantBelow compares the values under a frame with those wanted, in any order. A star
// at the end stands for any text.
func wantBelow(t *testing.T, text, function string, want ...string) {
	t.Helper()
	got := below(text, function)
	left := append([]string(nil), got...)
next:
	for _, w := range want {
		for i, g := range left {
			prefix, open := strings.CutSuffix(w, "*")
			if g == w || open && strings.HasPrefix(g, prefix) {
				left = append(left[:i], left[i+1:]...)
				continue next
			}
		}
		t.Errorf("%s lacks %s", function, w)
	}
	for _, g := range left {
		t.Errorf("%s has %s", function, g)
	}
}

// In optimised code, what is gone says so, and what the compiler does not vouch for is
// marked. Nothing that is shown without a mark is other than it was.
func TestLocalsOptimised(t *testing.T) {
	needEngine(t)
	for name, flags := range map[string][]string{"exe": nil, "pie": {"-buildmode=pie"}} {
		t.Run(name, func(t *testing.T) {
			v := start(t, binary(t, flags...), on)
			v.want("ok", "ctl insert main.(*Shop).visit")
			v.want("runtime error: index out of range [3] with length 2", "visit 9")
			text := v.await("tracebacks/1/traceback", "visit")
			v.want("ok", "ctl insert -error main.(*Shop).visit")
			v.want("true hello hello Ada: apple password 100", "visit 6")
			failed := v.await("tracebacks/2/traceback", "visit")

			truth := map[string]bool{
				shopText: true, "id int = 9": true, `customer string = "Ada"`: true, basket: true, "step int = 9": true,
				`counts map[string]int = map[string]int{"apple": 2, "bread": 1}`: true,
			}
			marked, absent := 0, 0
			for _, f := range []string{"main.tally", "main.(*Shop).checkout", "main.(*Shop).visit"} {
				list := below(text, f)
				if len(list) < 4 {
					t.Errorf("%s has the values %q", f, list)
				}
				for _, line := range list {
					switch {
					case strings.HasSuffix(line, " // not certain"):
						marked++
					case strings.HasSuffix(line, " = <optimised out>"):
						absent++
					case !truth[line]:
						t.Errorf("%s has %s, without a mark", f, line)
					}
				}
			}
			if marked == 0 || absent == 0 {
				t.Errorf("%d marked, %d optimised out", marked, absent)
			}
			for _, want := range []string{`greeting string = "hello hello Ada" // not certain`, "limit int = 900 // not certain"} {
				if !strings.Contains(text, "\t    "+want+"\n") {
					t.Errorf("the traceback lacks %s", want)
				}
			}
			// Only the length of later is still in use; the compiler's location is
			// that of the length, as if it were the string's.
			if got := strings.Join(below(failed, "main.(*Shop).visit"), "\n"); !strings.Contains(got, "later string = <optimised out>") || !strings.Contains(got, `greeting string = "hello hello Ada"`) {
				t.Errorf("the error's values are\n%s", got)
			}
			if t.Failed() {
				t.Logf("the tracebacks are\n%s\n%s", text, failed)
			}
			v.want("<nil>", "close")
		})
	}
}
