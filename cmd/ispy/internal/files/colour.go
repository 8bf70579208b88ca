package files

import "strconv"

// The colours, those of grep.
const (
	bold    = "1;31"
	magenta = "35"
	green   = "32"
)

func (s *search) colour() bool { return s.Terminal != nil && s.Terminal.Color }

func (s *search) paint(b []byte, colour string, text []byte) []byte {
	if !s.colour() {
		return append(b, text...)
	}
	b = append(append(append(b, "\x1b["...), colour...), 'm')
	return append(append(b, text...), "\x1b[m"...)
}

// marked appends a line with what fits in it marked.
func (s *search) marked(b, line []byte) []byte {
	at := 0
	for _, m := range s.re.FindAllIndex(line, -1) {
		if m[0] < m[1] {
			b = s.paint(append(b, line[at:m[0]]...), bold, line[m[0]:m[1]])
			at = m[1]
		}
	}
	return append(b, line[at:]...)
}

// label appends the name that stands before what is found in a file.
func (s *search) label(b []byte, end byte) []byte {
	if s.with {
		b = append(s.paint(b, magenta, []byte(s.name)), end)
	}
	return b
}

// prefix appends what stands before a line.
func (s *search) prefix(b []byte, number int, end byte) []byte {
	b = s.label(b, end)
	if s.grepOptions.number {
		b = append(s.paint(b, green, strconv.AppendInt(nil, int64(number), 10)), end)
	}
	return b
}
