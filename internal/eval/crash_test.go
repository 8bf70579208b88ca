//go:build linux && amd64

package eval

import (
	"fmt"
	"strings"
	"testing"
)

// nestedTypes declares T1 to Tn, each made of the one before, and T0.
func nestedTypes(format string, n int) string {
	l := []string{"type T0 struct{ a int }"}
	for i := range n {
		l = append(l, fmt.Sprintf(format, i+1, i))
	}
	return strings.Join(l, "\n") + "\n"
}

// TestCrash does what would end the program. The program answers, and goes on.
func TestCrash(t *testing.T) {
	const unlock, rwUnlock, deep = "error: sync: unlock of unlocked mutex: refused", "error: sync: unlock of unlocked RWMutex: refused", "infinite recursion"
	method := func(name, sig, body string) string {
		return "type " + name + " string\nfunc (s " + name + ") " + sig + " { " + body + " }\n"
	}
	for name, cases := range map[string][]struct{ src, want string }{
		"recursion": {
			{method("S1", "String() string", "return fmt.Sprint(s)") + `fmt.Println(S1("a"))`, deep},
			{method("S2", "Error() string", `return fmt.Sprintf("%v", s)`) + `fmt.Println(S2("a"))`, deep},
			{method("S3", "Error() string", `return fmt.Errorf("%w", s).Error()`) + `S3("a").Error()`, deep},
			{method("S4", "String() string", "return fmt.Sprint(s) + fmt.Sprint(s)") + `fmt.Println(S4("a"))`, deep},
			{method("S6", "Error() string", "return say(s)") + `say(S6("a"))`, deep},
			{method("S7", "Less(i, j int) bool", "sort.Sort(s); return false") + "func (S7) Len() int { return 3 }; func (S7) Swap(i, j int) {}; sort.Sort(S7(\"\"))", deep},
			{method("S8", "String() string", "panic(s)") + `panic(S8("a"))`, "error: panic"},
			{"var r func(int) int; r = func(n int) int { return apply(r, n) }; r(1)", deep},
			{"var m func(rune) rune; m = func(r rune) rune { return []rune(strings.Map(m, \"a\"))[0] }; m('a')", deep},
			{"var h func(int, int) bool; h = func(i, j int) bool { sort.Slice([]int{2, 1}, h); return true }; sort.Slice([]int{2, 1}, h)", deep},
			{"var g func(int) int; g = func(n int) int { c := make(chan int, 1); go func() { c <- g(n+1) }(); return <-c }; g(0)", "error"},
			{"callback = func(n int) int { if n == 0 { panic(\"innermost\") }; return apply(callback, n-1) }; ask <- 3; <-answers", "called by the program: panic: innermost, at 1:42"},
			{"callback = func(n int) int { return apply(callback, n) }; ask <- 1; <-answers", deep},
			{"fmt.Sprint(1)", `"1"`},
		},
		"cycles": {
			{"var a any; a = &a; fmt.Sprint(a) != \"\"", "true"},
			{"m := map[string]any{}; m[\"x\"] = m; fmt.Sprint(m) != \"\"", "true"},
			{"l := []any{1, 2}; l[0] = l; l[1] = l; fmt.Sprint(l) != \"\"", "true"},
			{"l", "[]"},
			{"type N struct { next *N; n int }; var n *N; for i := range 300000 { n = &N{n, i} }; fmt.Sprint(n) != \"\"", "true"},
			{"any(n)", "&"},
			{"var x any = 1; for range 1000000 { x = [1]any{x} }; y := x; x == y", "error: interfaces hold each other"},
			{"fmt.Sprint(x) != \"\"", "true"},
			{"map[any]int{x: 1}", "error: interfaces hold each other"},
			{"mm := map[any]int{}; mm[x]", "error: interfaces hold each other"},
			{"mm[x] = 1", "error: interfaces hold each other"},
			{"delete(mm, x)", "error: interfaces hold each other"},
			{"switch x { case y: }", "error: interfaces hold each other"},
			{"x", "["},
		},
		"locks": {
			{"var mu sync.Mutex; mu.Unlock()", unlock},
			{"var rw sync.RWMutex; rw.Unlock()", rwUnlock},
			{"rw.RUnlock()", rwUnlock},
			{"rw.Lock(); rw.RUnlock()", rwUnlock},
			{"rw.Unlock(); rw.RLock(); rw.Unlock()", rwUnlock},
			{"rw.RUnlock(); mu.Lock(); mu.Unlock(); mu.TryLock()", "true"},
			{"mu.Unlock(); f := mu.Unlock; f()", unlock},
			{"func() { defer mu.Unlock() }()", unlock},
			{"func() { defer func() { recover() }(); mu.Unlock() }()", unlock},
			{"(*sync.Mutex).Unlock(&mu)", unlock},
			{"var l sync.Locker = &mu; l.Unlock()", unlock},
			{"theServer.mu.Unlock()", unlock},
			{"theServer.inner.Unlock()", unlock},
			{"theServer.rw.Unlock()", rwUnlock},
			{"theServer.any.Unlock()", rwUnlock},
			{"theServer.f()", unlock},
			{"lockers[0].Unlock()", unlock},
			{"lockers[1].Unlock()", unlock},
			{"lockers[2].Unlock(); mine.Unlock(); mine.n", "2"},
			{"lockers[3].Unlock()", rwUnlock},
			{"lockers[4].Unlock()", rwUnlock},
			{"read.Unlock()", rwUnlock},
			{"read.RUnlock()", rwUnlock},
			{"cond.Wait()", unlock},
			{"sync.NewCond(&sync.Mutex{}).Wait()", unlock},
			{"for _, l := range lockers { l.Lock() }; for _, l := range lockers { l.Unlock() }", ""},
			{"type T struct { sync.Mutex; n int }; var t T; t.Unlock()", unlock},
			{"go mu.Unlock(); 7", "7"},
			{"fmt.Sprint(8)", ""},
		},
		"the end": {
			{"os.Exit(1)", "error: os.Exit"},
			{"logs.Logger.Fatal([]any{1})", "error: log.(*Logger).Fatal"},
			{"l := logs.Logger.Fatal; l(nil)", "error: log.(*Logger).Fatal"},
			{"killing.Kill()", "error: os.(*Process).Kill is not done"},
			{"killing.Signal(deadly)", "error: os.(*Process).Signal is not done"},
			{"syscall.Kill(os.Getpid(), 9)", "error: syscall.Kill is not done"},
			{"syscall.Kill(0, 9)", "error: syscall.Kill is not done"},
			{"syscall.Exec(\"/bin/true\", nil, nil)", "error: syscall.Exec"},
			{"syscall.RawSyscall(231, 1, 0, 0)", "error"},
			{"bytes.Repeat([]byte(\"abcd\"), 1<<40)", "error: limit"},
			{"var b bytes.Buffer; b.Grow(1<<40)", "error"},
			{"var sb strings.Builder; sb.Grow(1<<40)", "error: limit"},
			{"shift(sum, sum, 1<<50)", "error: limit"},
			{"var bb bytes.Buffer; c := bytes.Repeat([]byte(\"x\"), 1<<20); for { bb.Write(c) }", "error: "},
			{"wg := sync.WaitGroup{}; wg.Done()", "error: panic: sync: negative"},
			{strings.Repeat("(", 9000) + "1" + strings.Repeat(")", 9000), "nested"},
			{"1 + 1", "2"},
		},
		"types": {
			{nestedTypes("type T%d struct{ a, b T%d }", 44) + "new(T44)", "is too large for the console"},
			{nestedTypes("type T%d = struct{ a, b T%d }", 44) + "new(T44)", "is too large for the console"},
			{nestedTypes("type T%d = func(T%d, T%[2]d)", 44) + "new(T44)", "is too large for the console"},
			{"type P[T any] struct{ a, b T }\nnew(" + strings.Repeat("P[", 44) + "int" + strings.Repeat("]", 44) + ")", "is too large for the console"},
			{"var x [1<<20][1<<20]int; 1", "is too large for the console"},
			{"type X [1<<20]struct{ s string }; type Y [1<<10]X; new(Y)", "is too large for the console"},
			{"func big(a [1<<20]int, n int) { big(a, n+1) }\nvar a [1<<20]int\nbig(a, 0)", "error: limit"},
			{"func d(n int) { defer d(n+1); if n < 100000 { d(n+1) } }\nd(0)", "error: limit"},
			{"for range 1000 { go func() { var f func(); f = func() { fmt.Sprint(1); f() }; f() }() }; 1 + 1", ""},
			{"time.AfterFunc(0, nil)", "error: time.AfterFunc of a nil func is not done"},
			{"var wg2 sync.WaitGroup; wg2.Go(nil)", "of a nil func is not done"},
			{"var nilFunc func(); w := wg2.Go; w(nilFunc)", "of a nil func is not done"},
			{"mu3 := sync.Mutex{}; mu3.mu.unlockSlow(1)", "error"},
			{"strings.NewReplacer(\"a\", strings.Repeat(\"b\", 1<<20)).Replace(strings.Repeat(\"a\", 1<<20))", "error: limit"},
			{"f, _ := os.Open(\"/dev/zero\"); io.ReadAll(f)", "error: "},
			{"os.ReadFile(\"/dev/zero\")", "error: "},
			{"current.Load().n", "7"},
			{"v := *current.Load(); v.n = 8; current.Store(&v); current.Load().n", "8"},
			{"for range 200 { go func() { for {} }() }", ""},
			{"1 + 1", "2"},
		},
		"time": {
			// A value with many types is formatted at once, when those are known.
			{"for range 500 { _ = fmt.Sprintf(\"%v\", *server) }; 1", "1"},
			{"//stop theServer.mu.Lock(); theServer.mu.Lock()", "error: abandoned: the call of"},
			{"theServer.mu.TryLock()", "false"},
			{"theServer.mu.Unlock(); n := 4; n", "4"},
			{"//stop forever()", "error: abandoned: the call of main.forever did not return: it goes on"},
			{"n", "4"},
			{"time.AfterFunc(0, func() { panic(\"late\") }); time.Sleep(50*time.Millisecond); n", "4"},
		},
		"maps": {
			{"m := map[int]int{}; go func() { for i := 0; ; i++ { m[i%1000] = i } }(); for i := 0; i < 300000; i++ { m[i%1000] = i + 1 }; len(m)", "1000"},
			{"go func() { for { for k := range m { delete(m, k) } } }(); n := 0; for range 200 { for k, v := range m { n += k - v }; fmt.Sprint(m); _ = m[7] }; 5", "5"},
			{"go func() { for { clear(m) } }(); for range 100 { m[1]++; fmt.Sprint(m) }; 6", "6"},
			{"go func() { for { calm[2]++; delete(calm, 2) } }(); for range 100000 { calm[3]++ }; calm[1]", "1"},
			{"for i := range 10000 { busy[i] = i }; len(busy) >= 10000", "true"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, buildProgram(t, "./testdata/fragile"))
			for _, x := range cases {
				if got := p.eval(x.src); !strings.Contains(got, x.want) {
					t.Errorf("%.200s\n got %.300s\nwant %s", x.src, got, x.want)
				}
			}
		})
	}
}
