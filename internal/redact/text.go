package redact

import "strings"

// Text returns a text of unknown form as it may be shown. Hidden are the
// passwords and parameters of URLs, the values of pairs with a secret name as
// connection strings, headers, JSON and flags have them (password=x;
// Authorization: x; "token": "x"; --password x), what follows the word Bearer, JSON Web Tokens,
// and the password of user:password@host.
func (r *Redactor) Text(s string) string {
	if s == "" || r.isOff() {
		return s
	}
	return tokens(r.pairs(userinfo(r.urls(s))))
}

// pairs hides the values of pairs with a secret name.
func (r *Redactor) pairs(s string) string {
	if !strings.ContainsAny(s, "=: ") {
		return s
	}
	var b strings.Builder
	done := 0     // s[:done] is written
	var open byte // the quote that s[i] stands in, 0 where none
	for i := 0; i < len(s); i++ {
		var value, end int
		switch s[i] {
		case '\\':
			if i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
				i++
			}
			continue
		case '"', '`':
			switch open {
			case 0:
				open = s[i]
			case s[i]:
				open = 0
			}
			continue
		case '\r', '\n':
			open = 0
			continue
		case '=', ':':
			name, quoted := nameBefore(s[done:i])
			if name == "" || !r.Name(name) {
				continue
			}
			value = skipSpaces(s, i+1)
			end = valueEnd(s, value, s[i], quoted)
			end = outerEnd(s, value, end, open)
		case ' ', '\t':
			if !r.named(s[done:i]) {
				continue
			}
			value = skipSpaces(s, i)
			end = wordEnd(s, value)
		default:
			continue
		}
		if value >= end {
			continue
		}
		if q := s[value]; (q == '"' || q == '\'' || q == '`') && end-value > 1 && s[end-1] == q {
			value, end = value+1, end-1
		} else if strings.HasPrefix(s[value:end], `\"`) {
			value += len(`\"`)
		}
		b.WriteString(s[done:value])
		if value < end {
			b.WriteString(Mark)
		}
		done = end
		i = end - 1
	}
	b.WriteString(s[done:])
	return b.String()
}

// longestName bounds how far back a name is looked for.
const longestName = 256

// nameBefore returns the name that ends a text, and whether it stands in quotes.
func nameBefore(s string) (name string, quoted bool) {
	s = strings.TrimRight(s[max(0, len(s)-longestName):], " \t")
	unquoted := strings.TrimRight(s, "\"'`\\")
	quoted = len(unquoted) < len(s)
	start := len(unquoted)
	for start > 0 && isNameByte(unquoted[start-1]) {
		start--
	}
	return unquoted[start:], quoted
}

// named reports whether the last word of a text says that the next one is a
// secret: a flag with a secret name, or Bearer.
func (r *Redactor) named(s string) bool {
	s = s[max(0, len(s)-longestName):]
	word := s[strings.LastIndexAny(s, " \t\r\n\"'")+1:]
	if strings.EqualFold(word, "bearer") {
		return true
	}
	return strings.HasPrefix(word, "-") && isFlag(word) && r.Name(word)
}

// valueEnd returns where the value that starts at s[pos:] ends for certain: at
// its closing quote or bracket; without these, after a colon at the end of the
// line, and after an equals sign where another pair begins.
func valueEnd(s string, pos int, sep byte, nameQuoted bool) int {
	if pos >= len(s) {
		return pos
	}
	start := pos
	switch q := s[pos]; {
	case q == '"' || q == '\'' || q == '`':
		pos = quoteEnd(s, pos)
	case q == '\\' && pos+1 < len(s) && s[pos+1] == '"':
		// JSON inside of a JSON string.
		if n := strings.Index(s[pos+2:], `\"`); n >= 0 {
			return pos + 2 + n
		}
		return len(s)
	case q == '{' || q == '[':
		pos = bracketEnd(s, pos)
	}
	if pos > start && (pos == len(s) || strings.IndexByte(" \t\r\n,;&)]}", s[pos]) >= 0) {
		return pos
	}
	if sep == ':' {
		if end := credentialsEnd(s, pos); end > pos {
			return end
		}
		if nameQuoted {
			return pos + indexAny(s[pos:], ",}]\r\n")
		}
		return pos + indexAny(s[pos:], "\r\n")
	}
	for i := pos; i < len(s); i++ {
		switch c := s[i]; c {
		case '\r', '\n':
			return i
		case ' ', '\t', ',', ';', '&':
			isSpace := c == ' ' || c == '\t'
			if isSpace && i > pos && (s[i-1] == ' ' || s[i-1] == '\t') {
				continue
			}
			if pairFollows(s, i+1, !isSpace) {
				return i
			}
		}
	}
	return len(s)
}

