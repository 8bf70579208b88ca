package complete

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// special are the characters that sh makes something of.
const special = " \t\\'\"`$&|;<>()*?[]{}"

// quoted is the text as it must be typed at the place. Where it is open, more
// follows in the same quotes.
func (p *place) quoted(text string, open bool) string {
	switch {
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		// A name that a terminal cannot show.
		if q, err := syntax.Quote(text, syntax.LangBash); err == nil {
			return q
		}
		return text
	case p.quote == '\'':
		q := "'" + strings.ReplaceAll(text, "'", `'\''`)
		if !open {
			q += "'"
		}
		return q
	case p.quote == '"':
		q := `"` + escape(text, "\\\"$`")
		if !open {
			q += `"`
		}
		return q
	}
	q := escape(text, special)
	if text != "" && strings.ContainsRune("#~", rune(text[0])) {
		q = `\` + q
	}
	return q
}

func escape(text, chars string) string {
	var b strings.Builder
	for _, r := range text {
		if strings.ContainsRune(chars, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
