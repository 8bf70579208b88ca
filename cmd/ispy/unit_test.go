package main

import (
	"strings"
	"testing"
	"time"
)

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "0s", 0: "0s", 59 * time.Second: "59s", time.Minute: "1m", 59 * time.Minute: "59m",
		3*time.Hour + time.Minute: "3h", 47 * time.Hour: "47h", 48 * time.Hour: "2d", 1000 * time.Hour: "41d",
	} {
		if got := age(d); got != want {
			t.Errorf("age(%v) = %s, want %s", d, got, want)
		}
	}
}

// Every command has one line of documentation, and more with an example.
func TestVerbs(t *testing.T) {
	for _, v := range verbs {
		if v.doc == "" || strings.HasSuffix(v.doc, ".") || !strings.Contains(v.more, "\n  "+v.name) {
			t.Errorf("%s: %q, %q", v.name, v.doc, v.more)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "a b;c", `'a" b' "c\" d" e\ f`, "# x\na", "echo x>y", "a\\", "'a", "\x00", "a|b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, script string) {
		commands, err := parse(script)
		if err != nil {
			if _, ok := err.(usageError); !ok || commands != nil {
				t.Errorf("%q: %v, %v", script, commands, err)
			}
			return
		}
		// What was parsed, quoted, is parsed the same.
		var b strings.Builder
		for _, c := range commands {
			if len(c) == 0 {
				t.Errorf("%q: an empty command", script)
			}
			for _, w := range c {
				if w == redirect {
					b.WriteString("> ")
				} else {
					b.WriteString("'" + strings.ReplaceAll(w, "'", `'\''`) + "' ")
				}
			}
			b.WriteString("\n")
		}
		again, err := parse(b.String())
		if err != nil || len(again) != len(commands) {
			t.Fatalf("%q: %q, %v", script, b.String(), err)
		}
		for i := range again {
			if strings.Join(again[i], "\x01") != strings.Join(commands[i], "\x01") {
				t.Errorf("%q: %q, again %q", script, commands[i], again[i])
			}
		}
	})
}
