package eval

import (
	"go/ast"
	"sync"

	"github.com/ispyd/ispyd/internal/eval/syntax"
)

// Generic functions are not in a binary as such: what there is of packages slices, maps,
// iter and cmp in the console is compiled from this text when it is used.
var preludeSource = []struct{ path, text string }{
	{"cmp", `
type Ordered interface { ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr | ~float32 | ~float64 | ~string }
func Compare[T Ordered](x, y T) int { if x < y || x != x && y == y { return -1 }; if x > y || y != y && x == x { return 1 }; return 0 }
func Less[T Ordered](x, y T) bool { return x < y || x != x && y == y }
func Or[T comparable](v ...T) (zero T) { for _, x := range v { if x != zero { return x } }; return zero }
`},
	{"slices", `
type ordered interface { ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr | ~float32 | ~float64 | ~string }
func Contains[S ~[]E, E comparable](s S, v E) bool { return Index(s, v) >= 0 }
func ContainsFunc[S ~[]E, E any](s S, f func(E) bool) bool { return IndexFunc(s, f) >= 0 }
func Index[S ~[]E, E comparable](s S, v E) int { for i := range s { if s[i] == v { return i } }; return -1 }
func IndexFunc[S ~[]E, E any](s S, f func(E) bool) int { for i := range s { if f(s[i]) { return i } }; return -1 }
func Equal[S ~[]E, E comparable](a, b S) bool { if len(a) != len(b) { return false }; for i := range a { if a[i] != b[i] { return false } }; return true }
func Reverse[S ~[]E, E any](s S) { for i, j := 0, len(s)-1; i < j; i, j = i+1, j-1 { s[i], s[j] = s[j], s[i] } }
func Clone[S ~[]E, E any](s S) S { if s == nil { return nil }; return append(S{}, s...) }
func Max[S ~[]E, E ordered](s S) E { if len(s) == 0 { panic("slices.Max: empty list") }; m := s[0]; for _, v := range s { m = max(m, v) }; return m }
func Min[S ~[]E, E ordered](s S) E { if len(s) == 0 { panic("slices.Min: empty list") }; m := s[0]; for _, v := range s { m = min(m, v) }; return m }
func Sort[S ~[]E, E ordered](s S) { SortFunc(s, func(a, b E) int { if a < b { return -1 }; if a > b { return 1 }; return 0 }) }
func SortStableFunc[S ~[]E, E any](s S, cmp func(a, b E) int) { SortFunc(s, cmp) }
func SortFunc[S ~[]E, E any](s S, cmp func(a, b E) int) {
	if len(s) < 2 { return }
	m := len(s) / 2
	a, b := append(S{}, s[:m]...), append(S{}, s[m:]...)
	SortFunc(a, cmp)
	SortFunc(b, cmp)
	i, j := 0, 0
	for k := range s {
		if j >= len(b) || i < len(a) && cmp(a[i], b[j]) <= 0 { s[k] = a[i]; i++ } else { s[k] = b[j]; j++ }
	}
}
func Sorted[E ordered](seq func(yield func(E) bool)) []E { s := Collect(seq); Sort(s); return s }
func Collect[E any](seq func(yield func(E) bool)) []E { var s []E; for v := range seq { s = append(s, v) }; return s }
func Values[S ~[]E, E any](s S) func(yield func(E) bool) { return func(yield func(E) bool) { for _, v := range s { if !yield(v) { return } } } }
func All[S ~[]E, E any](s S) func(yield func(int, E) bool) { return func(yield func(int, E) bool) { for i, v := range s { if !yield(i, v) { return } } } }
func Backward[S ~[]E, E any](s S) func(yield func(int, E) bool) { return func(yield func(int, E) bool) { for i := len(s)-1; i >= 0; i-- { if !yield(i, s[i]) { return } } } }
func Insert[S ~[]E, E any](s S, i int, v ...E) S { r := append(S{}, s[:i]...); r = append(r, v...); return append(r, s[i:]...) }
func Delete[S ~[]E, E any](s S, i, j int) S { _ = s[i:j:len(s)]; r := append(s[:i], s[j:]...); clear(s[len(r):]); return r }
func BinarySearch[S ~[]E, E ordered](s S, v E) (int, bool) { i, j := 0, len(s); for i < j { h := (i+j)/2; if s[h] < v { i = h+1 } else { j = h } }; return i, i < len(s) && s[i] == v }
func BinarySearchFunc[S ~[]E, E, T any](s S, t T, cmp func(E, T) int) (int, bool) { i, j := 0, len(s); for i < j { h := (i+j)/2; if cmp(s[h], t) < 0 { i = h+1 } else { j = h } }; return i, i < len(s) && cmp(s[i], t) == 0 }
func IsSorted[S ~[]E, E ordered](s S) bool { for i := range s { if i > 0 && s[i] < s[i-1] { return false } }; return true }
func IsSortedFunc[S ~[]E, E any](s S, cmp func(a, b E) int) bool { for i := range s { if i > 0 && cmp(s[i], s[i-1]) < 0 { return false } }; return true }
func MaxFunc[S ~[]E, E any](s S, cmp func(a, b E) int) E { if len(s) == 0 { panic("slices.MaxFunc: empty list") }; m := s[0]; for _, v := range s { if cmp(v, m) > 0 { m = v } }; return m }
func MinFunc[S ~[]E, E any](s S, cmp func(a, b E) int) E { if len(s) == 0 { panic("slices.MinFunc: empty list") }; m := s[0]; for _, v := range s { if cmp(v, m) < 0 { m = v } }; return m }
func Compare[S ~[]E, E ordered](a, b S) int { for i, v := range a { if i >= len(b) || v > b[i] { return 1 }; if v < b[i] { return -1 } }; if len(a) < len(b) { return -1 }; return 0 }
func EqualFunc[S1 ~[]E1, S2 ~[]E2, E1, E2 any](a S1, b S2, eq func(E1, E2) bool) bool { if len(a) != len(b) { return false }; for i, v := range a { if !eq(v, b[i]) { return false } }; return true }
func DeleteFunc[S ~[]E, E any](s S, del func(E) bool) S { r := s[:0]; for _, v := range s { if !del(v) { r = append(r, v) } }; clear(s[len(r):]); return r }
func CompactFunc[S ~[]E, E any](s S, eq func(E, E) bool) S { r := s[:0]; for i, v := range s { if i == 0 || !eq(r[len(r)-1], v) { r = append(r, v) } }; clear(s[len(r):]); return r }
func Concat[S ~[]E, E any](l ...S) S { var r S; for _, s := range l { r = append(r, s...) }; return r }
func Repeat[S ~[]E, E any](s S, n int) S { if n < 0 { panic("cannot be negative") }; r := S{}; for range n { r = append(r, s...) }; return r }
func Replace[S ~[]E, E any](s S, i, j int, v ...E) S { r := append(S{}, s[:i]...); r = append(r, v...); return append(r, s[j:]...) }
func Chunk[S ~[]E, E any](s S, n int) func(yield func(S) bool) { if n < 1 { panic("cannot be less than 1") }; return func(yield func(S) bool) { for i := 0; i < len(s); i += n { e := min(i+n, len(s)); if !yield(s[i:e:e]) { return } } } }
func Clip[S ~[]E, E any](s S) S { return s[:len(s):len(s)] }
func Grow[S ~[]E, E any](s S, n int) S { if n < 0 { panic("cannot be negative") }; return append(s, make(S, n)...)[:len(s)] }
func AppendSeq[S ~[]E, E any](s S, seq func(yield func(E) bool)) S { for v := range seq { s = append(s, v) }; return s }
func SortedFunc[E any](seq func(yield func(E) bool), cmp func(E, E) int) []E { s := Collect(seq); SortFunc(s, cmp); return s }
func SortedStableFunc[E any](seq func(yield func(E) bool), cmp func(E, E) int) []E { s := Collect(seq); SortFunc(s, cmp); return s }
func Compact[S ~[]E, E comparable](s S) S { r := s[:0]; for i, v := range s { if i == 0 || v != r[len(r)-1] { r = append(r, v) } }; clear(s[len(r):]); return r }
`},
	{"sync", `
func OnceFunc(f func()) func() { g := OnceValue(func() bool { f(); return true }); return func() { g() } }
func OnceValue[T any](f func() T) func() T { c := make(chan bool, 1); c <- true; var r T; var done, bad bool; var p any
	return func() T { <-c; defer func() { c <- true }(); if !done { done, bad = true, true; defer func() { if bad { p = recover(); panic(p) } }(); r = f(); bad = false } else if bad { panic(p) }; return r } }
func OnceValues[A, B any](f func() (A, B)) func() (A, B) { var b B; g := OnceValue(func() A { var a A; a, b = f(); return a }); return func() (A, B) { a := g(); return a, b } }
`},
	{"iter", `
type Seq[V any] func(yield func(V) bool)
type Seq2[K, V any] func(yield func(K, V) bool)
func Pull[V any](seq Seq[V]) (func() (V, bool), func()) {
	want, got, over := make(chan bool), make(chan V), false
	go func() { defer close(got); if <-want { seq(func(v V) bool { got <- v; return <-want }) } }()
	return func() (v V, ok bool) { if over { return }; want <- true; if v, ok = <-got; !ok { over = true }; return }, func() { if !over { over = true; want <- false } }
}
`},
	{"maps", `
func Collect[K comparable, V any](seq func(yield func(K, V) bool)) map[K]V { m := map[K]V{}; for k, v := range seq { m[k] = v }; return m }
func Insert[M ~map[K]V, K comparable, V any](m M, seq func(yield func(K, V) bool)) { for k, v := range seq { m[k] = v } }
func All[M ~map[K]V, K comparable, V any](m M) func(yield func(K, V) bool) { return func(yield func(K, V) bool) { for k, v := range m { if !yield(k, v) { return } } } }
func DeleteFunc[M ~map[K]V, K comparable, V any](m M, f func(K, V) bool) { for k, v := range m { if f(k, v) { delete(m, k) } } }
func EqualFunc[M1 ~map[K]V1, M2 ~map[K]V2, K comparable, V1, V2 any](a M1, b M2, eq func(V1, V2) bool) bool { if len(a) != len(b) { return false }; for k, v := range a { if w, ok := b[k]; !ok || !eq(v, w) { return false } }; return true }
func Keys[M ~map[K]V, K comparable, V any](m M) func(yield func(K) bool) { return func(yield func(K) bool) { for k := range m { if !yield(k) { return } } } }
func Values[M ~map[K]V, K comparable, V any](m M) func(yield func(V) bool) { return func(yield func(V) bool) { for _, v := range m { if !yield(v) { return } } } }
func Clone[M ~map[K]V, K comparable, V any](m M) M { if m == nil { return nil }; r := M{}; for k, v := range m { r[k] = v }; return r }
func Copy[M ~map[K]V, K comparable, V any](dst, src M) { for k, v := range src { dst[k] = v } }
func Equal[M ~map[K]V, K, V comparable](a, b M) bool { if len(a) != len(b) { return false }; for k, v := range a { if w, ok := b[k]; !ok || v != w { return false } }; return true }
`},
}

