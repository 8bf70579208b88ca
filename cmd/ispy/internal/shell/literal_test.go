package shell

import (
	"strings"
	"testing"
)

func TestLiteral(t *testing.T) {
	verbs := func(name string) bool { return name == "insert" || name == "list" || name == "say" }
	for _, tt := range []struct{ text, want string }{
		{"insert main.(*Server).order", "insert 'main.(*Server).order'"},
		{"insert  main.f   if=n>5", "insert  'main.f'   'if=n>5'"},
		{"insert main.Map[go.shape.int] when a|b&c", "insert 'main.Map[go.shape.int]' 'when' 'a|b&c'"},
		{"say $HOME `x` \"a b\" \\n #not", "say '$HOME' '`x`' '\"a' 'b\"' '\\n' '#not'"},
		{"say it's", `say 'it'\''s'`},
		{"insert main.(*T).f; list | head", "insert 'main.(*T).f'; list | head"},
		{"insert main.(*T).f ; insert x", "insert 'main.(*T).f' ; insert x"},
		{"insert main.(*T).f && insert main.(*T).g || say (no)", "insert 'main.(*T).f' && insert 'main.(*T).g' || say '(no)'"},
		{"insert main.(*T).f && echo (", "insert 'main.(*T).f' && echo ("},
		{"say a > local:b", "say 'a' > local:b"},
		{"say a 2>&1", "say 'a' 2>&1"},
		{"say a b\nsay (c)", "say 'a' 'b'\nsay (c)"},
		{"say a\r\nlist", "say 'a'\r\nlist"},
		{"list", "list"},
		{"other main.(*T).f", "other main.(*T).f"},
		{"$insert x", "$insert x"},
		{"insert=5 x", "insert=5 x"},
		{"(insert x)", "(insert x)"},
		{"", ""},
	} {
		got, shift := literal(tt.text, verbs)
		if got != tt.want || shift != len(got)-len(tt.text) {
			t.Errorf("literal(%q) = %q, %d, want %q", tt.text, got, shift, tt.want)
		}
	}
}

func FuzzLiteral(f *testing.F) {
	for _, s := range []string{"insert main.(*T).f; list", "say 'a' && say \"b", "insert ;;; && ||", "say a\\\nb", "insert 2>x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, shift := literal(text, func(name string) bool { return name == "insert" || name == "say" })
		if len(got)-len(text) != shift {
			t.Fatalf("%q: shift %d, grown by %d", text, shift, len(got)-len(text))
		}
		if shift < 0 {
			t.Fatalf("%q: shrunk", text)
		}
		if strings.Count(got, "\n") != strings.Count(text, "\n") {
			t.Fatalf("%q: lines changed in %q", text, got)
		}
	})
}

func TestCheck(t *testing.T) {
	isWord := func(name string) bool { return name == "cat" || special[name] || reserved[name] }
	for _, tt := range []struct{ text, want string }{
		{"cat a; cat b | cat", ""},
		{"for f in *; do cat $f; done\ncat <<E\nx\nE\n", ""},
		{"cat a\ninsert main.(*T).f\ncat b", ""},
		{"cat a; insert main.(*T).f; cat b", ""},
		{"cat (", "line 1, column 1: `foo(` must be followed by `)`"},
		{"cat a\nfor f in *; do cat $f\n", "line 2, column 1: `for` statement must end with `done`"},
		{"cat 'a", "line 1, column 5: reached EOF without closing quote `'`"},
		{"insert main.(*T).f\ncat (", ""},
	} {
		err := check(tt.text, isWord)
		got := ""
		if err != nil {
			got = describe(err).Error()
		}
		if tt.want != "" && got != tt.want || tt.text == "cat a; cat b | cat" && got != "" {
			t.Errorf("check(%q) = %q, want %q", tt.text, got, tt.want)
		}
		if tt.want == "" && strings.HasSuffix(tt.text, "(") != (got != "") {
			t.Errorf("check(%q) = %q", tt.text, got)
		}
	}
}

func TestChunks(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"a; b\nc", []string{"a;", "b", "c"}},
		{"cat <<E; echo c\nbody\nE\nnext", []string{"cat <<E; echo c\nbody\nE\n", "next"}},
		{"cat <<E\nbody\nE", []string{"cat <<E\nbody\nE"}},
		{"if a\nthen b; fi & c", []string{"if a\nthen b; fi &", "c"}},
		{"f() { a; b; }\nf", []string{"f() { a; b; }", "f"}},
	} {
		rest := tt.text
		var got []string
		for {
			_, rest = cutBlank(rest)
			if rest == "" {
				break
			}
			c, err := nextChunk(rest)
			if err != nil {
				t.Fatalf("%q: %v", tt.text, err)
			}
			got = append(got, rest[:c.end])
			rest = rest[c.end:]
		}
		if strings.Join(got, "§") != strings.Join(tt.want, "§") {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
	}
}
