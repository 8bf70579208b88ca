package eval

import (
	"fmt"
	"testing"
)

// TestDeclareBeside declares and formats while goroutines of the session format values
// of the same types: what they share must not be written while it is read.
func TestDeclareBeside(t *testing.T) {
	s := open(t, Options{})
	if _, err := s.Eval(t.Context(), `type T struct { n int; m map[string]any; e error }
type E struct { *T; k []T }
func (t T) String() string { return strconv.Itoa(t.n) }
var x any = T{n: 1, m: map[string]any{"a": E{}}, e: io.EOF}
type I interface { String() string }
go func() { for { fmt.Sprintf("%v %+v", x, E{k: []T{{}}}); _, _ = x.(I) } }()
go func() { for { slices.Max([]int{1}); var i I = T{}; i.String(); time.Duration(5).String() } }()`); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		src := fmt.Sprintf("func (t T) M%d() int { return %d }\nfunc (e E) N%d() {}\ntype T%d struct { T; n [%d]int }\nT{}.M%d(); fmt.Sprint(T%d{}, []T%d{{}})", i, i, i, i, i+1, i, i, i)
		if _, err := s.Eval(t.Context(), src); err != nil {
			t.Fatal(err)
		}
		s.Complete(t.Context(), "x.M")
		s.Describe(t.Context(), "x")
	}
}