var prelude struct {
	sync.Once
	parsed map[string]*request
}

// preludeOf is what the prelude has of a package, nil where it has nothing.
func preludeOf(path string) *request {
	prelude.Do(func() {
		prelude.parsed = map[string]*request{}
		for _, p := range preludeSource {
			// Positions in this text are those of no request.
			stmts, decls, err := syntax.Parse(p.text, -1<<30)
			if err != nil {
				panic(err)
			}
			prelude.parsed[p.path] = &request{stmts: stmts, decls: decls}
		}
	})
	return prelude.parsed[path]
}

func preludeNames(path string) (l []string) {
	r := preludeOf(path)
	if r == nil {
		return nil
	}
	for _, d := range r.decls {
		if n := d.(*ast.FuncDecl).Name.Name; exported(n) {
			l = append(l, n)
		}
	}
	return l
}

// preludeMember is a generic function of the prelude.
func (s *Session) preludeMember(c *compiler, path, name string) *object {
	if preludeOf(path) == nil || !exported(name) {
		return nil
	}
	sc := s.prelude[path]
	if sc == nil {
		sc = &scope{}
		old := c.scope
		c.scope = sc
		defer func() { c.scope = old }()
		r := preludeOf(path)
		for _, st := range r.stmts {
			c.typeDecls(st.(*ast.DeclStmt).Decl.(*ast.GenDecl).Specs)
		}
		for _, d := range r.decls {
			c.funcDecl(d.(*ast.FuncDecl))
		}
		if s.prelude == nil {
			s.prelude = map[string]*scope{}
		}
		s.prelude[path] = sc
	}
	return sc.names[name]
}
