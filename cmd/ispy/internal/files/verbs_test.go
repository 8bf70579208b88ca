package files_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/cmd/ispy/internal/files"
)

// Every example does what it says, in the tree of a program with no plugins but
// the built-in ones.
func TestExamples(t *testing.T) {
	p := start(t)
	for _, v := range files.Verbs() {
		if v.Doc == "" || v.More == "" || len(v.Examples) == 0 {
			t.Errorf("%s has no doc, no more to say of it, or no example", v.Name)
		}
		for line := range strings.Lines(v.Help()) {
			if len([]rune(line)) > 90 && !strings.HasPrefix(line, v.Form()) {
				t.Errorf("a long line in the help of %s: %s", v.Name, line)
			}
		}
		for _, example := range v.Examples {
			p.stdin = ""
			for command := range strings.SplitSeq(example, " | ") {
				var words []string
				for w := range strings.FieldsSeq(strings.ReplaceAll(command, "'^goroutine '", "^goroutine.")) {
					words = append(words, strings.Trim(w, "'"))
				}
				var out, errs bytes.Buffer
				verb, c := p.call(words, &out, &errs)
				if code := verb.Do(t.Context(), c, words[1:]); code != 0 || errs.Len() > 0 || out.Len() == 0 && example != "tail audit" {
					t.Errorf("%s: code %d, %q, %q", example, code, &errs, &out)
				}
				p.stdin = out.String()
			}
		}
	}
}
