package complete

import (
	"context"
	"strings"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
)

// Hint says in one line what stands at the cursor, an offset in bytes: the form and
// doc of a verb, the doc of a file; "" where there is nothing to say. It takes 200
// ms at most.
func Hint(ctx context.Context, sh Shell, line string, cursor int) string {
	ctx, cancel := context.WithTimeout(ctx, hintTimeout)
	defer cancel()
	return printable(newLookup(ctx, sh).hint(scan(line[:cursor])))
}

func (l *lookup) hint(p *place) string {
	if p.comment || p.variable {
		return ""
	}
	if p.redirect {
		return l.fileHint(p)
	}
	if v, _, ok := l.ctlLine(p); ok {
		return form(v)
	}
	if len(p.words) > 0 {
		if hint := l.fileHint(p); hint != "" {
			return hint
		}
		return l.commandHint(p.words[0])
	}
	if hint := l.commandHint(p.text); hint != "" {
		return hint
	}
	return l.fileHint(p)
}

// commandHint is about a word that a command begins with.
func (l *lookup) commandHint(name string) string {
	if name == "" {
		return ""
	}
	if v, ok := l.verb(name); ok {
		return v.Form() + ": " + v.Doc
	}
	for _, v := range l.ctl(l.dir) {
		if v.Name == name {
			return form(v)
		}
	}
	return ""
}

func form(v space.CtlVerb) string {
	return strings.TrimSpace(v.Name+" "+v.Args) + ": " + v.Doc
}

// fileHint is about the file whose name is the word.
func (l *lookup) fileHint(p *place) string {
	if p.opaque || p.text == "" {
		return ""
	}
	if _, ok := space.Local(p.text); ok {
		return ""
	}
	abs := space.Abs(l.dir, p.text)
	if _, in := space.Split(abs); in == "" {
		return ""
	}
	doc := l.doc(abs)
	if doc == "" {
		return ""
	}
	return strings.TrimSuffix(p.text, "/") + ": " + doc
}
