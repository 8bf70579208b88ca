package abi

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// layout writes places as the tables below have them: "r0", "x1", "s16:24".
func layout(ps []Param) string {
	var out []string
	for _, p := range ps {
		var s []string
		for _, l := range p.Leaves {
			switch l.Where {
			case InInt:
				s = append(s, IntNames[l.N])
			case InFloat:
				s = append(s, fmt.Sprintf("X%d", l.N))
			case OnStack:
				s = append(s, fmt.Sprintf("%d:%d", l.N, l.Size))
			}
		}
		out = append(out, strings.Join(s, "+"))
	}
	return strings.Join(out, " ")
}

func params(f reflect.Type) (ps []Param) {
	for i := range f.NumIn() {
		ps = append(ps, Param{Type: FromReflect(f.In(i))})
	}
	for i := range f.NumOut() {
		ps = append(ps, Param{Type: FromReflect(f.Out(i)), Result: true})
	}
	return ps
}

type (
	pair  struct{ A, B int }
	mixed struct {
		A uint8
		F float32
		S string
	}
	empty struct{}
	atEnd struct {
		A int
		E empty
	}
	noRegs struct {
		A int
		E [2]empty
	}
)

// The expectations follow abi-internal.md by hand; that compiled programs follow
// it too is the matter of the tests of internal/probes/returns.
func TestAssign(t *testing.T) {
	for _, c := range []struct {
		f                  any
		args, results      string
		stackSize, argSize int64
	}{
		{func() {}, "", "", 0, 0},
		// The example of the specification.
		{func(uint8, [2]uintptr, uint8) (r1 struct {
			x uintptr
			y [2]uintptr
		}, r2 string) {
			return
		}, "AX 0:16 BX", "16:24 AX+BX", 40, 48},
		{func(int, string, error) error { return nil }, "AX BX+CX DI+SI", "AX+BX", 0, 40},
		{func([]byte, any, func(), map[int]int) (int, error) { return 0, nil }, "AX+BX+CX DI+SI R8 R9", "AX BX+CX", 0, 56},
		{func(float64, int, float32, complex128) (complex64, bool) { return 0, false }, "X0 AX X1 X2+X3", "X0+X1 AX", 0, 40},
		{func(mixed, pair) (*int, mixed) { return nil, mixed{} }, "AX+X0+BX+CX DI+SI", "AX BX+X0+CX+DI", 0, 40},
		// An array of one element is its element; of none, nothing; of two, memory.
		{func([1]string, [0]int, [2]int8, struct{}) [1]float64 { return [1]float64{} }, "AX+BX 0:0 0:2 2:0", "X0", 8, 24},
		{func(atEnd, noRegs) {}, "AX 0:16", "", 16, 32},
		// What does not fit goes to the stack whole, and what comes after it may fit again.
		{func(a, b, c, d, e, f, g, h int, s string, i int, j int) error { return nil },
			"AX BX CX DI SI R8 R9 R10 0:16 R11 16:8", "AX+BX", 24, 24 + 72},
		{func() (a [3]int, b [2]string, err error) { return }, "", "0:24 24:32 AX+BX", 56, 56},
		{func() (a, b, c, d string, err error) { return }, "", "AX+BX CX+DI SI+R8 R9+R10 0:16", 16, 16},
		// Bytes on the stack, and words behind them.
		{func(a [2]byte, b [2]uint16, c [2]uint64) (d [3]byte, e error) { return }, "0:2 2:4 8:16", "24:3 AX+BX", 32, 32},
		// Spill room is aligned for each argument.
		{func(a byte, b int64, c byte, d int32) {}, "AX BX CX DI", "", 0, 24},
		{func(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p float64, q float32) {},
			"X0 X1 X2 X3 X4 X5 X6 X7 X8 X9 X10 X11 X12 X13 X14 0:8 8:4", "", 16, 16 + 120},
	} {
		typ := reflect.TypeOf(c.f)
		l, err := Assign(params(typ))
		if err != nil {
			t.Errorf("%v: %v", typ, err)
			continue
		}
		if got := layout(l.Args); got != c.args {
			t.Errorf("%v\narguments %q, want %q", typ, got, c.args)
		}
		if got := layout(l.Results); got != c.results {
			t.Errorf("%v\nresults %q, want %q", typ, got, c.results)
		}
		if l.StackSize != c.stackSize || l.ArgsSize != c.argSize {
			t.Errorf("%v\nsizes %d, %d, want %d, %d", typ, l.StackSize, l.ArgsSize, c.stackSize, c.argSize)
		}
	}
}

func TestAssignOffsets(t *testing.T) {
	l, err := Assign([]Param{{Name: "m", Type: FromReflect(reflect.TypeFor[mixed]())}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Leaf{
		{InInt, 0, 0, 1, Integer},
		{InFloat, 0, 4, 4, Float},
		{InInt, 1, 8, 8, Pointer},
		{InInt, 2, 16, 8, Integer},
	}
	if got := l.Args[0].Leaves; !reflect.DeepEqual(got, want) {
		t.Errorf("leaves %+v, want %+v", got, want)
	}
}

// TestAssignRefuses: what a damaged description could say.
func TestAssignRefuses(t *testing.T) {
	deep := Word()
	for range 5000 {
		deep = &Type{Kind: Struct, Size: 8, Align: 8, Fields: []Field{{Type: deep}}}
	}
	for name, typ := range map[string]*Type{
		"nil":                   nil,
		"integer of 3 bytes":    {Kind: Integer, Size: 3, Align: 1},
		"integer of 16 bytes":   {Kind: Integer, Size: 16, Align: 8},
		"float of 2 bytes":      {Kind: Float, Size: 2, Align: 2},
		"complex of 4 bytes":    {Kind: Complex, Size: 4, Align: 4},
		"alignment of 3":        {Kind: Integer, Size: 8, Align: 3},
		"no alignment":          {Kind: Integer, Size: 8},
		"negative size":         {Kind: Struct, Size: -8, Align: 8},
		"array without element": {Kind: Array, Size: 8, Align: 8, Len: 1},
		"array too long":        {Kind: Array, Size: 8, Align: 8, Len: 1 << 61, Elem: Word()},
		"field outside":         {Kind: Struct, Size: 8, Align: 8, Fields: []Field{{Offset: 8, Type: Word()}}},
		"fields that overlap":   {Kind: Struct, Size: 16, Align: 8, Fields: []Field{{Type: Word()}, {Offset: 4, Type: Word()}}},
		"endless":               deep,
		"unknown kind":          {Kind: 200, Size: 8, Align: 8},
	} {
		if l, err := Assign([]Param{{Name: "p", Type: typ}}); err == nil {
			t.Errorf("%s: got %s", name, layout(l.Args))
		} else if !strings.Contains(err.Error(), `"p"`) {
			t.Errorf("%s: error %q does not name the parameter", name, err)
		}
	}
}

func BenchmarkAssign(b *testing.B) {
	ps := params(reflect.TypeOf(func(mixed, []byte, error, [4]int) (string, error) { return "", nil }))
	for b.Loop() {
		if _, err := Assign(ps); err != nil {
			b.Fatal(err)
		}
	}
}
