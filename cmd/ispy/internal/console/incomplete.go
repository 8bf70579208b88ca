package console

import (
	"go/scanner"
	"go/token"
	"strings"
)

// incomplete says that more lines must follow before a text can be evaluated: there
// is an open bracket, string or comment, or an operator at its end.
func incomplete(text string) bool {
	if strings.HasPrefix(strings.TrimSpace(text), ":") {
		return false
	}
	if strings.HasSuffix(text, "\n\n") {
		return false // two empty lines end what is wrong anyway
	}
	open := false
	var s scanner.Scanner
	fset := token.NewFileSet()
	s.Init(fset.AddFile("", fset.Base(), len(text)), []byte(text), func(_ token.Position, msg string) {
		if strings.Contains(msg, "not terminated") && !strings.Contains(msg, "rune") && msg != "string literal not terminated" {
			open = true
		}
	}, 0)
	depth := 0
	last := token.EOF
	for {
		_, tok, lit := s.Scan()
		switch tok {
		case token.EOF:
			return open || depth > 0 || continues(last)
		case token.LPAREN, token.LBRACE, token.LBRACK:
			depth++
		case token.RPAREN, token.RBRACE, token.RBRACK:
			depth--
		}
		if tok != token.SEMICOLON || lit == ";" {
			last = tok
		}
	}
}

// continues says that something must follow after a token.
func continues(t token.Token) bool {
	switch t {
	case token.INC, token.DEC, token.SEMICOLON, token.RPAREN, token.RBRACE, token.RBRACK, token.ELLIPSIS, token.EOF:
		return false
	}
	return t.IsOperator()
}
