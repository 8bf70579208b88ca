package eval

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

type printed struct {
	A int
	B any
	c []string
}

type stringer int

func (s stringer) String() string { return fmt.Sprint("text", int(s)) }

type panics struct{}

func (*panics) String() string { panic("in String") }

type syntaxer struct{ n int }

func (syntaxer) GoString() string { return "syntaxer!" }

type formats struct{}

func (formats) Format(s fmt.State, verb rune) { fmt.Fprintf(s, "<%c>", verb) }

type (
	label string
	blob  []byte
	ok    bool
)

// TestPrintf compares each verb and flag for values of all kinds with fmt's own.
func TestPrintf(t *testing.T) {
	n, p, f, ch := 3, &printed{1, 2.5, []string{"x"}}, func() {}, make(chan int, 2)
	var none *int
	var nobody *stringer
	var nopanic *panics
	values := []any{nil, 5, -3, uint8(7), 'x', 1.5, float32(-2), 2i, "s\"x", label("l"), ok(true), false, []byte("ab"), blob("cd"), [2]byte{1, 2}, []string{"a", "b"}, []int(nil),
		map[string]int{"b": 1, "a": 2}, map[int]bool(nil), printed{1, "i", nil}, p, &n, none, f, (func())(nil), ch, &[]int{1}, &map[int]int{1: 2}, struct{}{}, [0]int{},
		stringer(4), nobody, []stringer{1}, errors.New("e"), fmt.Errorf("w %w", errors.New("in")), &panics{}, nopanic, syntaxer{1}, formats{}, []any{1, "a", nil, stringer(2)}, uintptr(9), []*int{&n},
		struct {
			S stringer
			E error
			f any
		}{1, nil, stringer(2)}}
	s := open(t, Options{})
	check := func(format string, args ...any) {
		t.Helper()
		if got, want := s.sprintf(format, args), fmt.Sprintf(format, args...); got != want {
			t.Errorf("%q of %T: %q, fmt says %q", format, args, got, want)
		}
	}
	for _, v := range values {
		for _, flags := range []string{"", "+", "#", "-12", "012", "12", ".1", " ", "+8.3", "#20", "x12"} {
			for _, verb := range "vTpdsqxXocUeEfFgGbtwOz!" {
				if _, bytes := v.([]byte); bytes && verb == 'w' {
					continue // fmt takes it for one of its own there
				}
				check("%"+strings.TrimPrefix(flags, "x")+string(verb), v)
			}
		}
	}
	for _, format := range []string{"%", "%%", "%5%", "100%", "%d", "%d %d", "%[2]d %[1]d", "%[2]d %d", "%[3]d", "%[x]d", "%[1]", "%[1", "%[0]d", "%[-1]d", "%*d", "%-*d", "%.*f", "%[1]*[2]d", "%[2]*[1]d", "%[1]*d", "%[2].3f", "%[1]5d",
		"%.[2]*[1]f", "%!", "%z", "a%sb%vc", "%d%%%d", "%[1]T %[1]v %[1]p", "é%é", "%+.3e|%v", "%6.2f%%", "%#[1]x %#[2]q", "%v %v %v", "%99999999d", "%0*d", "%.-3d", "% d"} {
		check(format, []any{}...)
		check(format, 3)
		check(format, 7, 42)
		check(format, -7, 4.25, "x", nil)
		check(format, "no number", 2)
	}
	if n := len(s.sprintf("%1000000d", []any{make([]int, 1000)})); n > maxBytes/2 {
		t.Errorf("%d bytes", n)
	}
	for _, x := range []struct {
		format string
		args   []any
	}{{"%w", []any{errors.New("a")}}, {"x %d%% %w: %v", []any{3, errors.New("a"), "b"}}, {"%w and %w", []any{errors.New("a"), errors.New("b")}}, {"%w", []any{3}}, {"%w", nil}, {"50%%", nil}, {"%w", []any{nil}}} {
		got, want := s.errorf(x.format, x.args), fmt.Errorf(x.format, x.args...)
		if got.Error() != want.Error() || errors.Unwrap(got) != errors.Unwrap(want) || errors.Unwrap(want) != nil && fmt.Sprintf("%T", got) != fmt.Sprintf("%T", want) {
			t.Errorf("%q: %T %v, fmt says %T %v", x.format, got, got, want, want)
		}
	}
}

// TestPrintfTypes has the same of types that a session declares.
func TestPrintfTypes(t *testing.T) {
	s := open(t, Options{})
	for _, x := range []struct{ src, want string }{
		{`type T struct { a int; B string }; t := &T{1, "x"}; fmt.Sprintf("%v %+v %#v %T %d", t, t, t, t, t)`, `&{1 x} &{a:1 B:x} &main.T{a:1, B:"x"} *main.T &{1 %!d(string=x)}`},
		{`fmt.Sprintf("%p", t)`, `0x[0-9a-f]+`},
		{`fmt.Sprintf("%p %p", *t, 3)`, `%!p\(main.T={1 x}\) %!p\(int=3\)`},
		{`type N string; fmt.Sprintf("%d %s %q %x", N("n"), N("n"), N("n"), N("n"))`, `%!d\(main.N=n\) n "n" 6e`},
		{`func (N) GoString() string { return "gone" }
fmt.Sprintf("%#v", N(""))`, `gone`},
		{`func (N) Error() string { return "err" }
e := fmt.Errorf("x: %w", N("")); fmt.Sprintf("%v %t", e, errors.Unwrap(e) == N(""))`, "x: err true"},
		{`fmt.Sprintf("%p %t", func() {}, func() {})`, `0x[0-9a-f]+ %!t\(func\(\)=0x[0-9a-f]+\)`},
	} {
		r, err := s.Eval(t.Context(), x.src)
		if err != nil {
			t.Errorf("%s: %v", x.src, err)
			continue
		}
		want := x.want
		if strings.HasPrefix(want, "&") {
			want = regexp.QuoteMeta(want)
		}
		text := strings.ReplaceAll(strings.Trim(r.Values[len(r.Values)-1][0].Text, `"`), `\"`, `"`)
		if !regexp.MustCompile("^" + want + "$").MatchString(text) {
			t.Errorf("%s\n got %s\nwant %s", x.src, text, want)
		}
	}
}

// FuzzPrintf compares any format with what fmt makes of it.
func FuzzPrintf(f *testing.F) {
	for _, format := range []string{"%d %s", "%[2]*.[1]*f", "%-+# 012.3[3]v", "%!%%%", "%.[x]d", "%[3]*d|%*.*v", "%é", "%[5]T%p"} {
		f.Add(format, 7, "text", 2.5)
	}
	f.Fuzz(func(t *testing.T, format string, n int, text string, x float64) {
		if strings.Contains(format, "w") || len(format) > 100 || regexp.MustCompile(`\d{5}`).MatchString(format) {
			return // wide ones take long
		}
		n %= 2000
		args := []any{n, text, x, label(text), []any{n, stringer(n)}, &printed{n, text, nil}, stringer(1), nil}
		s := NewSession(nil, Options{})
		defer s.Close()
		if got, want := s.sprintf(format, args), fmt.Sprintf(format, args...); got != want {
			t.Errorf("%q: %q, fmt says %q", format, got, want)
		}
	})
}
