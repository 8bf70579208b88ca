package files

import (
	"bytes"
	"io"
)

// mostBefore is the most lines that grep -B keeps.
const mostBefore = 1000

// around is what grep -A and -B need to know between lines.
type around struct {
	kept [][]byte // the lines just before, oldest first
	left int      // how many lines after one that fits are still to come
	last int      // the number of the line printed last
}

// beside takes a line that does not fit: it may stand near one that does.
func (s *search) beside(line []byte) error {
	switch {
	case s.list || s.quiet || s.count || s.only || s.binary:
	case s.left > 0:
		s.left--
		return s.near(line, s.number)
	case s.before > 0:
		if len(s.kept) == s.before {
			s.kept = append(s.kept[:0], s.kept[1:]...)
		}
		s.kept = append(s.kept, bytes.Clone(line))
	}
	return nil
}

// lead prints what stands before a line that fits: the lines kept, and a mark
// where some between this group and the last are left out.
func (s *search) lead() error {
	if s.before == 0 && s.after == 0 {
		return nil
	}
	if s.last > 0 && s.number-len(s.kept) > s.last+1 {
		if _, err := io.WriteString(s.out, "--\n"); err != nil {
			return err
		}
	}
	for i, line := range s.kept {
		if err := s.near(line, s.number-len(s.kept)+i); err != nil {
			return err
		}
	}
	s.kept, s.left, s.last = s.kept[:0], s.after, s.number
	return nil
}

func (s *search) near(line []byte, number int) error {
	s.last = number
	s.buf = append(append(s.prefix(s.buf[:0], number, '-'), line...), '\n')
	_, err := s.out.Write(s.buf)
	return err
}
