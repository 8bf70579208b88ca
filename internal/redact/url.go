package redact

import (
	"net/url"
	"strings"
)

// URL returns the URL as it may be shown: the password of its userinfo, and
// the values of its query, fragment and matrix parameters whose names are
// secret, are replaced by [Mark]. Everything else stays byte for byte. A URL
// that no parser takes, as one whose password holds a slash, loses all that
// could be part of the password. A string that is no absolute URL is taken for
// a path and a query, as in a request line.
func (r *Redactor) URL(s string) string {
	if r.isOff() {
		return s
	}
	start, end, ok := findScheme(s, 0)
	if !ok || strings.ContainsAny(s[:start], "/?#") {
		start, end = 0, 0 // it stands in a parameter
	}
	var b strings.Builder
	u := urlRedactor{r: r, out: &b, s: s, lastAt: strings.LastIndexByte(s, '@')}
	u.run(start, end)
	return b.String()
}

// target hides what [Redactor.URL] hides in a text that is a path and query, or has
// one, and else what urls does.
func (r *Redactor) target(text string) string {
	before := text
	if start, _, ok := findScheme(text, 0); ok {
		before = text[:start]
	}
	if strings.HasPrefix(before, "/") || strings.IndexByte(before, '?') >= 0 {
		return r.URL(text)
	}
	return r.urls(text)
}

// urls hides what [Redactor.URL] hides in every URL of a text.
func (r *Redactor) urls(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	var b strings.Builder
	for pos := 0; ; {
		start, end, ok := findScheme(text, pos)
		if !ok {
			b.WriteString(text[pos:])
			return b.String()
		}
		stop := end + indexAny(text[end:], " \t\r\n\"'`<>")
		if start > 0 && text[start-1] == '"' && (start < 2 || text[start-2] != '\\') {
			stop = max(stop, closing(text, end))
		}
		if malformed(text[end:stop]) {
			// A password may hold what ends a URL: all up to the last @ of
			// the line can be this one's.
			line := end + indexAny(text[end:], "\r\n")
			if at := strings.LastIndexByte(text[:line], '@'); at >= stop {
				stop = at + indexAny(text[at:line], " \t")
			}
		}
		b.WriteString(text[pos:start])
		u := urlRedactor{r: r, out: &b, s: text[start:stop]}
		u.lastAt = strings.LastIndexByte(u.s, '@')
		u.run(0, end-start)
		pos = stop
	}
}

// closing returns where the quote stands that ends what is in quotes at text[pos:], 0
// where none does in this line.
func closing(text string, pos int) int {
	for ; pos < len(text); pos++ {
		switch text[pos] {
		case '\\':
			pos++
		case '"':
			return pos
		case '\r', '\n':
			return 0
		}
	}
	return 0
}

// findScheme finds the next "name://" in s from pos on: where it starts and ends.
func findScheme(s string, pos int) (start, end int, ok bool) {
	for {
		i := strings.Index(s[pos:], "://")
		if i < 0 {
			return 0, 0, false
		}
		i += pos
		start = i
		for start > pos && isSchemeByte(s[start-1]) {
			start--
		}
		pos = i + len("://")
		if start < i {
			return start, pos, true
		}
	}
}

func isSchemeByte(c byte) bool {
	return c < 0x80 && classOf(c) != other || c == '+' || c == '-' || c == '.'
}

// urlRedactor writes one URL, and the URLs in its parameters, redacted.
type urlRedactor struct {
	r      *Redactor
	out    *strings.Builder
	s      string
	lastAt int  // where the last @ of s is, or -1
	pos    int  // s[:pos] is written
	answer bool // it may be one of OAuth
}

