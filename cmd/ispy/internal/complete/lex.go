package complete

import (
	"regexp"
	"strings"
	"sync"
)

// place is where the cursor stands in a line.
type place struct {
	// words are those of the command so far, without quotes; none where the
	// cursor is at the command itself.
	words []string
	// redirect says that the word is the file of a redirection.
	redirect bool
	// start is where the word at the cursor begins, text is the word without
	// quotes, quote the quote that is open in it, or 0.
	start int
	text  string
	quote byte
	// opaque says that the word has an expansion in it, so that its text is
	// not known.
	opaque bool
	// variable says that the word is the name of a variable, that text is that
	// name, and start its begin; brace that it stands in braces.
	variable, brace bool
	// comment says that it is one, or a here-document's word.
	comment bool

	// input is the line to the cursor; lineStart where its last line begins.
	input     string
	lineStart int
}

// frame is a command that is not complete, within others.
type frame struct {
	close byte // what ends it: ) ` or 0
	place
	inWord bool
}

// keywords are followed by a command.
var keywords = map[string]bool{
	"if": true, "then": true, "elif": true, "else": true, "while": true, "until": true,
	"do": true, "{": true, "!": true, "time": true,
}

// Made when they are needed: ispy starts often.
var (
	assignment = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*\+?=`) })
	name       = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*`) })
)

// scan finds the place at the end of the text. It need not be right about all of
// sh, nor can the text be parsed: it is not complete.
func scan(text string) *place {
	s := scanner{in: text}
	s.push(0)
	for s.at < len(text) {
		s.step()
	}
	p := s.top().place
	p.input = text
	p.lineStart = strings.LastIndexByte(text, '\n') + 1
	if !s.top().inWord {
		p.start, p.text, p.quote = len(text), "", 0
	}
	// FOO=pro completes what follows the sign.
	if len(p.words) == 0 && p.quote == 0 && !p.redirect {
		if m := assignment().FindString(p.text); m != "" && strings.HasPrefix(text[p.start:], m) {
			p.start += len(m)
			p.text = p.text[len(m):]
			p.words = []string{m}
		}
	}
	return &p
}

type scanner struct {
	in     string
	at     int
	frames []*frame
}

func (s *scanner) top() *frame { return s.frames[len(s.frames)-1] }

func (s *scanner) push(end byte) { s.frames = append(s.frames, &frame{close: end}) }

// pop goes on with the word that the command stands in.
func (s *scanner) pop() {
	if len(s.frames) > 1 {
		s.frames = s.frames[:len(s.frames)-1]
	}
}

// word makes sure that a word is begun.
func (s *scanner) word() *frame {
	f := s.top()
	if !f.inWord {
		f.inWord, f.start, f.text, f.opaque, f.quote = true, s.at, "", false, 0
	}
	return f
}

// endWord ends the word before the current byte.
func (s *scanner) endWord() {
	f := s.top()
	if !f.inWord {
		return
	}
	quoted := s.in[f.start:s.at] != f.text
	switch {
	case f.redirect:
		f.redirect = false
	case len(f.words) == 0 && !quoted && (keywords[f.text] || assignment().MatchString(f.text)):
	default:
		f.words = append(f.words, f.text)
	}
	f.inWord = false
}

func (s *scanner) endCommand() {
	s.endWord()
	f := s.top()
	f.words, f.redirect = nil, false
}

func (s *scanner) step() {
	c := s.in[s.at]
	f := s.top()
	switch {
	case f.inWord && f.quote == '\'':
		if c == '\'' {
			f.quote = 0
		} else {
			f.text += s.in[s.at : s.at+1]
		}
	case c == '\\':
		s.backslash()
	case c == '$':
		s.dollar()
	case c == '`':
		if f.close == '`' {
			s.endCommand()
			s.pop()
			break
		}
		s.word().opaque = true
		s.push('`')
	case f.inWord && f.quote == '"':
		if c == '"' {
			f.quote = 0
		} else {
			f.text += s.in[s.at : s.at+1]
		}
	case c == '"' || c == '\'':
		s.word().quote = c
	case c == ' ' || c == '\t':
		s.endWord()
	case c == '\n' || c == ';' || c == '&' || c == '|':
		s.endCommand()
	case c == '(':
		if f.inWord { // name()
			s.endCommand()
			break
		}
		s.push(')')
	case c == ')':
		s.endCommand()
		if f.close == ')' {
			s.pop()
		}
	case c == '<' || c == '>':
		s.redirection()
	case c == '#' && !f.inWord:
		s.comment()
		return
	default:
		s.word().text += s.in[s.at : s.at+1]
	}
	s.at++
}

func (s *scanner) backslash() {
	f := s.word()
	if s.at+1 == len(s.in) {
		f.text += `\`
		return
	}
	next := s.in[s.at+1]
	s.at++
	switch {
	case next == '\n':
	case f.quote == '"' && !strings.ContainsRune("$`\"\\", rune(next)):
		f.text += s.in[s.at-1 : s.at+1]
	default:
		f.text += s.in[s.at : s.at+1]
	}
}

// dollar is a command in $(…), or a variable.
func (s *scanner) dollar() {
	f := s.word()
	rest := s.in[s.at+1:]
	switch {
	case strings.HasPrefix(rest, "("):
		f.opaque = true
		s.at++
		s.push(')')
		return
	case strings.HasPrefix(rest, "'") && f.quote == 0:
		return // $'…': the quote is next
	}
	brace := strings.HasPrefix(rest, "{")
	rest = strings.TrimPrefix(rest, "{")
	id := name().FindString(rest)
	begin := len(s.in) - len(rest)
	if begin+len(id) == len(s.in) {
		f.variable, f.brace, f.start, f.text, f.opaque = true, brace, begin, id, false
		s.at = len(s.in) - 1
		return
	}
	f.opaque = true
	f.text += "$"
	if brace {
		if end := strings.IndexByte(rest, '}'); end >= 0 {
			s.at = begin + end
			return
		}
		s.at = len(s.in) - 1 // ${x:-…: nothing is known of it
		return
	}
	s.at = begin + len(id) - 1
}

func (s *scanner) redirection() {
	f := s.top()
	if f.inWord && strings.Trim(s.in[f.start:s.at], "0123456789") == "" {
		f.inWord = false // 2>
	}
	s.endWord()
	op := s.in[s.at:]
	n := len(op) - len(strings.TrimLeft(op, "<>|&"))
	if op = op[:n]; strings.HasPrefix(op, "<<") && op != "<<<" || strings.HasSuffix(op, "&") {
		f.comment = true // the word of a here-document, a descriptor
	}
	f.redirect = true
	s.at += n - 1
	if strings.HasPrefix(s.in[s.at+1:], "(") { // <(command
		f.redirect = false
		s.at++
		s.word().opaque = true
		s.push(')')
	}
	// What comes after that word is as usual.
	rest := strings.TrimLeft(s.in[s.at+1:], " \t")
	if end := strings.IndexAny(rest, " \t\n;|&)"); f.comment && end > 0 {
		f.comment, f.redirect = false, false
		s.at = len(s.in) - len(rest) + end - 1
	}
}

func (s *scanner) comment() {
	end := strings.IndexByte(s.in[s.at:], '\n')
	if end < 0 {
		s.top().comment = true
		s.at = len(s.in)
		return
	}
	s.at += end
}
