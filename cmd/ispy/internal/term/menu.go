package term

import (
	"fmt"
	"strings"

	"github.com/rivo/uniseg"

	"github.com/ispyd/ispyd/cmd/ispy/internal/complete"
)

// menu is a list of candidates as it is shown: with docs one a row, else in
// columns.
type menu struct {
	candidates    []complete.Candidate
	note          string
	selected      int // -1 for none
	columns, rows int
	color         bool
}

// newline is how the terminal is told to go on to the next row while it is raw.
const newline = "\r\n"

func (m menu) String() string {
	m.rows, m.columns = max(m.rows, 2), max(m.columns, 8)
	var wide int
	docs := false
	for _, c := range m.candidates {
		wide = max(wide, uniseg.StringWidth(c.Display))
		docs = docs || c.Doc != ""
	}
	across := 1
	if !docs {
		wide = min(wide, m.columns-2)
		across = max(m.columns/(wide+2), 1)
	} else {
		wide = min(wide, max(m.columns*2/3, 8))
	}
	down := (len(m.candidates) + across - 1) / across
	first, shown := 0, down
	if shown > m.rows-1 {
		shown = m.rows - 1
		if m.selected >= 0 {
			first = min(max(m.selected%down-shown/2, 0), down-shown)
		}
	}
	var rows []string
	for row := first; row < first+shown; row++ {
		var b strings.Builder
		for i := row; i < len(m.candidates); i += down {
			b.WriteString(m.cell(i, wide))
		}
		rows = append(rows, strings.TrimRight(b.String(), " "))
	}
	note := m.note
	if hidden := len(m.candidates) - shown*across; hidden > 0 {
		note = strings.TrimSuffix(fmt.Sprintf("%d of %d shown; %s", shown*across, len(m.candidates), note), "; ")
	}
	if note != "" {
		rows = append(rows, m.faint(fit(note, m.columns)))
	}
	return strings.Join(rows, newline)
}

func (m menu) cell(i, wide int) string {
	c := m.candidates[i]
	name := fit(c.Display, wide)
	pad := strings.Repeat(" ", wide-uniseg.StringWidth(name)+2)
	if i == m.selected {
		name = "\x1b[7m" + name + "\x1b[27m"
	}
	return name + pad + m.faint(fit(c.Doc, m.columns-wide-2))
}

func (m menu) faint(text string) string {
	if text == "" || !m.color {
		return text
	}
	return "\x1b[2m" + text + "\x1b[0m"
}

// fit cuts the text to a number of columns.
func fit(text string, columns int) string {
	if uniseg.StringWidth(text) <= columns {
		return text
	}
	if columns < 1 {
		return ""
	}
	var b strings.Builder
	left := columns - 1
	for g := uniseg.NewGraphemes(text); g.Next() && g.Width() <= left; left -= g.Width() {
		b.WriteString(g.Str())
	}
	return b.String() + "…"
}