// run redacts s, whose scheme is s[start:end]; none where they are equal.
func (u *urlRedactor) run(start, end int) {
	u.copyTo(end)
	if end > start {
		u.host(start)
	}
	query := false
	u.answer = strings.Contains(u.s, "state=")
	for u.pos < len(u.s) {
		next := u.pos + indexAny(u.s[u.pos:], "/?&;#")
		if name, value, ok := strings.Cut(u.s[u.pos:next], "="); ok && (u.secret(name, value) || query && u.handsOver(name, value)) {
			u.copyTo(u.pos + len(name) + 1)
			// In a query only & ends a value for certain, before it only
			// what ends a part of the path.
			ends := "&"
			if !query {
				ends = "/?#"
			}
			u.hideTo(u.pos + indexAny(u.s[u.pos:], ends))
		} else {
			nested := strings.HasPrefix(u.s[next:], "//") && next > u.pos && u.s[next-1] == ':'
			u.copyTo(next)
			if nested {
				u.copyTo(next + len("//"))
				u.host(strings.LastIndexAny(u.s[:next-1], "/?&;#=") + 1)
			}
		}
		if u.pos < len(u.s) {
			query = query || u.s[u.pos] == '?' || u.s[u.pos] == '#'
			u.copyTo(u.pos + 1)
		}
	}
}

func (u *urlRedactor) copyTo(end int) {
	u.out.WriteString(u.s[u.pos:end])
	u.pos = end
}

func (u *urlRedactor) hideTo(end int) {
	if end > u.pos {
		u.out.WriteString(Mark)
	}
	u.pos = end
}

// secret reports whether a parameter's value is hidden: its name says so, or
// it is itself a URL with a secret in it.
func (u *urlRedactor) secret(name, value string) bool {
	if u.r.Name(unescape(name)) {
		return true
	}
	if strings.IndexByte(value, '%') < 0 {
		return false
	}
	value = unescape(value)
	return u.r.urls(value) != value
}

// handsOver reports whether a parameter of a query is what OAuth, SAML and CAS hand
// over for a token. A code that is short, and no part of an answer of OAuth, is that of a
// country or the like.
func (u *urlRedactor) handsOver(name, value string) bool {
	switch strings.ToLower(unescape(name)) {
	case "code", "ticket":
		return len(value) >= 8 || value != "" && u.answer
	case "code_verifier", "device_code", "user_code", "assertion", "client_assertion", "samlresponse", "samlrequest":
		return value != ""
	}
	return false
}

// longestPath bounds how far a password's end is looked for in a path.
const longestPath = 1024

// host redacts the userinfo of the URL whose scheme, from s[scheme:] on, was
// just written.
func (u *urlRedactor) host(scheme int) {
	rest := u.s[u.pos:]
	web := isWeb(u.s[scheme:u.pos])
	authority := rest[:indexAny(rest, "/?#")]
	at := strings.LastIndexByte(authority, '@')
	switch {
	case malformed(rest):
		// The first / ? # is the password's, and so may be all up to the
		// last @.
		at = max(at, u.lastAt-u.pos)
	case at < 0 && !web && strings.IndexByte(authority, ':') >= 0:
		// What looks like a port may be the begin of a password with a slash.
		path := rest[:min(len(rest), longestPath)]
		at = strings.LastIndexByte(path[:indexAny(path, "?")], '@')
	}
	if at < 0 {
		return
	}
	user, password, ok := strings.Cut(rest[:at], ":")
	switch {
	case web && user != "" && (password == "" || password == "x-oauth-basic"):
		// On the web a name alone is a token; elsewhere (ssh) it is a name.
		u.hideTo(u.pos + at)
	case ok:
		u.copyTo(u.pos + len(user) + 1)
		u.hideTo(u.pos + len(password))
	}
	u.copyTo(u.pos + indexAny(u.s[u.pos:], "/?#"))
}

func isWeb(scheme string) bool {
	switch strings.ToLower(scheme) {
	case "http://", "https://", "ws://", "wss://":
		return true
	}
	return false
}

// malformed reports whether the host of what follows a URL's scheme cannot be
// one, as its port is no number.
func malformed(rest string) bool {
	rest = rest[:indexAny(rest, "/?#")]
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	// Lists of hosts (MongoDB, Kafka) and addresses in brackets are hosts.
	for host := range strings.SplitSeq(rest, ",") {
		host = host[strings.LastIndexByte(host, ']')+1:]
		_, port, _ := strings.Cut(host, ":")
		for _, c := range []byte(port) {
			if classOf(c) != digit && c != '*' {
				return true
			}
		}
	}
	return false
}

func unescape(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}
