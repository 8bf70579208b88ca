package files

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// compile makes one expression of the patterns, any of which may fit.
func compile(patterns []string, fixed, fold, word bool) (*regexp.Regexp, error) {
	var all []string
	for _, text := range patterns {
		for p := range strings.SplitSeq(text, "\n") {
			if fixed {
				p = regexp.QuoteMeta(p)
			} else if _, err := syntax.Parse(p, syntax.Perl); err != nil {
				return nil, patternError(p, err)
			}
			all = append(all, "(?:"+p+")")
		}
	}
	whole := strings.Join(all, "|")
	if word {
		whole = `\b(?:` + whole + `)\b`
	}
	if fold {
		whole = "(?i)" + whole
	}
	re, err := regexp.Compile(whole)
	if err != nil { // each compiles, all together are too large
		return nil, verb.Usagef("the pattern: %v", err)
	}
	return re, nil
}

// patternError says what is wrong with a pattern, and where.
func patternError(pattern string, err error) error {
	e, ok := errors.AsType[*syntax.Error](err)
	if !ok {
		return verb.Usagef("the pattern %q: %v", pattern, err)
	}
	at := strings.Index(pattern, e.Expr)
	if e.Code == syntax.ErrMissingParen || e.Code == syntax.ErrUnexpectedParen {
		at = paren(pattern)
	}
	return verb.Usagef("the pattern %q, at character %d: %s; -F takes it literally", pattern, len([]rune(pattern[:max(at, 0)]))+1, e.Code)
}

// paren is where the parenthesis stands that has no other.
func paren(pattern string) int {
	var open []int
	class := false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case c == '[' && !class:
			class = true
			if rest := strings.TrimPrefix(pattern[i+1:], "^"); strings.HasPrefix(rest, "]") {
				i = len(pattern) - len(rest) // a ] that comes first is one of the characters
			}
		case c == ']':
			class = false
		case c == '(' && !class:
			open = append(open, i)
		case c == ')' && !class:
			if len(open) == 0 {
				return i
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return open[len(open)-1]
	}
	return 0
}
