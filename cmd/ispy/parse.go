package main

import (
	"fmt"
	"strings"
)

// words is one command: its words, and ">" where that stood unquoted, as the
// word redirect.
type words []string

// redirect cannot be typed as a word: no word holds a NUL byte.
const redirect = "\x00>"

// parse cuts a script into commands. They are separated by semicolons and new
// lines; words by blanks. 'a b' and "a b" are one word, and \ takes the next
// character as it is. A word that begins with # begins a comment.
func parse(script string) ([]words, error) {
	p := parser{line: 1}
	if err := p.scan(script); err != nil {
		return nil, err
	}
	return p.commands, nil
}

type parser struct {
	commands []words
	current  words
	word     strings.Builder
	inWord   bool
	line     int
}

func (p *parser) scan(script string) error {
	for i := 0; i < len(script); i++ {
		switch c := script[i]; c {
		case 0:
			return p.errorf("a NUL byte")
		case '\n', ';':
			p.endCommand()
			if c == '\n' {
				p.line++
			}
		case ' ', '\t', '\r':
			p.endWord()
		case '#':
			if p.inWord {
				p.add(c)
				continue
			}
			if end := strings.IndexByte(script[i:], '\n'); end >= 0 {
				i += end - 1
			} else {
				i = len(script)
			}
		case '\'', '"':
			n, err := p.quoted(script[i:])
			if err != nil {
				return err
			}
			i += n
		case '\\':
			i++
			switch {
			case i == len(script):
				return p.errorf("nothing follows the last \\")
			case script[i] == 0:
				return p.errorf("a NUL byte")
			case script[i] == '\n': // the line goes on
				p.line++
			default:
				p.add(script[i])
			}
		case '>':
			p.endWord()
			p.current = append(p.current, redirect)
		case '|', '&', '<':
			return p.errorf("ispy has no %c of its own; put it in '' or let the shell around ispy do it", c)
		default:
			p.add(c)
		}
	}
	p.endCommand()
	return nil
}

func (p *parser) add(c byte) {
	p.word.WriteByte(c)
	p.inWord = true
}

// quoted takes a quoted text and returns where its closing quote is.
func (p *parser) quoted(s string) (int, error) {
	p.inWord = true
	begin := p.line
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			return i, nil
		case s[i] == '\\' && s[0] == '"' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		case s[i] == '\n':
			p.line++
		case s[i] == 0:
			return 0, p.errorf("a NUL byte")
		}
		p.word.WriteByte(s[i])
	}
	p.line = begin
	return 0, p.errorf("the quote %c is not closed", s[0])
}

func (p *parser) endWord() {
	if p.inWord {
		p.current = append(p.current, p.word.String())
	}
	p.word.Reset()
	p.inWord = false
}

func (p *parser) endCommand() {
	p.endWord()
	if len(p.current) > 0 {
		p.commands = append(p.commands, p.current)
	}
	p.current = nil
}

func (p *parser) errorf(format string, args ...any) error {
	return usageError(fmt.Sprintf("line %d: %s", p.line, fmt.Sprintf(format, args...)))
}
