// Package rendezvous says where programs and their clients meet: it turns the
// address pattern of the configuration into the one address a program listens
// on, and back into the sockets a client may find.
//
// An address that begins with a slash is the path of a unix socket; anything
// else is host:port. In the path of a socket %(pid)s stands for the program's
// process id, %(hostname)s for the name of its host, and %% for a percent sign.
package rendezvous

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrAddress is what every complaint about an address or a pattern is.
var ErrAddress = errors.New("bad address")

// addressError is a text for the person over ErrAddress.
type addressError string

func (e addressError) Error() string        { return string(e) }
func (e addressError) Is(target error) bool { return target == ErrAddress }

func badAddress(format string, args ...any) error {
	return addressError(fmt.Sprintf(format, args...))
}

// Pattern is an address that may hold placeholders.
type Pattern struct {
	text    string
	network string
	parts   []part

	// Of a socket's path only:
	match    *regexp.Regexp
	segments []segment
}

// part is literal text, or a placeholder.
type part struct {
	literal     string
	placeholder string // "pid", "hostname" or ""
}

// segment is one name of a path: literal, or where it holds placeholders, what
// matches it.
type segment struct {
	literal string
	match   *regexp.Regexp
}

// placeholders are the names that %(…)s may hold, and what they match.
var placeholders = map[string]string{
	"pid":      `([1-9][0-9]*)`,
	"hostname": `([^/]+)`,
}

// Parse checks the pattern. A host:port address holds no placeholders, for
// clients could not look for it.
func Parse(text string) (Pattern, error) {
	if !utf8.ValidString(text) {
		return Pattern{}, badAddress("%q is not UTF-8", text)
	}
	p := Pattern{text: text}
	if err := p.split(text); err != nil {
		return Pattern{}, err
	}
	whole := p.join(func(name string) string { return name })
	network, err := Network(whole)
	if err != nil {
		return Pattern{}, err
	}
	p.network = network
	if network == "tcp" && !p.Fixed() {
		return Pattern{}, badAddress("%s: only the path of a socket may hold placeholders: clients look for files, not for ports", text)
	}
	if network == "unix" {
		p.match = compile(p.parts)
		p.segments = segments(p.parts)
	}
	return p, nil
}

// compile makes the expression that matches the parts, a group for each
// placeholder.
func compile(parts []part) *regexp.Regexp {
	var expr strings.Builder
	for _, part := range parts {
		if part.placeholder != "" {
			expr.WriteString(placeholders[part.placeholder])
		} else {
			expr.WriteString(regexp.QuoteMeta(part.literal))
		}
	}
	return regexp.MustCompile(`^(?s:` + expr.String() + `)$`)
}

// segments cuts the parts of an absolute path at its slashes.
func segments(parts []part) []segment {
	names := [][]part{nil}
	for _, pt := range parts {
		if pt.placeholder != "" {
			names[len(names)-1] = append(names[len(names)-1], pt)
			continue
		}
		for i, text := range strings.Split(pt.literal, "/") {
			if i > 0 {
				names = append(names, nil)
			}
			if text != "" {
				names[len(names)-1] = append(names[len(names)-1], part{literal: text})
			}
		}
	}
	var segs []segment
	for _, name := range names[1:] { // nothing stands before the first slash
		if len(name) == 1 && name[0].placeholder == "" {
			segs = append(segs, segment{literal: name[0].literal})
		} else {
			segs = append(segs, segment{match: compile(name)})
		}
	}
	return segs
}

