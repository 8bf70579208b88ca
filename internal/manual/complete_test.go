package main

import (
	"slices"
	"strings"
	"testing"
)

// defines says that the page has a paragraph with a tag that begins with term.
func defines(page, term string) bool {
	for line := range strings.SplitSeq(page, "\n") {
		if rest, ok := strings.CutPrefix(line, term); ok && (rest == "" || rest[0] == ' ' || rest[0] == ',') {
			return true
		}
	}
	return false
}

func TestFlags(t *testing.T) {
	w := theWorld(t)
	for _, p := range []program{w.Ispy, w.Ispymount} {
		text := words(page(t, p.Name+".1"))
		if len(p.Flags) < 3 {
			t.Errorf("%s -h: only %d flags found", p.Name, len(p.Flags))
		}
		if !strings.Contains(text, p.Name+" "+p.Forms) {
			t.Errorf("%s(1) lacks the form %q", p.Name, p.Forms)
		}
		for _, f := range p.Flags {
			tag := strings.TrimSpace(strings.Join(f.Names, ", ") + " " + f.Arg)
			if !defines(text, tag) || !strings.Contains(text, f.Doc) {
				t.Errorf("%s(1) lacks the flag %s: %s", p.Name, tag, f.Doc)
			}
		}
	}
}

func TestCommands(t *testing.T) {
	w := theWorld(t)
	text := words(page(t, "ispy.1"))
	// Beside what the parser found, what ispy -h lists.
	for line := range strings.Lines(w.Ispy.Page) {
		if indented, ok := strings.CutPrefix(line, "  "); ok && !strings.ContainsAny(indented[:1], " -$") {
			if word := strings.Fields(indented)[0]; !strings.Contains(text, "\n.SS "+word) {
				t.Errorf("ispy(1) lacks the command %s", word)
			}
		}
	}
	for _, c := range w.Commands {
		_, section, ok := strings.Cut(text, "\n.SS "+c.Form+"\n")
		section, _, _ = strings.Cut(section, "\n.SS ")
		if !ok || !strings.Contains(section, c.Doc) {
			t.Errorf("ispy(1) lacks the command %s: %s", c.Form, c.Doc)
			continue
		}
		for _, f := range c.Flags {
			if tag := strings.Join(f.Names, ", "); !defines(section, tag) {
				t.Errorf("ispy(1), %s: the flag %s is missing", c.Form, tag)
			}
		}
		if len(c.Examples) == 0 {
			t.Errorf("ispy(1), %s has no example", c.Form)
		}
		for _, e := range c.Examples {
			if !strings.Contains(section, "\n    "+e+"\n") {
				t.Errorf("ispy(1), %s: the example %q is missing", c.Form, e)
			}
		}
	}
}

func TestTopics(t *testing.T) {
	w := theWorld(t)
	for _, name := range w.Hidden {
		t.Errorf("ispy's help lists the topic %s, but help %s tells of the command of that name, so the manual cannot have it", name, name)
	}
	text := words(page(t, "ispy.1"))
	for _, topic := range w.Topics {
		if topic.Name != "codes" && !strings.Contains(text, "\n.SS "+topic.Doc+"\n") {
			t.Errorf("ispy(1) lacks the topic %s: %s", topic.Name, topic.Doc)
		}
	}
	for _, variable := range []string{"ISPYD_CONFIG", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "NO_COLOR", "PAGER", "TERM"} {
		if !defines(text, variable) {
			t.Errorf("ispy(1) lacks the variable %s", variable)
		}
	}
}

func TestTree(t *testing.T) {
	w := theWorld(t)
	text := words(page(t, "ispyd.4"))
	files := 0
	for _, d := range w.Tree {
		for _, f := range d.Files {
			files++
			if !defines(text, f.Word()+" ("+f.Kind+")") || !strings.Contains(text, f.Doc) {
				t.Errorf("ispyd(4) lacks %s (%s): %s", f.Word(), f.Kind, f.Doc)
			}
			if !defines(text, f.Kind) {
				t.Errorf("ispyd(4) does not say what the kind %s is", f.Kind)
			}
			if f.Kind == kindCtl && len(f.Verbs) == 0 && f.Path == strings.ToLower(f.Path) {
				t.Errorf("%s has no verbs", f.Path)
			}
			for _, v := range f.Verbs {
				if !defines(text, strings.TrimSpace(v.Name+" "+v.Args)) {
					t.Errorf("ispyd(4) lacks the verb %s of %s", v.Name, f.Path)
				}
			}
		}
	}
	if files < 20 {
		t.Errorf("only %d files in the tree", files)
	}
}

func TestSettle(t *testing.T) {
	varying := []file{{Path: "p/c", Kind: kindDir, Doc: "c"}, {Path: "p/c/cpu", Kind: "value", Doc: "cpu"}}
	for _, test := range []struct {
		name  string
		files []file
		want  string // the paths, or the error
	}{
		{"none of what varies", []file{{Path: "p", Kind: kindDir}}, "p p/c p/c/cpu"},
		{"all of it", append([]file{{Path: "p", Kind: kindDir}}, varying...), "p p/c p/c/cpu"},
		{"another doc", []file{{Path: "p/c/cpu", Kind: "value", Doc: "other"}}, `p/c/cpu: the tree says value "other", but varying.tsv value "cpu"`},
		{"one more", []file{{Path: "p/c/io", Kind: "value"}}, "p/c/io is missing in varying.tsv"},
		{"metrics", []file{{Path: "runtime/metrics", Kind: kindDir}, {Path: "runtime/metrics/gc"}}, "p/c p/c/cpu runtime/metrics runtime/metrics/NAME"},
	} {
		t.Run(test.name, func(t *testing.T) {
			files, err := settle(test.files, varying)
			var paths []string
			for _, f := range files {
				paths = append(paths, f.Path)
			}
			got := strings.Join(paths, " ")
			if err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestDirectories(t *testing.T) {
	files := []file{{Path: "a", Kind: kindDir}, {Path: "a/b/ID"}, {Path: "c"}, {Path: "empty", Kind: kindDir}}
	dirs := directories(files)
	var got []string
	for _, d := range dirs {
		for _, f := range d.Files {
			got = append(got, d.Path+": "+f.Path)
		}
	}
	if want := []string{": a", ": c", ": empty", "a: a/b/ID"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
