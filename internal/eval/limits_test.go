package eval

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func open(t testing.TB, o Options) *Session {
	s := NewSession(nil, o)
	t.Cleanup(func() {
		s.Close()
		s.Wait()
	})
	return s
}

// TestLimits is what must not hurt the program: the session says what is wrong, and
// goes on.
func TestLimits(t *testing.T) {
	for _, x := range []struct{ name, src, want string }{
		{"infinite loop", "for {}", "time was up"},
		{"infinite loop in a callback", "sort.Search(10, func(int) bool { for {} })", "time was up"},
		{"blocked receive", "<-make(chan int)", "time was up"},
		{"blocked send", "make(chan int) <- 1", "time was up"},
		{"empty select", "select {}", "time was up"},
		{"range over a channel", "for range make(chan int) {}", "time was up"},
		{"sleep", "time.Sleep(time.Hour)", "time was up"},
		{"deferred loop", "func() { defer func() { for {} }(); for {} }()", "time was up"},
		{"recover stops no stop", "func() { defer func() { recover() }(); for {} }(); fmt.Println(1)", "time was up"},
		{"infinite recursion", "func f(n int) int { return f(n + 1) }\nf(0)", "nested more than"},
		{"recursion by a closure", "var f func(); f = func() { f() }; f()", "nested more than"},
		{"recursion by the program", "var f func(int) bool; f = func(int) bool { return sort.Search(1, f) == 0 }; f(1)", "infinite recursion"},
		{"recursion by String", "type T struct{}\nfunc (t T) String() string { return fmt.Sprint(t) }\nT{}.String()", "infinite recursion"},
		{"recursion by Error", "type T struct{}\nfunc (t T) Error() string { return fmt.Sprintf(\"%v\", t) }\nT{}.Error()", "infinite recursion"},
		{"recursion by defer", "var f func(); f = func() { defer f(); f() }; f()", "nested more than"},
		{"recursion by recover", "var f func(); f = func() { defer func() { recover(); f() }(); panic(1) }; f()", "nested more than"},
		{"recursion with large arguments", "func f(a [1 << 20]int) { f(a) }\nvar a [1 << 20]int; f(a)", "limit"},
		{"deferred without end", "func() { for { defer func() {}() } }()", "limit"},
		{"unlock", "var m sync.Mutex; m.Unlock()", "unlock of unlocked mutex"},
		{"unlock by an interface", "var l sync.Locker = &sync.Mutex{}; l.Unlock()", "unlock of unlocked mutex"},
		{"unlock, promoted", "type S struct{ *sync.Mutex }; var l sync.Locker = S{&sync.Mutex{}}; l.Unlock()", "unlock of unlocked mutex"},
		{"unlock of readers", "var m sync.RWMutex; m.Lock(); m.RUnlock()", "unlock of unlocked RWMutex"},
		{"unlock of a writer", "var m sync.RWMutex; m.RLock(); m.Unlock()", "unlock of unlocked RWMutex"},
		{"unlock by Wait", "sync.NewCond(&sync.Mutex{}).Wait()", "unlock of unlocked mutex"},
		{"Grow", "var b strings.Builder; b.Grow(1 << 40)", "limit"},
		{"bytes.Repeat", "bytes.Repeat([]byte(\"a\"), 1<<40)", "limit"},
		{"large array of arrays", "var x [1 << 24][1 << 24]byte", "more than 64 MiB"},
		{"large declared array", "type T [1 << 22]int; type U [1 << 22]T", "more than 64 MiB"},
		{"interface of itself", "type I interface{ I }", "1:19: invalid recursive type main.I"},
		{"interfaces of each other", "type A interface{ B }; type B interface{ A }", "invalid recursive type"},
		{"panic of an error", "type E struct{}\nfunc (E) Error() string { return \"mine\" }\npanic(E{})", "panic: mine"},
		{"too much memory", "make([]byte, 1<<40)", "no"},
		{"too much memory, variable", "n := 1 << 40; make([]byte, n)", "limit"},
		{"doubling", "s := \"x\"; for { s += s }", "limit"},
		{"growing", "var l [][]byte; for { l = append(l, make([]byte, 1<<20)) }", "limit"},
		{"growing by little", "type N struct { next *N; b [1000]byte }; var l *N; for { l = &N{next: l} }", ""},
		{"Repeat", "strings.Repeat(\"x\", 1<<40)", "limit"},
		{"panic", "panic(\"p\")", "panic: p"},
		{"panic of a value", "panic(struct{ X int }{3})", "panic: struct { X int }(struct { X int }{X: 3})"},
		{"nil dereference", "var p *int; *p", "nil pointer dereference"},
		{"panic in String", "type T struct{}\nfunc (T) String() string { panic(\"s\") }\nfmt.Sprint(T{})", ""},
		{"os.Exit", "os.Exit(3)", "os.Exit(3) is not done"},
		{"syscall.Exit", "syscall.Exit(3)", "syscall.Exit(3) is not done"},
		{"log.Fatal", "log.Fatal(\"x\")", "log.Fatal is not done"},
		{"log.Fatalf", "log.Fatalf(\"x %d\", 1)", "log.Fatalf is not done"},
		{"widths", "fmt.Sprintf(strings.Repeat(\"%1000000[1]d\", 1000), 1)", "limit"},
		{"goto at the top", "goto l; l:", "1:1: goto outside of a function"},
		{"goto into a block", "func() { goto l; { l: } }()", "1:15: label l not defined"},
		{"goto over a variable", "func() { goto l; x := 1; _ = x; l: }()", "goto l jumps over variable declaration"},
		{"endless goto", "func() { l: goto l }()", "time was up"},
		{"untyped operands", "x := \"a\" + 1", "1:6: invalid operation: \"a\" + 1 (mismatched types untyped string and untyped int)"},
		{"case twice", "switch any(1).(type) { case int: case int: }", "duplicate case int in type switch"},
		{"method twice", "type T struct{}\nfunc (T) M() {}\nfunc (T) M() {}", "3:10: method main.T.M already declared"},
		{"type twice", "type T int; type T string", "1:18: T redeclared in this block"},
		{"variable twice", "func() { var x int; var x string }()", "1:25: x redeclared in this block"},
		{"value not used", "func() { var a []int; append(a, 1) }()", "append(a, 1) (value of type []int) is not used"},
		{"fallthrough", "func() { fallthrough }()", "1:10: fallthrough statement out of place"},
		{"capacity", "func() { _ = make([]int, 5, 2) }()", "length and capacity swapped"},
		{"argument", "strings.ToUpper(1)", "1:17: cannot use 1 (untyped int constant) as string value in argument to strings.ToUpper"},
		{"unsafe", "unsafe.Pointer(nil)", "package unsafe is not supported"},
		{"map of slices", "m := map[[]int]int{}", "invalid map key"},
		{"invalid recursive type", "type T struct { t T }", "invalid recursive type"},
		{"large array", "var a [1 << 40]int", "too large"},
		{"unterminated", "x := \"abc", "1:6: string literal not terminated"},
		{"syntax", "x := 1\ny := )", "2:"},
		{"unknown", "fooo", "1:1: undefined: fooo"},
		{"near", "strngs.ToUpper(\"\")", "near: strings"},
		{"near member", "strings.ToUper(\"\")", "near: ToUpper"},
		{"type error", "x := 1\nx = \"s\"", "2:5: cannot use \"s\""},
		{"position in a function", "func f() int {\n\treturn \"s\"\n}", "2:9: cannot use"},
		{"missing return", "func f() int { }", "missing return"},
		{"unused expression", "func() { 1 + 1 }()", "is not used"},
		{"overflow", "var x uint8 = 256", "overflows"},
		{"division", "1 / 0", "division by zero"},
		{"arguments", "func f(a int) {}\nf(1, 2)", "too many arguments"},
		{"exit of a goroutine", "runtime.Goexit()", "undefined: runtime.Goexit"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			timeout := time.Minute
			if x.want == "" || x.want == "time was up" {
				timeout = 300 * time.Millisecond
			}
			// The heap is that of all cases at once.
			memory := int64(1 << 40)
			if x.want == "" || x.want == "limit" {
				memory = 32 << 20
			}
			s := open(t, Options{Timeout: timeout, Memory: memory})
			r, err := s.Eval(t.Context(), x.src)
			if x.want == "" {
				return // it is enough to be here
			}
			if err == nil || !strings.Contains(err.Error(), x.want) {
				t.Fatalf("%+v, %v", r, err)
			}
			if errors.Is(err, ErrAbandoned) {
				t.Error("abandoned")
			}
			if r, err := s.Eval(t.Context(), "1 + 1"); err != nil || r.Values[0][0].Text != "2" {
				t.Errorf("afterwards: %v, %v", r, err)
			}
		})
	}
}

