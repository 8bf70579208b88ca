package eval

import "testing"

// BenchmarkOpen is a session's opening.
func BenchmarkOpen(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		NewSession(nil, Options{}).Close()
	}
}

func bench(b *testing.B, setup, src string) {
	s := NewSession(nil, Options{Timeout: 1 << 40})
	defer s.Close()
	if _, err := s.Eval(b.Context(), setup); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Eval(b.Context(), src); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkExpression is a whole request: parsed, compiled, run, shown.
func BenchmarkExpression(b *testing.B) { bench(b, "x := 1", "x + 1") }

// BenchmarkLoop runs 1,000 iterations an operation.
func BenchmarkLoop(b *testing.B) {
	b.Run("sum", func(b *testing.B) { bench(b, "s := 0", "for i := 0; i < 1000; i++ { s += i }") })
	b.Run("range", func(b *testing.B) { bench(b, "s := 0", "for i := range 1000 { if i%3 == 0 { s++ } }") })
	b.Run("slice", func(b *testing.B) { bench(b, "l := make([]int, 1000)", "for i, v := range l { l[i] = v + 1 }") })
	b.Run("map", func(b *testing.B) { bench(b, "m := map[int]int{}", "for i := range 1000 { m[i%10]++ }") })
	b.Run("append", func(b *testing.B) { bench(b, "var l []string", "l = nil; for range 1000 { l = append(l, \"x\") }") })
	b.Run("call", func(b *testing.B) {
		bench(b, "s := 0; f := func(n int) int { return n + 1 }", "for i := range 1000 { s += f(i) }")
	})
	b.Run("compiled", func(b *testing.B) {
		s := 0
		for b.Loop() {
			for i := range 1000 {
				if i%3 == 0 {
					s++
				}
			}
		}
		_ = s
	})
}
