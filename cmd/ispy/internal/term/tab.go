package term

import (
	"github.com/ispyd/ispyd/cmd/ispy/internal/complete"
)

// tab completes. The first Tab inserts what is certain and lists what there is; the
// next ones go through the list. The library's own menu is not used: it matches
// beginnings only, counts bytes for characters, and styles what it shows.
type tab struct {
	s *screen

	result complete.Result
	start  int // of what is replaced, in characters
	index  int // of the candidate that is in the line, -1 for none
	text   string
	cursor int
}

func newTab(s *screen) *tab {
	t := &tab{s: s}
	s.bind(`\C-i`, "ispy-complete", func() { t.press(1) })
	s.bind(`\e[Z`, "ispy-complete-backward", func() { t.press(-1) })
	return t
}

func (t *tab) press(step int) {
	rl := t.s.rl
	text, cursor := string(*rl.Line()), rl.Cursor().Pos()
	n := len(t.result.Candidates)
	if t.listing(text, cursor) {
		switch {
		case t.index < 0 && step < 0:
			t.index = n - 1
		default:
			t.index = (t.index + step + n) % n
		}
		t.insert(t.result.Candidates[t.index].Value)
		t.list()
		return
	}
	runes := []rune(text)
	before := string(runes[:min(cursor, len(runes))])
	t.result = t.s.opts.Complete(text, len(before))
	t.start = len([]rune(text[:min(t.result.Start, len(before))]))
	t.index = -1
	switch c := t.result.Candidates; len(c) {
	case 0:
		t.remember()
	case 1:
		value := c[0].Value
		if !c[0].Dir && (cursor >= len(runes) || runes[cursor] != ' ') {
			value += " "
		}
		t.insert(value)
	default:
		if t.result.Common != "" {
			t.insert(t.result.Common)
		} else {
			t.remember()
		}
		t.list()
		return
	}
	if t.result.Note != "" {
		rl.Hint.Set(t.s.dim(fit(t.result.Note, columns()-1)))
	}
}

// insert replaces what stands before the cursor.
func (t *tab) insert(value string) {
	line, cursor := t.s.rl.Line(), t.s.rl.Cursor()
	t.s.rl.History.Save()
	line.Cut(t.start, cursor.Pos())
	cursor.Set(t.start)
	cursor.InsertAt([]rune(value)...)
	t.remember()
}

func (t *tab) remember() {
	t.text, t.cursor = string(*t.s.rl.Line()), t.s.rl.Cursor().Pos()
}

// listing says that the list is shown below that line.
func (t *tab) listing(text string, cursor int) bool {
	return len(t.result.Candidates) > 1 && text == t.text && cursor == t.cursor
}

// list shows the candidates below the line, for as long as nothing is typed.
func (t *tab) list() {
	w, h := size()
	rows := h - 3 - len([]rune(t.s.prompt+t.text))/w - t.s.rl.Line().Lines()
	t.s.rl.Hint.Set(menu{candidates: t.result.Candidates, note: t.result.Note, selected: t.index, columns: w - 1, rows: rows, color: t.s.color}.String())
}
