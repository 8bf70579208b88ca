package complete

import (
	"strings"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// line offers what may stand at the place.
func (l *lookup) line(p *place) {
	switch {
	case p.comment || p.opaque:
	case p.variable:
		var items []item
		for _, v := range l.sh.Vars() {
			if p.brace {
				v += "}"
			}
			items = append(items, item{text: v, dir: true})
		}
		l.offerItems(p.text, items)
	case p.redirect:
		l.paths(p.text, false)
	case l.literal(p):
	default:
		l.command(p)
	}
}

func (l *lookup) command(p *place) {
	if len(p.words) > 0 {
		l.arguments(p)
		return
	}
	text := p.text
	if rest, ok := strings.CutPrefix(text, "!"); ok {
		var items []item
		for _, e := range l.entries(l.dir) {
			if e.dir {
				items = append(items, item{text: "!" + e.name, doc: e.doc})
			}
		}
		l.offerItems("!"+rest, items)
		return
	}
	if !strings.Contains(text, "/") {
		l.verbs(text)
		if text != "" {
			var items []item
			for _, w := range l.sh.Words() {
				items = append(items, item{text: w})
			}
			l.offerItems(text, items)
		}
	}
	l.paths(text, false)
	if l.settle(); len(l.items) == 0 && len(text) >= 2 && !strings.Contains(text, "/") {
		l.executables(text)
	}
}

// verbs offers the commands of ispy, and those of the ctl in the directory.
func (l *lookup) verbs(text string) {
	var items []item
	for _, v := range l.sh.Verbs() {
		items = append(items, item{text: v.Name, doc: v.Doc})
	}
	for _, v := range l.ctl(l.dir) {
		items = append(items, item{text: v.Name, doc: strings.TrimSpace(v.Args + "  " + v.Doc)})
	}
	l.offerItems(text, items)
}

// literal is a line that begins with a verb of the directory's ctl: its arguments
// are taken as they are typed, without quotes.
func (l *lookup) literal(p *place) bool {
	v, args, ok := l.ctlLine(p)
	if !ok {
		return false
	}
	i := strings.LastIndexAny(p.input, " \t") + 1
	p.start, p.text, p.quote = i, p.input[i:], 0
	l.raw = true
	if s, ok := slotAt(parseForm(v.Args), len(args)); ok {
		l.fill(p.text, s, l.dir)
	}
	return true
}

// ctlLine is the verb of the ctl that the line begins with, and the arguments that
// are complete. A verb of ispy goes before.
func (l *lookup) ctlLine(p *place) (v space.CtlVerb, args []string, ok bool) {
	line := p.input[p.lineStart:]
	fields := strings.Fields(line)
	if len(fields) == 0 || len(fields) == 1 && strings.HasSuffix(line, fields[0]) {
		return v, nil, false
	}
	if _, isVerb := l.verb(fields[0]); isVerb {
		return v, nil, false
	}
	for _, v := range l.ctl(l.dir) {
		if v.Name == fields[0] {
			args = fields[1:]
			if last := line[len(line)-1]; last != ' ' && last != '\t' {
				args = args[:len(args)-1]
			}
			return v, args, true
		}
	}
	return v, nil, false
}

func (l *lookup) verb(name string) (verb.Verb, bool) {
	for _, v := range l.sh.Verbs() {
		if v.Name == name {
			return v, true
		}
	}
	return verb.Verb{}, false
}
