package files

import (
	"io"
	"strings"
	"unicode/utf8"
)

// label is a name in a list.
type label struct {
	text string
	bold bool
}

func (l label) String() string {
	if l.bold {
		return "\x1b[1;34m" + l.text + "\x1b[m"
	}
	return l.text
}

// gap is how far columns are apart.
const gap = 2

// columns prints the names in as many columns as fit into the width, down and then
// across.
func columns(out io.Writer, names []label, width int) {
	lens := make([]int, len(names))
	shortest := width
	for i, n := range names {
		lens[i] = utf8.RuneCountInString(n.text)
		shortest = min(shortest, lens[i])
	}
	lines, widths := len(names), []int(nil)
	for n := min(len(names), width/(shortest+gap)+1); n > 1; n-- {
		l := (len(names) + n - 1) / n
		if w, ok := fit(lens, l, width); ok {
			lines, widths = l, w
			break
		}
	}
	var line strings.Builder
	for i := range lines {
		line.Reset()
		for col, j := 0, i; j < len(names); col, j = col+1, j+lines {
			line.WriteString(names[j].String())
			if j+lines < len(names) {
				line.WriteString(strings.Repeat(" ", widths[col]-lens[j]))
			}
		}
		line.WriteByte('\n')
		io.WriteString(out, line.String())
	}
}

// fit returns the widths of the columns of so many lines, gaps included, and
// whether they fit.
func fit(lens []int, lines, width int) ([]int, bool) {
	var widths []int
	total := -gap
	for at := 0; at < len(lens); at += lines {
		w := 0
		for _, n := range lens[at:min(at+lines, len(lens))] {
			w = max(w, n)
		}
		total += w + gap
		if total > width {
			return nil, false
		}
		widths = append(widths, w+gap)
	}
	return widths, true
}
