package main

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseCommand(t *testing.T) {
	text := `tail [-n LINES] [PATH...]: print the end of files

  -n, -lines LINES     so many LINES (default 10)
  -f, -follow          go on
  -type string         only these
  -files-with-matches names only
  -n, -interval seconds seconds between two runs
  -u, -until regexp    stop when it fits the regexp
  -A, -after-context N and N lines after

One paragraph.

  an example of it
    indented

For example:
  tail audit
  tail -n 3 README
`
	want := command{
		Form: "tail [-n LINES] [PATH...]", Doc: "print the end of files",
		Flags: []flagDoc{
			{[]string{"-n", "-lines"}, "LINES", "so many LINES (default 10)"},
			{[]string{"-f", "-follow"}, "", "go on"},
			{[]string{"-type"}, "string", "only these"},
			{[]string{"-files-with-matches"}, "", "names only"},
			{[]string{"-n", "-interval"}, "seconds", "seconds between two runs"},
			{[]string{"-u", "-until"}, "regexp", "stop when it fits the regexp"},
			{[]string{"-A", "-after-context"}, "N", "and N lines after"},
		},
		More:     "One paragraph.\n\n  an example of it\n    indented",
		Examples: []string{"tail audit", "tail -n 3 README"},
	}
	if got, err := parseCommand(text); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, wrong := range []string{"", "tail\n", "tail: no example\n", "tail: x\n\n  - what\n\nFor example:\n  tail\n"} {
		if c, err := parseCommand(wrong); err == nil {
			t.Errorf("%q: %+v", wrong, c)
		}
	}
}

func TestParseOverview(t *testing.T) {
	commands, topics := parseOverview(`Commands:
  servers [-clean]           list
  grep [-rivwFnHhlcoqa] PATTERN
                             print

Files here, printed by their names:
  README

Topics:
  paths                      where files are

help NAME tells of a command.
`)
	if want := []string{"servers", "grep"}; !reflect.DeepEqual(commands, want) {
		t.Errorf("commands %q", commands)
	}
	if want := []string{"paths"}; !reflect.DeepEqual(topics, want) {
		t.Errorf("topics %q", topics)
	}
}

func TestParseTopic(t *testing.T) {
	got, ok := parseTopic("codes", "codes: exit codes\n\n0  done\n")
	if want := (topic{"codes", "exit codes", "0  done"}); !ok || got != want {
		t.Errorf("got %+v, %v", got, ok)
	}
	if _, ok := parseTopic("shell", "shell PLUGIN: go into a plugin\n"); ok {
		t.Error("help of a command is taken for a topic")
	}
}

// TestRoff is about the texts that programs print: each character stays what it is.
func TestRoff(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"prose", "It's [a-z] or *_{}<x>& `y` \\d ^~ \"q\",\n.json and - that", "It's [a-z] or *_{}<x>& `y` \\d ^~ \"q\",\n.json and - that"},
		{"line starts", "1. one\n- two\n# three\n: four\n+ five\n'six", "1. one\n- two\n# three\n: four\n+ five\n'six"},
		{"example", "  $ grep '^x' *  \n\n  .y\n    z", ".EX\n    $ grep '^x' *\n.EE\n.sp\n.EX\n    .y\n      z\n.EE"},
		{"columns", "/tmp/*     a place\nvery-long:PATH  a path\n                and more\n130 killed", ".TP\n/tmp/*\na place\n.TP\nvery-long:PATH\na path and more\n.TP\n130\nkilled"},
		{"no columns", "one word\ntwo  words", ".EX\n    one word\n    two  words\n.EE"},
		{"example after columns", "a  b\n\n  x", ".TP\na\nb\n.PP\n.EX\n    x\n.EE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := string(roff([]byte("# \"X\" \"1\" \"\" \"\" \"\"\n\n## TEXT\n\n" + blocks(test.text) + "\nend\n")))
			for line := range strings.SplitSeq(got, "\n") {
				if strings.HasPrefix(line, "'") || strings.HasPrefix(line, ".json") || strings.HasPrefix(line, "    .y") {
					if !strings.HasPrefix(line, "    ") {
						t.Errorf("%q is read as a request", line)
					}
				}
			}
			got = words(got)
			_, got, _ = strings.Cut(got, ".SH TEXT\n")
			got, _, _ = strings.Cut(got, "\n.PP\nend")
			if got = strings.TrimPrefix(got, ".sp\n"); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}
