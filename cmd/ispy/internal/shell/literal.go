package shell

import (
	"errors"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// literal makes sh of a line that begins with a ctl verb, whose arguments are
// taken as they stand: insert main.(*Server).order needs no quotes. Only what
// stands apart is the shell's still: words that begin with one of ; | & < > and a
// semicolon at a word's end. shift is by how much the text has grown.
func literal(text string, isVerb func(string) bool) (line string, shift int) {
	name := firstWord(text)
	if name == "" || !isVerb(name) {
		return text, 0
	}
	var b strings.Builder
	b.WriteString(name)
	rest := text[len(name):]
	for {
		n := 0
		for n < len(rest) && (rest[n] == ' ' || rest[n] == '\t' || rest[n] == '\r') {
			n++
		}
		b.WriteString(rest[:n])
		rest = rest[n:]
		if rest == "" || strings.IndexByte("\n;|&<>", rest[0]) >= 0 || redirects(rest) {
			break
		}
		word := rest
		if end := strings.IndexAny(rest, " \t\n"); end >= 0 {
			word = rest[:end]
		}
		word = strings.TrimRight(word, "\r;")
		b.WriteString(quote(word))
		rest = rest[len(word):]
	}
	// Another verb may follow in the same statement.
	if op := connector(rest); op > 0 {
		next, _ := literal(rest[op:], isVerb)
		b.WriteString(rest[:op])
		b.WriteString(next)
	} else {
		b.WriteString(rest)
	}
	return b.String(), b.Len() - len(text)
}

// quote is the word in single quotes, with the quotes of its own between others.
func quote(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// redirects says that the text begins with a redirection of a numbered file: 2>.
func redirects(text string) bool {
	return len(text) > 1 && text[0] >= '0' && text[0] <= '9' && (text[1] == '>' || text[1] == '<')
}

// connector is the length of && or || with the blanks after it, at the beginning
// of the text; 0 where there is neither.
func connector(text string) int {
	if !strings.HasPrefix(text, "&&") && !strings.HasPrefix(text, "||") {
		return 0
	}
	return len(text) - len(strings.TrimLeft(text[2:], " \t"))
}

// firstWord is the word that the text begins with, "" where that is no plain one.
func firstWord(text string) string {
	end := strings.IndexAny(text, " \t\r\n;|&<>")
	if end < 0 {
		end = len(text)
	}
	if strings.ContainsAny(text[:end], "'\"\\$`(){}=#*?[") {
		return ""
	}
	return text[:end]
}

// cutBlank cuts off blanks, empty lines and comments at the beginning.
func cutBlank(text string) (blank, rest string) {
	rest = text
	for {
		rest = strings.TrimLeft(rest, " \t\r\n")
		if !strings.HasPrefix(rest, "#") {
			return text[:len(text)-len(rest)], rest
		}
		end := strings.IndexByte(rest, '\n')
		if end < 0 {
			return text, ""
		}
		rest = rest[end:]
	}
}

// position is a place in a script.
type position struct{ line, col uint }

var start = position{1, 1}

func (p position) after(text string) position {
	if n := strings.Count(text, "\n"); n > 0 {
		return position{p.line + uint(n), uint(len(text) - strings.LastIndexByte(text, '\n'))}
	}
	return position{p.line, p.col + uint(len(text))}
}

// move makes of the place in an error about a part of a script that in the whole.
func (p position) move(err error) error {
	place := func(pos syntax.Pos) syntax.Pos {
		col := pos.Col()
		if pos.Line() == 1 {
			col += p.col - 1
		}
		return syntax.NewPos(pos.Offset(), pos.Line()+p.line-1, col)
	}
	if e, ok := errors.AsType[syntax.ParseError](err); ok {
		e.Pos = place(e.Pos)
		return e
	}
	if e, ok := errors.AsType[syntax.LangError](err); ok {
		e.Pos = place(e.Pos)
		return e
	}
	return err
}
