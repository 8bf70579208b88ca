package sql

import (
	"bytes"
	"strings"
)

// The bounds of a statement as it is shown: bytes of the result, and of what is
// looked at.
const (
	maxText = 1024
	maxScan = 64 << 10
)

// normal returns a statement with its literals replaced by ?, without comments,
// and with single blanks. Lists of literals become one, so that statements that
// differ in their values alone are the same. Where it is not certain where a
// string ends, all that follows is left out. doubles says that "x" is a string, as
// in MySQL, and not an identifier.
func normal(s string, doubles bool) string {
	n := normalizer{s: s, doubles: doubles, b: make([]byte, 0, min(len(s), maxText)+8)}
	for n.i < len(n.s) && !n.done {
		if len(n.b) > maxText || n.i > maxScan {
			n.b = append(n.b[:min(len(n.b), maxText)], "..."...)
			break
		}
		n.next()
	}
	return strings.TrimRight(string(n.b), " ;")
}

type normalizer struct {
	s       string
	i       int
	b       []byte
	doubles bool
	done    bool
}

func (n *normalizer) at(i int) byte {
	if i < len(n.s) {
		return n.s[i]
	}
	return 0
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

// next takes one token.
func (n *normalizer) next() {
	c := n.s[n.i]
	switch {
	case isSpace(c):
		n.i++
		n.blank()
	case c == '-' && n.at(n.i+1) == '-':
		if end := strings.IndexByte(n.s[n.i:], '\n'); end >= 0 {
			n.i += end
		} else {
			n.i = len(n.s)
		}
		n.blank()
	case c == '/' && n.at(n.i+1) == '*':
		n.comment()
		n.blank()
	case c == '\'':
		n.quoted(c)
	case c == '"' && n.doubles:
		n.quoted(c)
	case c == '"' || c == '`':
		n.identifier(c)
	case c == '$':
		n.dollar()
	case isWord(c):
		n.word()
	case isDigit(c):
		n.number()
	case (c == '?' || c == '@' || c == ':') && isDigit(n.at(n.i+1)) && !n.after('?'):
		n.placeholder()
	case c == '?':
		n.i++
		n.literal()
	case c == ')':
		n.i++
		n.b = append(n.b, c)
		n.fold()
	default:
		n.i++
		n.b = append(n.b, c)
	}
}

func (n *normalizer) after(c byte) bool { return len(n.b) > 0 && n.b[len(n.b)-1] == c }

func (n *normalizer) blank() {
	if len(n.b) > 0 && !n.after(' ') {
		n.b = append(n.b, ' ')
	}
}

// comment skips a comment; in some dialects they nest, so here they do.
func (n *normalizer) comment() {
	depth := 0
	for ; n.i < len(n.s); n.i++ {
		switch {
		case n.s[n.i] == '/' && n.at(n.i+1) == '*':
			depth++
			n.i++
		case n.s[n.i] == '*' && n.at(n.i+1) == '/':
			depth--
			n.i++
			if depth == 0 {
				n.i++
				return
			}
		}
	}
}

// quoted takes a string. A quote after a backslash ends it in some dialects and
// not in others.
func (n *normalizer) quoted(q byte) {
	// E'...' always has escapes; q'[...]' ends elsewhere.
	escapes := false
	switch start := len(n.b) - 1; {
	case start < 0 || start > 0 && (isWord(n.b[start-1]) || isDigit(n.b[start-1])):
	case n.b[start] == 'e' || n.b[start] == 'E':
		escapes = true
	case n.b[start] == 'q' || n.b[start] == 'Q':
		n.uncertain()
		return
	}
	if l := len(n.b); l >= 2 && (n.b[l-1]|0x20) == 'q' && (n.b[l-2]|0x20) == 'n' {
		n.uncertain()
		return
	}
	backslashes := 0
	for n.i++; n.i < len(n.s); n.i++ {
		switch c := n.s[n.i]; {
		case c == '\\':
			backslashes++
			continue
		case c != q:
		case backslashes%2 == 1 && escapes:
		case backslashes%2 == 1:
			n.uncertain()
			return
		case n.at(n.i+1) == q:
			n.i++
		default:
			n.i++
			n.literal()
			return
		}
		backslashes = 0
	}
	n.uncertain() // it does not end
}

// uncertain leaves out the rest.
func (n *normalizer) uncertain() {
	n.b = append(n.b, "?..."...)
	n.done = true
}

// identifier takes a quoted identifier as it is.
func (n *normalizer) identifier(q byte) {
	end := strings.IndexByte(n.s[n.i+1:], q)
	if end < 0 {
		n.uncertain()
		return
	}
	end += n.i + 2
	n.b = append(n.b, n.s[n.i:min(end, n.i+maxText)]...)
	n.i = end
}

// dollar takes $tag$...$tag$, a placeholder such as $1 or $name, or the sign.
func (n *normalizer) dollar() {
	end := n.i + 1
	for isWord(n.at(end)) || end > n.i+1 && isDigit(n.at(end)) {
		end++
	}
	if n.at(end) == '$' {
		tag := n.s[n.i : end+1]
		close := strings.Index(n.s[end+1:], tag)
		if close < 0 {
			n.uncertain()
			return
		}
		n.i = end + 1 + close + len(tag)
		n.literal()
		return
	}
	n.placeholder()
}

// placeholder takes a sign and the name or number after it.
func (n *normalizer) placeholder() {
	start := n.i
	for n.i++; isWord(n.at(n.i)) || isDigit(n.at(n.i)); n.i++ {
	}
	n.b = append(n.b, n.s[start:min(n.i, start+maxText)]...)
}

func (n *normalizer) word() {
	start := n.i
	for isWord(n.at(n.i)) || isDigit(n.at(n.i)) || n.at(n.i) == '$' {
		n.i++
	}
	n.b = append(n.b, n.s[start:min(n.i, start+maxText)]...)
}

func (n *normalizer) number() {
	for {
		c := n.at(n.i)
		sign := (c == '+' || c == '-') && (n.s[n.i-1]|0x20) == 'e' && isDigit(n.at(n.i+1))
		if !isDigit(c) && !isWord(c) && c != '.' && !(sign && n.i > 0) {
			break
		}
		n.i++
	}
	n.literal()
}

// literal appends the mark of a literal, or makes a list of the one before.
func (n *normalizer) literal() {
	switch b := strings.TrimSuffix(string(n.b[max(0, len(n.b)-8):]), " "); {
	case strings.HasSuffix(b, "..."+","):
		n.b = n.b[:bytes.LastIndexByte(n.b, ',')]
	case strings.HasSuffix(b, "?,"):
		n.b = append(n.b[:bytes.LastIndexByte(n.b, ',')], ", ..."...)
	default:
		n.b = append(n.b, '?')
	}
}

// fold makes one of two equal groups, as of rows to insert.
func (n *normalizer) fold() {
	s := string(n.b)
	open := strings.LastIndexByte(s, '(')
	if open < 0 {
		return
	}
	group, before := s[open:], strings.TrimRight(s[:open], " ")
	if before, ok := strings.CutSuffix(before, ","); ok && strings.HasSuffix(before, group) && strings.Contains(group, "?") {
		n.b = n.b[:len(before)]
	}
}

// hide returns the text of an error without what it quotes, as drivers quote the
// values that they did not like; what the statement has after its literals are
// replaced may be quoted.
func hide(text, statement string) string {
	var b strings.Builder
	for {
		i := strings.IndexAny(text, "'\"`")
		if i < 0 {
			return b.String() + text
		}
		end := strings.IndexByte(text[i+1:], text[i])
		if end < 0 {
			// An apostrophe is none.
			if text[i] == '\'' && i > 0 && isWord(text[i-1]) {
				return b.String() + text
			}
			return b.String() + text[:i+1] + "?"
		}
		inner := text[i+1 : i+1+end]
		b.WriteString(text[:i+1])
		if inner != "" && !strings.Contains(statement, inner) {
			inner = "?"
		}
		b.WriteString(inner)
		b.WriteByte(text[i])
		text = text[i+1+end+1:]
	}
}
