package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// longestLine is the most bytes of a line that grep takes.
const longestLine = 4 << 20

// errDone ends the reading of a file of which no more need be known.
var errDone = errors.New("done")

// search looks for lines in a file, writes what is asked for, and says whether
// there were any.
func (g *grepper) search(ctx context.Context, f found, out io.Writer) (bool, error) {
	in, err := g.Open(ctx, f.path)
	if err != nil {
		return false, err
	}
	defer in.Close()
	s := &search{grepper: g, name: shown(g.Call, f.name), out: out}
	if f.name == "-" {
		s.name = "(standard input)"
	}
	if _, err = in.WriteTo(s); err == nil {
		err = s.end()
	}
	if err == nil || err == errDone {
		err = s.sum()
	}
	return s.lines > 0, err
}

// search is the reading of one file: what is written to it is looked through.
type search struct {
	*grepper
	name   string
	out    io.Writer
	buf    []byte
	rest   []byte // of a line that has no end yet
	number int    // of lines
	lines  int    // that fit
	begun  bool
	binary bool
	around
}

func (s *search) Write(p []byte) (int, error) {
	n := len(p)
	if !s.begun {
		s.begun = true
		s.binary = !s.text && bytes.IndexByte(p[:min(n, firstBlock)], 0) >= 0
	}
	if len(s.rest) > 0 {
		i := bytes.IndexByte(p, '\n') + 1
		if i == 0 {
			return n, s.keep(p)
		}
		if err := s.keep(p[:i-1]); err != nil {
			return 0, err
		}
		if err := s.line(s.rest); err != nil {
			return 0, err
		}
		s.rest, p = s.rest[:0], p[i:]
	}
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			return n, s.keep(p)
		}
		if err := s.line(p[:i]); err != nil {
			return 0, err
		}
		p = p[i+1:]
	}
}

func (s *search) keep(p []byte) error {
	if len(s.rest)+len(p) > longestLine {
		return fmt.Errorf("%s: line %d has more than %d MiB", s.name, s.number+1, longestLine>>20)
	}
	s.rest = append(s.rest, p...)
	return nil
}

// end is the end of the file, whose last line may have none.
func (s *search) end() error {
	if len(s.rest) == 0 {
		return nil
	}
	return s.line(s.rest)
}

// line looks at one line. errDone says that the rest does not matter.
func (s *search) line(line []byte) error {
	s.number++
	if s.re.Match(line) == s.invert {
		return s.beside(line)
	}
	s.lines++
	switch {
	case s.list || s.quiet:
		return errDone
	case s.count:
		return nil
	case s.binary:
		_, err := fmt.Fprintf(s.out, "%s: binary file matches; -a shows the lines\n", s.name)
		if err == nil {
			err = errDone
		}
		return err
	}
	if s.only {
		return s.parts(line)
	}
	if err := s.lead(); err != nil {
		return err
	}
	return s.print(line)
}

// print prints a line that fits.
func (s *search) print(line []byte) error {
	s.buf = s.prefix(s.buf[:0], s.number, ':')
	if s.colour() && !s.invert {
		s.buf = s.marked(s.buf, line)
	} else {
		s.buf = append(s.buf, line...)
	}
	_, err := s.out.Write(append(s.buf, '\n'))
	return err
}

// parts prints what fits of a line.
func (s *search) parts(line []byte) error {
	s.buf = s.buf[:0]
	if s.invert {
		return nil
	}
	for _, m := range s.re.FindAllIndex(line, -1) {
		if m[0] < m[1] {
			s.buf = append(s.paint(s.prefix(s.buf, s.number, ':'), bold, line[m[0]:m[1]]), '\n')
		}
	}
	_, err := s.out.Write(s.buf)
	return err
}

// sum prints what there is to say of a file as a whole.
func (s *search) sum() error {
	s.buf = s.buf[:0]
	switch {
	case s.quiet:
	case s.list && s.lines > 0:
		s.buf = append(s.paint(s.buf, magenta, []byte(s.name)), '\n')
	case s.list:
	case s.count:
		s.buf = append(strconv.AppendInt(s.label(s.buf, ':'), int64(s.lines), 10), '\n')
	}
	_, err := s.out.Write(s.buf)
	return err
}
