package client

import (
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hugelgupf/p9/linux"
	"github.com/hugelgupf/p9/p9"
)

// The root's file errors lists the operations that failed at the server, with
// the text that 9P has no room for, oldest first, a line each:
//
//	TIME<tab>OP<tab>PATH<tab>RESULT<tab>UID<tab>PID<tab>TEXT
const errorsFile = "errors"

const (
	// explainWithin bounds the search for a text.
	explainWithin = time.Second
	// explainTail is how much of the end of the list is looked at.
	explainTail = 64 << 10
)

// Explain returns err, the error of a file that is not there, with what the server
// has to say about its name, if it has. Reading that is not worth it for each of
// these errors, which are common.
func (c *Conn) Explain(ctx context.Context, err error) error { return c.explain(ctx, err) }

// explain gives a failed operation the server's own text, if it is found in the
// server's list of errors. Whatever goes wrong with that, err stays what it is.
func (c *Conn) explain(ctx context.Context, err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || !e.remote || c.silent.Load() || ctx.Err() != nil {
		return err
	}
	op := newWithin(ctx, min(explainWithin, c.opts.Timeout))
	s, serr := c.session(op)
	if serr != nil {
		return err
	}
	list, lerr := s.tail(op, errorsFile, explainTail)
	if errors.Is(lerr, linux.ENOENT) {
		c.silent.Store(true) // another kind of server
	}
	if text := findText(list, e, os.Getpid()); text != "" {
		explained := *e
		explained.Text = text
		return &explained
	}
	return err
}

// tail reads the last bytes of a file in the root, most at most.
func (s *session) tail(op within, name string, most int) (string, error) {
	w, err := s.walk(op, []string{name})
	if err != nil {
		return "", err
	}
	defer s.clunk(w.file)
	if err := s.do(op, func() error { _, _, err := w.file.Open(p9.ReadOnly); return err }); err != nil {
		return "", err
	}
	if err := s.getattr(op, &w); err != nil {
		return "", err
	}
	off := max(0, int64(min(w.attr.Size, 1<<62))-int64(most))
	var text []byte
	for len(text) < most {
		p := make([]byte, min(most-len(text), s.payload()))
		var n int
		err := s.do(op, func() (err error) {
			n, err = w.file.ReadAt(p, off+int64(len(text)))
			return err
		})
		text = append(text, p[:min(n, len(p))]...)
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", err
		}
	}
	return string(text), nil
}

// recordedAs are the operations that a record may name for one of ours.
var recordedAs = map[string][]string{
	"open":  {"open", "walk"},
	"list":  {"list", "open", "walk"},
	"stat":  {"walk"},
	"read":  {"read"},
	"write": {"write"},
}

// findText returns the text of the newest record in list that fits the failure
// e of the process pid.
func findText(list string, e *Error, pid int) string {
	want := strings.Trim(e.Path, "/")
	lines := strings.Split(list, "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		f := strings.SplitN(lines[i], "\t", 7)
		if len(f) != 7 || !sameErrno(f[3], e.Errno) {
			continue
		}
		// A walk may have failed on its way.
		if at := strings.Trim(unescape(f[2]), "/"); at != want && (f[1] != "walk" || !strings.HasPrefix(want, at+"/")) {
			continue
		}
		// A server in another pid namespace does not know our pid: 0 or -1.
		if p, err := strconv.Atoi(f[5]); err != nil || p > 0 && p != pid {
			continue
		}
		for _, op := range recordedAs[e.Op] {
			if f[1] == op {
				return printable(unescape(f[6]))
			}
		}
	}
	return ""
}

func sameErrno(name string, e syscall.Errno) bool {
	if name == "ENOTSUP" {
		name = "EOPNOTSUPP"
	}
	return name == errnoName(e)
}

// unescape undoes \t, \n, \r, \\ and \xNN, as records have them.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 't':
			b.WriteByte('\t')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case '\\':
			b.WriteByte('\\')
		case 'x':
			if n, err := strconv.ParseUint(s[min(i+1, len(s)):min(i+3, len(s))], 16, 8); err == nil && i+2 < len(s) {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
			fallthrough
		default:
			b.WriteByte('\\')
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// printable is a text from a server, fit for a terminal: control characters but
// newline and tab are escaped, and it is not endless.
func printable(s string) string {
	if len(s) > maxText {
		s = s[:maxText] + "..."
	}
	if strings.IndexFunc(s, isControl) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if isControl(r) {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isControl(r rune) bool {
	return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0
}
