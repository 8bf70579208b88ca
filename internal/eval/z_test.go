package eval

import (
	"fmt"
	"testing"
)

func TestZ(t *testing.T) {
	s := open(t, Options{Timeout: 1e9})
	for _, src := range []string{"var p *int\n\n1\n  *p", "func f(n int) int {\n\ta := []int{1}\n\treturn a[n]\n}\nfunc g() {\n\n\tf(3)\n}\ng()", "g()", "x := 3\nfunc() {\n defer func() { recover() }()\n f(2)\n}()\nx/(x-3)", "func r(n int) int { return r(n+1) }\nr(0)", "\n\nfor {}", "sort.Slice([]int{1,2}, func(i, j int) bool {\n  return []int{}[i] > 0\n})", "go func() {\n panic(1) }(); time.Sleep(1e7)", "type T struct { N *T; V int }\nvar t = &T{}\nt.N.\n N.V", "slices.SortFunc([]int{1,2}, func(a, b int) int {\n panic(\"cmp\") })", "func() {\n defer func() { panic(\"second\") }()\n panic(\"first\")\n}()", "os.Exit(1)", "var m map[string]int\n\nm[\"a\"] = 1", "var i any\ni.(int)", "s := []int{1}\nk := 5\ns[1:\nk]", "errors.New(\"a\")", "strconv.Atoi(\"x\")", "var e error\ne", "[]byte(\"hi\\xff\")", "strings.Repeat(\"x\", 1<<40)", "defer func() {}()"} {
		r, err := s.Eval(t.Context(), src)
		fmt.Printf("%q\n   %v %q | %v\n", src, r.Values, r.Output, err)
	}
}