// outerEnd returns where the value s[value:end] ends that stands in a text in quotes,
// as the parameter of a URL or a connection string does in many an error: with that,
// unless it has quotes or brackets of its own. open is the quote, 0 where there is
// none.
func outerEnd(s string, value, end int, open byte) int {
	if value >= end {
		return end
	}
	start := value
	if rest, hidden := strings.CutPrefix(s[value:], Mark); hidden {
		if rest == "" || rest[0] == open || strings.IndexByte(" \t\r\n,;:&)]}", rest[0]) >= 0 {
			return value + len(Mark)
		}
		start += len(Mark)
	} else if strings.IndexByte("\"'`\\{[", s[value]) >= 0 {
		return end
	}
	if open == 0 {
		return end
	}
	for i := start; i < end; i++ {
		switch {
		case s[i] == '\\' && open == '"':
			i++
		case s[i] == open:
			return i
		}
	}
	return end
}

// credentialsEnd returns where the credentials end that start at s[pos:] with the
// name of a scheme which has one word of them, 0 where they do not.
func credentialsEnd(s string, pos int) int {
	scheme, rest, _ := strings.Cut(s[pos:], " ")
	if !strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "basic") {
		return 0
	}
	pos = len(s) - len(strings.TrimLeft(rest, " "))
	start := pos
	for pos < len(s) && (classOf(s[pos]) != other || strings.IndexByte("-._~+/=", s[pos]) >= 0) {
		pos++
	}
	if pos == start || pos < len(s) && strings.IndexByte(" \t\r\n,;:)\"'`", s[pos]) < 0 {
		return 0
	}
	return pos
}

// pairFollows reports whether a name and an equals sign follow. After a
// separator that is no space the name may hold some (User Id=sa).
func pairFollows(s string, pos int, spaces bool) bool {
	pos = skipSpaces(s, pos)
	start := pos
	for pos < len(s) && pos-start < longestName && (isNameByte(s[pos]) || spaces && s[pos] == ' ' && pos > start) {
		pos++
	}
	return pos > start && pos < len(s) && s[pos] == '='
}

// quoteEnd returns where the quoted string that starts at s[pos] ends, the
// closing quote included. A backslash and a doubled quote do not end it.
func quoteEnd(s string, pos int) int {
	q := s[pos]
	for i := pos + 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && q != '`':
			i++
		case s[i] == q && i+1 < len(s) && s[i+1] == q:
			i++
		case s[i] == q:
			return i + 1
		}
	}
	return len(s)
}

// bracketEnd returns where the JSON object or array that starts at s[pos] ends.
func bracketEnd(s string, pos int) int {
	depth := 0
	for i := pos; i < len(s); i++ {
		switch s[i] {
		case '"':
			i = quoteEnd(s, i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// wordEnd returns where the word that starts at s[pos] ends.
func wordEnd(s string, pos int) int {
	if pos < len(s) && strings.IndexByte("\"'`", s[pos]) >= 0 {
		return quoteEnd(s, pos)
	}
	return pos + indexAny(s[pos:], " \t\r\n\"'")
}

func skipSpaces(s string, pos int) int {
	for pos < len(s) && (s[pos] == ' ' || s[pos] == '\t') {
		pos++
	}
	return pos
}

// indexAny is strings.IndexAny, but the length of s where there is none.
func indexAny(s, chars string) int {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return i
	}
	return len(s)
}

// userinfo hides the password of user:password@host without a scheme, as Go's
// MySQL driver has it: user:password@tcp(host:3306)/db.
func userinfo(s string) string {
	if strings.IndexByte(s, '@') < 0 {
		return s
	}
	var b strings.Builder
	for pos := 0; pos < len(s); {
		// One word at a time, and the space after it.
		end := pos + indexAny(s[pos:], " \t\r\n\"'`")
		b.WriteString(userinfoWord(s[pos:end]))
		if end < len(s) {
			b.WriteByte(s[end])
			end++
		}
		pos = end
	}
	return b.String()
}

func userinfoWord(w string) string {
	at := passwordEnd(w)
	if at < 0 {
		return w
	}
	colon := strings.IndexByte(w[:at], ':')
	if colon < 0 || colon+1 >= at || strings.HasPrefix(w[colon:], "://") || strings.IndexByte(w[:colon], '/') >= 0 ||
		strings.EqualFold(w[:colon], "mailto") {
		return w
	}
	return w[:colon+1] + Mark + w[at:]
}

// passwordEnd returns where the @ after a password stands in a word, or -1. A
// digest of an image (name:tag@sha256:…) has no password.
func passwordEnd(w string) int {
	last := -1
	slash := indexAny(w, "/")
	for i := 0; i < len(w); i++ {
		if w[i] != '@' || strings.HasPrefix(w[i:], "@sha256:") || strings.HasPrefix(w[i:], "@sha512:") {
			continue
		}
		network := w[i+1:]
		n := 0
		for n < len(network) && classOf(network[n]) != other {
			n++
		}
		isDSN := n < len(network) && network[n] == '(' || strings.HasPrefix(network, "/")
		// Only in front of network(address) may a password hold slashes.
		if isDSN || i < slash {
			last = i
		}
	}
	return last
}
