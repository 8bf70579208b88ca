package syntax

import (
	"fmt"
	"go/token"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// scanner splits a source into tokens. It is a value: a copy is a place to return to.
type scanner struct {
	src  string
	base token.Pos
	off  int // of what follows the current token
	// ends says that a newline here ends a statement.
	ends bool

	pos token.Pos
	tok token.Token
	lit string // of names and literals; "\n" of a semicolon that is not written
}

//go:noinline
func (s *scanner) fail(pos token.Pos, text string) { panic(&Error{pos, text}) }

//go:noinline
func (s *scanner) failAt(off int, text string) { s.fail(s.base+token.Pos(off), text) }

// at is the byte that is i bytes further, 0 beyond the end.
//
//go:noinline
func (s *scanner) at(i int) byte {
	if s.off+i < len(s.src) {
		return s.src[s.off+i]
	}
	return 0
}

// next scans a token.
func (s *scanner) next() {
	newline := s.space()
	start := s.off
	s.pos, s.lit = s.base+token.Pos(start), ""
	if newline {
		s.tok, s.lit, s.ends = token.SEMICOLON, "\n", false
		return
	}
	if start >= len(s.src) {
		s.tok = token.EOF
		return
	}
	b := s.src[start]
	switch {
	case isDigit(b), b == '.' && isDigit(s.at(1)):
		s.tok = s.number()
	case b == '"' || b == '\'':
		s.tok = s.quoted(b)
	case b == '`':
		n := strings.IndexByte(s.src[start+1:], '`')
		if n < 0 {
			s.fail(s.pos, "raw string literal not terminated")
		}
		s.tok, s.off = token.STRING, start+n+2
		s.lit = strings.ReplaceAll(s.src[start:s.off], "\r", "")
	default:
		r, n := utf8.DecodeRuneInString(s.src[start:])
		if !isLetter(r) {
			s.operator(r)
			break
		}
		for isLetter(r) || unicode.IsDigit(r) {
			s.off += n
			r, n = utf8.DecodeRuneInString(s.src[s.off:])
		}
		s.tok = token.Lookup(s.src[start:s.off])
	}
	if s.lit == "" && (s.tok.IsLiteral() || s.tok.IsKeyword()) {
		s.lit = s.src[start:s.off]
	}
	switch s.tok {
	case token.BREAK, token.CONTINUE, token.FALLTHROUGH, token.RETURN, token.INC, token.DEC, token.RPAREN, token.RBRACK, token.RBRACE:
		s.ends = true
	default:
		s.ends = s.tok.IsLiteral()
	}
}

// space skips white space and comments. It stops where a line ends that ends a
// statement, and says so.
func (s *scanner) space() (newline bool) {
	for s.off < len(s.src) {
		switch s.src[s.off] {
		case ' ', '\t', '\r':
			s.off++
			continue
		case '\n':
			if s.ends {
				return true
			}
			s.off++
			continue
		case '/':
		default:
			return false
		}
		rest := s.src[s.off:]
		n := 0
		switch {
		case strings.HasPrefix(rest, "//"):
			if s.ends {
				return true
			}
			if n = strings.IndexByte(rest, '\n'); n < 0 {
				n = len(rest)
			}
		case strings.HasPrefix(rest, "/*"):
			if n = strings.Index(rest[2:], "*/") + 4; n < 4 {
				s.failAt(s.off, "comment not terminated")
			}
			if s.ends && strings.Contains(rest[:n], "\n") {
				return true
			}
		default:
			return false
		}
		s.off += n
	}
	return s.ends
}

// operators are those that begin with a character, the longest first.
var operators = func() (l [token.TILDE + 1]string) {
	for t := token.ADD; t <= token.COLON; t++ {
		l[t] = t.String()
	}
	l[token.TILDE] = token.TILDE.String()
	return l
}()

func (s *scanner) operator(r rune) {
	s.tok = token.ILLEGAL
	length := 0
	for t, op := range operators {
		if len(op) > length && strings.HasPrefix(s.src[s.off:], op) {
			s.tok, length = token.Token(t), len(op)
		}
	}
	if s.tok == token.ILLEGAL {
		s.fail(s.pos, fmt.Sprintf("illegal character %#U", r))
	}
	if s.tok == token.SEMICOLON {
		s.lit = ";"
	}
	s.off += length
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func isLetter(r rune) bool {
	return r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= utf8.RuneSelf && r != utf8.RuneError && unicode.IsLetter(r)
}

// quoted scans a string or rune literal.
func (s *scanner) quoted(quote byte) token.Token {
	what, tok := "string", token.STRING
	if quote == '\'' {
		what, tok = "rune", token.CHAR
	}
	start := s.off
	s.off++
	for n := 0; s.at(0) != quote; n++ {
		rest := s.src[s.off:]
		if rest == "" || rest[0] == '\n' {
			s.failAt(start, what+" literal not terminated")
		}
		_, _, tail, err := strconv.UnquoteChar(rest, quote)
		if err != nil {
			s.failAt(s.off, escapeError(rest))
		}
		if n > 0 && tok == token.CHAR {
			s.failAt(start, "more than one character in rune literal")
		}
		s.off = len(s.src) - len(tail)
	}
	if s.off == start+1 && tok == token.CHAR {
		s.failAt(start, "empty rune literal or unescaped ' in rune literal")
	}
	s.off++
	return tok
}

func escapeError(s string) string {
	switch {
	case len(s) < 2 || s[1] == '\n':
		return "escape sequence not terminated"
	case strings.IndexByte("01234567xuU", s[1]) < 0:
		return "unknown escape sequence"
	}
	return "invalid escape sequence: not enough digits, or no Unicode code point"
}

// number scans a number.
func (s *scanner) number() token.Token {
	start := s.off
	tok, base, name := token.INT, 10, ""
	if s.at(0) == '0' {
		switch s.at(1) | 0x20 {
		case 'x':
			base, name = 16, "hexadecimal"
		case 'o':
			base, name = 8, "octal"
		case 'b':
			base, name = 2, "binary"
		}
		if name != "" {
			s.off += 2
		}
	}
	n := s.digits(base)
	if s.at(0) == '.' {
		tok = token.FLOAT
		if base < 10 {
			s.failAt(s.off, "invalid radix point in "+name+" literal")
		}
		s.off++
		n += s.digits(base)
	}
	if n == 0 {
		s.failAt(start, name+" literal has no digits")
	}
	if e := s.at(0) | 0x20; e == 'e' && base == 10 || e == 'p' {
		if base != 10 && e == 'e' || base != 16 && e == 'p' {
			s.failAt(s.off, fmt.Sprintf("'%c' exponent requires hexadecimal mantissa", s.at(0)))
		}
		tok = token.FLOAT
		s.off++
		if s.at(0) == '+' || s.at(0) == '-' {
			s.off++
		}
		if s.digits(10) == 0 {
			s.failAt(start, "exponent has no digits")
		}
	} else if base == 16 && tok == token.FLOAT {
		s.failAt(start, "hexadecimal mantissa requires a 'p' exponent")
	}
	lit := s.src[start:s.off]
	if s.at(0) == 'i' {
		s.off++
		return token.IMAG
	}
	if tok == token.INT && name == "" && lit[0] == '0' {
		if i := strings.IndexAny(lit, "89"); i >= 0 {
			s.failAt(start+i, fmt.Sprintf("invalid digit '%c' in octal literal", lit[i]))
		}
	}
	return tok
}

// digits takes digits, and returns how many there are. An underscore stands between two
// of them, or between the prefix and the first.
func (s *scanner) digits(base int) (n int) {
	for ; ; s.off++ {
		b := s.at(0)
		switch {
		case b == '_':
			before := s.src[s.off-1]
			if after := s.at(1); !isHex(before) && before|0x20 != 'x' && before|0x20 != 'o' || !isHex(after) {
				s.failAt(s.off, "'_' must separate successive digits")
			}
			continue
		case base == 16 && isHex(b):
		case !isDigit(b):
			return n
		case int(b-'0') >= base:
			s.failAt(s.off, fmt.Sprintf("invalid digit '%c' in %s literal", b, map[int]string{2: "binary", 8: "octal"}[base]))
		}
		n++
	}
}

func isHex(b byte) bool { return isDigit(b) || b|0x20 >= 'a' && b|0x20 <= 'f' }
