package eval

import (
	"strings"
	"testing"
	"time"
)

// TestPlaces has the place of an error at its end, and those of the session's functions
// that called.
func TestPlaces(t *testing.T) {
	s := open(t, Options{Timeout: 5 * time.Second})
	for _, x := range []struct{ src, want string }{
		{"var p *int\n\n1\n  *p", "nil pointer dereference, at 4:3"},
		{"func f(n int) int {\n\ta := []int{1}\n\treturn a[n]\n}\nfunc g() {\n\n\tf(3)\n}\ng()", "length 1, at 3:10 in f\n\tcalled at 7:2 in g\n\tcalled at 9:1"},
		{"g()", "length 1, at 3:10 in f of an earlier request\n\tcalled at 7:2 in g of an earlier request\n\tcalled at 1:1"},
		{"x := 3\nfunc() {\n defer func() { recover() }()\n f(2)\n}()\nx/(x-3)", "divide by zero, at 6:1"},
		{"func r(n int) int { return r(n+1) }\nr(0)", "… 1992 more\n\tcalled at 1:28 in r\n\tcalled at 1:28 in r\n\tcalled at 1:28 in r\n\tcalled at 2:1"},
		{"sort.Slice([]int{1,2}, func(i, j int) bool {\n  return []int{}[i] > 0\n})", "length 0, at 2:17 in func literal\n\tcalled at 1:6"},
		{"type T struct { N *T; V int }\nvar t = &T{}\nt.N.\n N.V", "dereference, at 4:2"},
		{"slices.SortFunc([]int{1,2}, func(a, b int) int {\n panic(\"cmp\") })", "panic: cmp, at 2:2 in func literal\n\tcalled at SortFunc[[]int,int], whose text is not kept\n\tcalled at 1:8"},
		{"func() {\n defer func() { panic(\"second\") }()\n panic(\"first\")\n}()", "panic: second, at 2:17 in func literal\n\tcalled at 3:2 in func literal\n\tcalled at 1:1"},
		{"1\nos.Exit(1)", "end the program, at 2:4"},
		{"var m map[string]int\n\nm[\"a\"] = 1", "nil map, at 3:1"},
		{"var i any\ni.(int)", "not int, at 2:1"},
		{"sl := []int{1}\nk := 5\nsl[1:\nk]", "capacity 1, at 3:3"},
		{"strings.Repeat(\"x\", 1<<40)", "64 MiB, at 1:9"},
		{"func() { defer func() { panic(recover()) }(); f(1) }()", "length 1, at 1:25 in func literal\n\tcalled at 1:47 in func literal\n\tcalled at 1:1"},
		{"for i := range 3 {\n if i == 1 {\n  f(i) } }", "length 1, at 3:10 in f of an earlier request\n\tcalled at 3:3"},
	} {
		if _, err := s.Eval(t.Context(), x.src); err == nil || !strings.HasSuffix(err.Error(), x.want) {
			t.Errorf("%s\n got %v\nwant %s", x.src, err, x.want)
		}
	}
	r, _ := s.Eval(t.Context(), "go func() {\n panic(1) }()")
	s.Wait()
	if r.Output += s.out.take(); !strings.Contains(r.Output, "panic: int(1), at 2:2 in func literal\n") {
		t.Errorf("%q", r.Output)
	}
}

// TestTexts has what somebody new types, and what helps then.
func TestTexts(t *testing.T) {
	s := open(t, Options{})
	for _, x := range []struct{ src, want string }{
		{"1+", "1:3: expected operand, found end of input"}, {"f(1", "1:4: expected ')', found end of input"}, {"f(1,", "1:5: expected operand, found end of input"},
		{"{", "1:2: expected '}', found end of input"}, {"x := []int{1", "1:13: expected '}', found end of input"}, {"(1", "1:3: expected ')', found end of input"},
		{"(1\n", "1:3: expected ')', found newline"}, {"\"abc", "1:1: string literal not terminated"}, {"`abc", "1:1: raw string literal not terminated"}, {"/* x", "1:1: comment not terminated"},
		{"var", "1:4: expected a name, found end of input"}, {"// c", ""}, {"", ""}, {"\n\n", ""}, {";", ""},
		{"x?", ":doc NAME"}, {"ls", "ls is a command of ispy"}, {"cat README", "cat is a command of ispy"}, {"help", ":help"}, {"help()", ":help"},
		{"exit", "exit() or Ctrl-D"}, {"quit", "quit() or Ctrl-D"}, {"strings", ":doc strings"}, {"len", "must be called"},
		{"runtime.ReadMemStats", "runtime/memory"}, {"debug.SetGCPercent(1)", "runtime/settings"}, {"pprof.StartCPUProfile", "profile"},
		{"unsafe.Pointer(nil)", "is printed with"}, {"reflect.TypeOf(1)", "%T"}, {"json.Marshal(1)", ":json"},
		{"var m sync.Map; for range m {}", "m.Range(func(k, v any) bool"}, {"main.nope", "undefined: main.nope"},
		{`"a" + 1`, `1:1: invalid operation: "a" + 1 (mismatched types untyped string and untyped int)`},
	} {
		_, err := s.Eval(t.Context(), x.src)
		if text := ""; err != nil && x.want != "" {
			if text = err.Error(); !strings.Contains(text, x.want) {
				t.Errorf("%q: %s, want %s", x.src, text, x.want)
			}
		} else if (err != nil) != (x.want != "") {
			t.Errorf("%q: %v, want %s", x.src, err, x.want)
		}
	}
}

// TestShown is how values are shown, with what errors say.
func TestShown(t *testing.T) {
	s := open(t, Options{})
	for _, x := range []struct{ src, want string }{
		{`[]byte("hi\xff")`, `[]byte("hi\xff")`}, {`[]byte(nil)`, `[]uint8(nil)`}, {`type B []byte; B("x")`, `main.B("x")`}, {`[]any{[]byte("y")}`, `[]interface {}{[]byte("y")}`},
		{`1, "x", nil`, `1, "x", nil`}, {`a, b := 1, 2; b, a`, `2, 1`}, {`main.a`, `1`}, {`type T struct{}; main.T{}`, `main.T{}`}, {`var t main.T; t`, `main.T{}`},
		{`strconv.Atoi("x")`, `0, &strconv.NumError{Func: "Atoi", Num: "x", Err: &errors.errorString{s: "invalid syntax"}} // error: strconv.Atoi: parsing "x": invalid syntax`},
		{`errors.New("a\nb")`, "&errors.errorString{s: \"a\\nb\"} // error: a\n// b"}, {`var e error; e`, `nil`},
		{"type E struct{}\nfunc (E) Error() string { panic(1) }\nfunc g() error { return E{} }\ng()", "main.E{}"},
	} {
		r, err := s.Eval(t.Context(), x.src)
		if err != nil || len(r.Values) != 1 {
			t.Errorf("%s: %v, %v", x.src, r.Values, err)
			continue
		}
		var l []string
		for _, v := range r.Values[0] {
			l = append(l, v.Text)
		}
		if got := strings.Join(l, ", ") + Notes(r.Values[0]); got != x.want {
			t.Errorf("%s: %s, want %s", x.src, got, x.want)
		}
	}
	if d, err := s.Describe(t.Context(), "sync.Mutex"); err != nil || !strings.Contains(d, "\tmu internal/sync.Mutex\n") || !strings.Contains(d, "\tfunc Lock()\n") {
		t.Errorf("%s, %v", d, err)
	}
}