// TestMapsAtOnce writes a map on several goroutines, which ends a program.
func TestMapsAtOnce(t *testing.T) {
	s := NewSession(nil, Options{})
	_, err := s.Eval(t.Context(), `m := map[int]int{}; n := 0; var wg sync.WaitGroup
for range 8 { wg.Go(func() { for range 2000 { m[1]++; for range m { break }; delete(m, 1); _ = m[2]; clear(m) } }) }
wg.Wait()`)
	if err != nil {
		t.Error(err)
	}
	s.Close()
	s.Wait()
}

func TestCancel(t *testing.T) {
	s := open(t, Options{Timeout: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := s.Eval(ctx, "for { time.Sleep(time.Millisecond) }"); !errors.Is(err, ErrStopped) {
		t.Error(err)
	}
}

// TestAbandoned blocks in a call that no context ends: the session goes on without it.
func TestAbandoned(t *testing.T) {
	o := Options{Timeout: 50 * time.Millisecond, MostAbandoned: 2}
	o.defaults()
	s := NewSession(nil, o)
	defer s.Close()
	if _, err := s.Eval(t.Context(), `var mu sync.Mutex; n := 1; mu.Lock(); mu.Lock(); n = 2`); !errors.Is(err, ErrAbandoned) || !strings.Contains(err.Error(), "Lock did not return: it goes on") {
		t.Errorf("a call that blocks: %v", err)
	}
	if r, err := s.Eval(t.Context(), "n"); err != nil || r.Values[0][0].Text != "1" {
		t.Errorf("the session with its declarations goes on: %v, %v", r, err)
	}
	if _, err := s.Eval(t.Context(), "mu.Lock()"); !errors.Is(err, ErrAbandoned) {
		t.Errorf("a second one: %v", err)
	}
	other := NewSession(nil, o)
	defer other.Close()
	for _, x := range []*Session{s, other} {
		if _, err := x.Eval(t.Context(), "1"); !errors.Is(err, ErrLimit) {
			t.Errorf("too many are abandoned: %v", err)
		}
	}
	// Who gets the lock then is stopped, and unlocks it no more than it was asked to.
	s.top.names["mu"].global.Addr().Interface().(*sync.Mutex).Unlock()
	for o.Abandoned.Load() > 1 {
		runtime.Gosched()
	}
	if r, err := s.Eval(t.Context(), "n"); err != nil || r.Values[0][0].Text != "1" {
		t.Errorf("what was abandoned has gone on: %v, %v", r, err)
	}
}

// TestGoroutines leaves a goroutine behind, which ends with the session.
func TestGoroutines(t *testing.T) {
	s := NewSession(nil, Options{Goroutines: 3})
	if _, err := s.Eval(t.Context(), "n := 0; go func() { for { n++ } }(); go func() { <-make(chan int) }()"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Eval(t.Context(), "for { go func() { <-make(chan int) }() }"); !errors.Is(err, ErrLimit) {
		t.Errorf("more goroutines than are allowed: %v", err)
	}
	if n := s.Goroutines(); n < 2 {
		t.Errorf("%d goroutines", n)
	}
	s.Close()
	s.Wait()
	if n := s.Goroutines(); n != 0 {
		t.Errorf("%d goroutines after Close", n)
	}
}

func TestGoroutinePanic(t *testing.T) {
	s := open(t, Options{})
	r, err := s.Eval(t.Context(), "go func() { panic(\"lost\") }()")
	if err != nil {
		t.Fatal(err)
	}
	s.Wait()
	if r.Output += s.out.take(); !strings.Contains(r.Output, "panic: lost") {
		t.Errorf("the panic of a goroutine is nowhere: %q", r.Output)
	}
}

// TestNothingDeclared checks that a request with an error declares nothing.
func TestNothingDeclared(t *testing.T) {
	s := open(t, Options{})
	for _, src := range []string{"a := 1; b := nope", "type T struct{}\nfunc (T) M() { nope() }", "func f() { nope }"} {
		if _, err := s.Eval(t.Context(), src); err == nil {
			t.Errorf("%s: no error", src)
		}
	}
	for _, name := range []string{"a", "b", "T{}", "f"} {
		if _, err := s.Eval(t.Context(), name); err == nil || !strings.Contains(err.Error(), "undefined") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOutput(t *testing.T) {
	s := open(t, Options{Output: 1000})
	r, err := s.Eval(t.Context(), "for range 1000 { fmt.Println(\"0123456789\") }; log.Print(\"x\"); fmt.Fprintln(os.Stdout, \"y\")")
	if err != nil || len(r.Output) > 1100 || !strings.Contains(r.Output, "more bytes") {
		t.Errorf("%d bytes, %v", len(r.Output), err)
	}
	r, err = s.Eval(t.Context(), "fmt.Fprintln(os.Stderr, \"e\"); log.Print(\"l\"); println(1, \"p\")")
	if err != nil || !strings.HasPrefix(r.Output, "e\n") || !strings.HasSuffix(r.Output, "l\n1 p\n") {
		t.Errorf("%q, %v", r.Output, err)
	}
}

func TestComplete(t *testing.T) {
	s := open(t, Options{})
	if _, err := s.Eval(t.Context(), "type T struct { Name string; Next *T }\nfunc (t *T) Method() int { return 1 }\nvariable := []T{{}}"); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ text, want string }{
		{"vari", "variable"}, {"x = variable[0].Na", "Name"}, {"variable[0].Next.Me", "Method"},
		{"strings.HasS", "HasSuffix"}, {"f(strconv.Ato", "Atoi"}, {"time.Second.Hou", "Hours"},
	} {
		list, _ := s.Complete(t.Context(), x.text)
		if len(list) != 1 || list[0].Name != x.want || list[0].Doc == "" {
			t.Errorf("%s: %+v", x.text, list)
		}
	}
	if d, err := s.Describe(t.Context(), "variable[0]"); err != nil || !strings.Contains(d, "Name string") || !strings.Contains(d, "func Method() int") {
		t.Errorf("%q, %v", d, err)
	}
}

func FuzzEval(f *testing.F) {
	for _, c := range tour(f) {
		f.Add(c[1] + "\n" + c[0])
	}
	for _, c := range []string{"for {}", "x :=", "type T [1<<62]T", "func f() { f() }; f()", "var a [0]struct{}; a", "1 << 1000000", "\"\\xff\"", "chan<- (<-chan int)(nil)", "map[any]any{nil: nil}"} {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, src string) {
		s := NewSession(nil, Options{Timeout: 200 * time.Millisecond, Memory: 32 << 20, Goroutines: 20})
		defer s.Wait()
		defer s.Close()
		// What ReadFile and the like can do is not the evaluator's.
		if strings.Contains(src, "os") || strings.Contains(src, "sync") {
			return
		}
		_, err := s.Eval(t.Context(), src)
		if errors.Is(err, ErrAbandoned) {
			t.Errorf("%q: %v", src, err)
		}
		s2 := NewSession(nil, Options{})
		defer s2.Close()
		s2.Complete(t.Context(), src)
		s2.TypeOf(t.Context(), src)
	})
}

// TestForeignPanic calls a function of the session on a goroutine that is none of its.
func TestForeignPanic(t *testing.T) {
	told := make(chan string, 2)
	s := NewSession(nil, Options{Told: func(text string) { told <- text }})
	if _, err := s.Eval(t.Context(), "f := func(n int) int { if n > 0 { panic(\"foreign\") }; return 5 }; g := func() {}"); err != nil {
		t.Fatal(err)
	}
	f := s.top.names["f"].global.Interface().(func(int) int)
	if got := f(0); got != 5 {
		t.Error(got)
	}
	if got := f(1); got != 0 {
		t.Error(got)
	}
	if out := s.out.take(); !strings.Contains(out, "panic: foreign") {
		t.Errorf("%q", out)
	}
	s.Close()
	if got := f(0); got != 0 {
		t.Errorf("after Close: %d", got)
	}
	f(0)
	g := s.top.names["g"].global.Interface().(func())
	g()
	for range 2 { // in any order, f once
		text := <-told
		if !strings.Contains(text, "func literal func(int) int") && !strings.Contains(text, "func literal func()") {
			t.Errorf("told %q", text)
		}
	}
	if len(told) > 0 {
		t.Errorf("told once more: %q", <-told)
	}
}
