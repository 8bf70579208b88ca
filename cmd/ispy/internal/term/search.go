package term

import (
	"errors"
	"regexp"
)

// searched is the history as the library sees it. A search of the library lists as
// many lines as the terminal has rows, so that what is searched for scrolls off the
// screen: it is given fewer.
type searched struct {
	*history
	s        *screen
	starting bool
	found    int
	pattern  *regexp.Regexp
}

func newSearched(s *screen, hist *history) *searched {
	h := &searched{history: hist, s: s}
	search := s.rl.Keymap.Commands()["reverse-search-history"]
	s.bind(`\C-r`, "ispy-search-history", func() {
		h.starting = true
		defer func() { h.starting = false }()
		search()
	})
	return h
}

var errEnough = errors.New("enough lines")

// GetLine returns the nth line, unless it is for a search that has found enough.
func (h *searched) GetLine(n int) (string, error) {
	line, err := h.history.GetLine(n)
	if err != nil || !h.starting && h.s.rl.Keymap.Local() != "isearch" {
		return line, err
	}
	if n == h.Len()-1 { // where a search begins
		h.found, h.pattern = 0, nil
		if !h.starting {
			h.pattern, _ = regexp.Compile("(?i)" + string(*h.s.rl.Line()))
		}
	}
	if h.pattern != nil && !h.pattern.MatchString(line) {
		return line, nil
	}
	_, rows := size()
	if h.found++; h.found > max(rows/2, 3) {
		return "", errEnough
	}
	return line, nil
}
