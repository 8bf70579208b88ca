package redact

import "strings"

// tokens hides the JSON Web Tokens in a text: whoever has one needs no more, whatever
// the name under which it is handed on.
func tokens(s string) string {
	// All begin with {" in base64.
	const begin = "eyJ"
	if !strings.Contains(s, begin) {
		return s
	}
	var b strings.Builder
	done := 0 // s[:done] is written
	for pos := 0; ; {
		i := strings.Index(s[pos:], begin)
		if i < 0 {
			b.WriteString(s[done:])
			return b.String()
		}
		start := pos + i
		end, dots := start, 0
		for end < len(s) && (isBase64URL(s[end]) || s[end] == '.') {
			if s[end] == '.' {
				dots++
			}
			end++
		}
		pos = end
		if (dots == 2 || dots == 4) && end-start > 20 && (start == 0 || !isBase64URL(s[start-1])) {
			b.WriteString(s[done:start])
			b.WriteString(Mark)
			done = end
		}
	}
}

func isBase64URL(c byte) bool {
	return c < 0x80 && classOf(c) != other || c == '-' || c == '_'
}
