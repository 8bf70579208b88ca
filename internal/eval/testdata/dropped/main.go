// Dropped is a program that the linker has dropped methods of. Its functions look for
// them in any value that they get, with interfaces that nothing but their code names.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/ispyd/ispyd/internal/eval"
)

// Level is never in an interface: its String is dropped, fmt would call it.
type Level int

func (l Level) String() string { return fmt.Sprint("level ", int(l)) }

// Holder holds one where package reflect finds it.
type Holder struct {
	L Level
	n int
}

// Hidden holds one where package reflect gives it to nobody.
type Hidden struct{ l Level }

// Kept is in an interface in the program itself.
type Kept int

func (k Kept) String() string { return fmt.Sprint("kept ", int(k)) }

// Odd has a method of a name that no package asks for.
type Odd struct{ n int }

func (o Odd) Oddly() string { return fmt.Sprint("odd ", o.n) }

// Strange is asked for through an interface without a name.
type Strange struct{ n int }

func (s *Strange) strangely(int) string { return fmt.Sprint("strange ", s.n) }

// Failure is an error that is never used as one.
type Failure struct{ n int }

func (f *Failure) Error() string { return fmt.Sprint("failure ", f.n) }

type oddly interface{ Oddly() string }

//go:noinline
func sprint(x any) string { return fmt.Sprint(x) }

//go:noinline
func sprintAll(x ...any) string { return fmt.Sprintf("%+v", x) }

//go:noinline
func marshal(x any) string {
	b, err := json.Marshal(x)
	return fmt.Sprint(string(b), err)
}

//go:noinline
func odd(x any) string {
	if o, ok := x.(oddly); ok {
		return o.Oddly()
	}
	return "not oddly"
}

//go:noinline
func strange(x any) string {
	if o, ok := x.(interface{ strangely(int) string }); ok {
		return o.strangely(1)
	}
	return "not strange"
}

//go:noinline
func failed(err error) string { return err.Error() }

// Others have methods of the types of those, so that the types are in the program.
type other struct{}

func (*other) Oddly() string        { return "other" }
func (*other) strangely(int) string { return "other" }

var (
	level        = Level(3)
	levels       = []Level{1, 2}
	byLevel      = map[Level]string{1: "one"}
	holder       = Holder{L: 4}
	holders      = []*Holder{{L: 5}}
	hidden       = Hidden{6}
	kept         = Kept(7)
	anOdd        = Odd{8}
	aStrange     = &Strange{9}
	failure      = &Failure{10}
	box      any = Kept(11)
)

// What makes the linker keep the types.
var (
	allOdd    []Odd
	strangers []*Strange
	failures  []*Failure
)

func main() {
	n := len(os.Args)
	for range n {
		allOdd = append(allOdd, Odd{n})
		strangers = append(strangers, &Strange{n})
		failures = append(failures, &Failure{n})
	}
	if len(os.Args) > 5 { // keep all of it
		fmt.Println(sprint(nil), sprintAll(), marshal(nil), odd(&other{}), strange(&other{}), failed(nil), box, Kept(len(os.Args)))
		println(int(level), len(levels), len(byLevel), int(holder.L), holder.n, len(holders), int(hidden.l), int(kept), anOdd.n, aStrange.n, failure.n)
	}
	s := eval.NewSession(&eval.Live{}, eval.Options{Timeout: 20 * time.Second})
	in := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var src string
		json.Unmarshal(in.Bytes(), &src)
		r, err := s.Eval(context.Background(), src)
		text := r.Output
		for _, vs := range r.Values {
			for _, v := range vs {
				text += v.Text
			}
		}
		if err != nil {
			text += "error: " + err.Error()
		}
		out.Encode(text)
	}
}
