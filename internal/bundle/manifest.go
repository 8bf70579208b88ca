package bundle

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// Header is the first line of a manifest.
const Header = "path\terror\n"

// What bounds a manifest, in bytes: all its lines, and each column of one.
const (
	maxManifest = 16 << 20
	maxColumn   = 8 << 10
)

// Manifest collects what could not be taken: path, tab, error, a line each.
type Manifest struct {
	lines []string
	size  int
	more  int
}

// Add notes what is the matter with the file, whose name is relative to the whole.
func (m *Manifest) Add(name, text string) {
	line := oneLine(name) + "\t" + oneLine(text) + "\n"
	if m.size+len(line) > maxManifest {
		m.more++
		return
	}
	m.size += len(line)
	m.lines = append(m.lines, line)
}

// Len is the number of lines.
func (m *Manifest) Len() int { return len(m.lines) + m.more }

// WriteTo writes all of it.
func (m *Manifest) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	b.WriteString(Header)
	for _, line := range m.lines {
		b.WriteString(line)
	}
	if m.more > 0 {
		fmt.Fprintf(&b, ".\t%d more errors are not listed\n", m.more)
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

// oneLine quotes what would not fit into a column of a table, and cuts what is too
// long for one.
func oneLine(s string) string {
	if len(s) > maxColumn {
		s = strings.ToValidUTF8(s[:maxColumn], "") + "..."
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return strconv.Quote(s)
	}
	return s
}
