package nearest

import "testing"

func TestName(t *testing.T) {
	names := []string{"insert", "remove", "reset", "gc", "freeosmemory", "listen", "plugins", "main.noSuch"}
	for _, c := range []struct{ word, want string }{
		{"inset", "insert"},
		{"isnert", "insert"},
		{"gcc", "gc"},
		{"cg", "gc"},
		{"GC", "gc"},
		{"lisen", "listen"},
		{"plugin", "plugins"},
		{"free", "freeosmemory"},
		{"main.nosuch", "main.noSuch"},
		{"zzzzzz", ""},
		{"", ""},
		{"x", ""},
	} {
		if got := Name(c.word, names); got != c.want {
			t.Errorf("Name(%q) = %q, want %q", c.word, got, c.want)
		}
	}
	if got := Hint("gcc", names); got != " (near: gc)" {
		t.Errorf("Hint = %q", got)
	}
	if got := Hint("zzzzzz", names); got != "" {
		t.Errorf("Hint = %q", got)
	}
}

func FuzzName(f *testing.F) {
	f.Add("gcc", "gc")
	f.Add("", "\xff")
	f.Fuzz(func(t *testing.T, a, b string) {
		if got := Name(a, []string{b}); got != "" && got != b {
			t.Errorf("Name(%q, %q) = %q", a, b, got)
		}
		if a != "" && Name(a, []string{a}) != a {
			t.Errorf("a name is not nearest to itself: %q", a)
		}
	})
}