// split cuts the text into parts and undoes %%. Paths are cleaned on the way,
// so that what Glob builds equals what Expand gave.
func (p *Pattern) split(text string) error {
	if strings.HasPrefix(text, "/") {
		text = path.Clean(text)
	}
	literal := ""
	flush := func() {
		if literal != "" {
			p.parts = append(p.parts, part{literal: literal})
		}
		literal = ""
	}
	for rest := text; rest != ""; {
		before, after, found := strings.Cut(rest, "%")
		literal += before
		if !found {
			break
		}
		switch {
		case strings.HasPrefix(after, "%"):
			literal += "%"
			rest = after[1:]
		case strings.HasPrefix(after, "("):
			name, tail, closed := strings.Cut(after[1:], ")s")
			if !closed {
				return badAddress("%s: %%( without its )s; there are %%(pid)s and %%(hostname)s", text)
			}
			if placeholders[name] == "" {
				return badAddress("%s: there is no %%(%s)s; there are %%(pid)s and %%(hostname)s", text, name)
			}
			flush()
			p.parts = append(p.parts, part{placeholder: name})
			rest = tail
		default:
			return badAddress("%s: a single %%; there are %%(pid)s and %%(hostname)s, and %%%% is a percent sign", text)
		}
	}
	flush()
	return nil
}

func (p Pattern) join(value func(placeholder string) string) string {
	var b strings.Builder
	for _, part := range p.parts {
		if part.placeholder != "" {
			b.WriteString(value(part.placeholder))
		} else {
			b.WriteString(part.literal)
		}
	}
	return b.String()
}

// String is the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Network is "unix" or "tcp".
func (p Pattern) Network() string { return p.network }

// Fixed says that the pattern holds no placeholder: it is one address.
func (p Pattern) Fixed() bool {
	return !slices.ContainsFunc(p.parts, func(part part) bool { return part.placeholder != "" })
}

// Has says whether the pattern holds the placeholder, "pid" or "hostname".
func (p Pattern) Has(placeholder string) bool {
	return slices.ContainsFunc(p.parts, func(part part) bool { return part.placeholder == placeholder })
}

// Expand returns the address of the process pid on the host hostname. It
// checks the length of a socket's path (see [CheckPath]).
func (p Pattern) Expand(pid int, hostname string) (string, error) {
	if p.Has("pid") && pid <= 0 {
		return "", badAddress("%s: %d is no process id", p.text, pid)
	}
	if p.Has("hostname") && (hostname == "" || hostname == "." || hostname == ".." || strings.ContainsAny(hostname, "/\x00")) {
		return "", badAddress("%s: the host name %q cannot be part of a path", p.text, hostname)
	}
	addr := p.join(func(name string) string {
		if name == "pid" {
			return strconv.Itoa(pid)
		}
		return hostname
	})
	if p.network == "unix" {
		if err := CheckPath(addr); err != nil {
			return "", err
		}
	}
	return addr, nil
}

// Expand is Parse and [Pattern.Expand] in one.
func Expand(pattern string, pid int, hostname string) (string, error) {
	p, err := Parse(pattern)
	if err != nil {
		return "", err
	}
	return p.Expand(pid, hostname)
}

// Found is a socket that fits a pattern.
type Found struct {
	// Path is the socket's path as the pattern's owner sees it, without the
	// root that Glob was given.
	Path string
	// PID is what stands in the path for %(pid)s, 0 where the pattern has
	// none. In a container it is the pid there, not here.
	PID int
	// Hostname is what stands in the path for %(hostname)s, or "".
	Hostname string
}

// Match takes pid and host name out of the path of a socket. It reports false
// where the path does not fit the pattern.
func (p Pattern) Match(path string) (Found, bool) {
	if p.match == nil {
		return Found{}, false
	}
	m := p.match.FindStringSubmatch(path)
	if m == nil {
		return Found{}, false
	}
	found := Found{Path: path}
	i := 0
	for _, part := range p.parts {
		if part.placeholder == "" {
			continue
		}
		i++
		switch part.placeholder {
		case "pid":
			pid, err := strconv.Atoi(m[i])
			if err != nil || found.PID != 0 && found.PID != pid {
				return Found{}, false
			}
			found.PID = pid
		case "hostname":
			if found.Hostname != "" && found.Hostname != m[i] {
				return Found{}, false
			}
			found.Hostname = m[i]
		}
	}
	return found, true
}
