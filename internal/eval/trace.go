package eval

import (
	"errors"
	"fmt"
	"go/token"
	"strings"
)

// spot is where a function of the session is, or was when it panicked.
type spot struct {
	fn  *function // nil outside of functions
	pos token.Pos
}

// maxTrace is how many places of a traceback are shown.
const maxTrace = 10

// traceback is where a thread is, innermost first.
func (th *thread) traceback() (l []spot) {
	if inner := th.ev.inner.Swap(nil); inner != nil {
		l = *inner
	}
	for f := th.top; f != nil; f = f.up {
		l = append(l, spot{f.fn, f.pos})
	}
	return l
}

// note keeps where a panic began, before what is deferred runs.
func (th *thread) note() {
	if th.trace == nil {
		th.trace = th.traceback()
	}
}

// source is the text of a request, of whose functions errors tell the place.
type source struct {
	base token.Pos
	text string
}

// maxSources is how many bytes of requests are kept for that.
const maxSources = 1 << 20

func (s *Session) keepSource(r *request) {
	s.sources = append(s.sources, source{r.base, r.src})
	s.kept += len(r.src)
	for s.kept > maxSources && len(s.sources) > 1 {
		s.kept -= len(s.sources[0].text)
		s.sources = s.sources[1:]
	}
}

// where is a traceback as the end of an error: the place on the same line, those that
// called on lines of their own.
func (s *Session) where(l []spot) string {
	var b strings.Builder
	lead := ", at "
	for i, p := range l {
		if skip := len(l) - maxTrace; skip > 0 && i >= maxTrace/2 && i <= maxTrace/2+skip {
			if i == maxTrace/2 {
				fmt.Fprintf(&b, "\n\t… %d more", skip+1)
			}
			continue
		}
		if text := s.placeText(p, i == len(l)-1); text != "" {
			b.WriteString(lead + text)
			lead = "\n\tcalled at "
		}
	}
	return b.String()
}

func (s *Session) placeText(p spot, last bool) string {
	name := ""
	if p.fn != nil {
		name = " in " + p.fn.name
	}
	for i := len(s.sources) - 1; i >= 0; i-- {
		src := s.sources[i]
		if p.pos < src.base || p.pos > src.base+token.Pos(len(src.text)) {
			continue
		}
		e := at(src.text, int(p.pos-src.base), "")
		text := fmt.Sprintf("%d:%d%s", e.Line, e.Column, name)
		if i < len(s.sources)-1 {
			text += " of an earlier request"
		}
		return text
	}
	if name == "" {
		return ""
	}
	return strings.TrimPrefix(name, " in ") + ", whose text is not kept"
}

// placed is an error that says where.
type placed struct {
	error
	where string
}

func (e *placed) Error() string { return e.error.Error() + e.where }
func (e *placed) Unwrap() error { return e.error }

// place adds to the error of a thread where it happened.
func (s *Session) place(th *thread, err error) error {
	if err == nil || errors.Is(err, errQuit) {
		return err
	}
	th.note()
	where := s.where(th.trace)
	if p, ok := err.(*PanicError); ok {
		p.text += where
		return p
	}
	return &placed{err, where}
}
