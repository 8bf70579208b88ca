package compare

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// libraryContext is how many lines of context the library shows.
const libraryContext = 3

// unified compares lines, in the unified form with so many lines of context.
func unified(nameA string, a []byte, nameB string, b []byte, context int) []byte {
	text := diff.Diff(nameA, a, nameB, b)
	_, text, _ = bytes.Cut(text, []byte("\n")) // its own headline
	if context == libraryContext {
		return text
	}
	head := fmt.Appendf(nil, "--- %s\n+++ %s\n", nameA, nameB)
	return append(head, rewindow(bytes.TrimPrefix(text, head), lines(a), context)...)
}

// change is lines of a that were replaced by others.
type change struct {
	at, end  int // in a, from 0
	inserted []string
	shift    int // how many lines further down the change is in b
}

// rewindow writes the hunks anew with another number of lines of context.
func rewindow(hunks []byte, a []string, context int) []byte {
	var out bytes.Buffer
	changes := parseHunks(hunks)
	for len(changes) > 0 {
		n := 1
		for n < len(changes) && changes[n].at-changes[n-1].end <= 2*context {
			n++
		}
		writeHunk(&out, changes[:n], a, context)
		changes = changes[n:]
	}
	return out.Bytes()
}

// parseHunks reads the library's hunks.
func parseHunks(text []byte) []change {
	var changes []change
	var at, shift int // in a; how much further in b
	open := false     // the line before was changed
	for line := range bytes.Lines(text) {
		var x, nx, y, ny int
		if line[0] == '@' {
			fmt.Sscanf(string(line), "@@ -%d,%d +%d,%d @@", &x, &nx, &y, &ny)
			if at = x; nx > 0 {
				at--
			}
			open = false
			continue
		}
		switch line[0] {
		case ' ':
			at++
			open = false
		case '-', '+':
			if !open {
				changes = append(changes, change{at: at, end: at, shift: shift})
				open = true
			}
			c := &changes[len(changes)-1]
			if line[0] == '-' {
				at++
				c.end++
				shift--
			} else {
				c.inserted = append(c.inserted, string(line[1:]))
				shift++
			}
		case '\\':
			if c := len(changes) - 1; open && len(changes[c].inserted) > 0 {
				in := changes[c].inserted
				in[len(in)-1] += string(line)
			}
		}
	}
	return changes
}

func writeHunk(out *bytes.Buffer, changes []change, a []string, context int) {
	first, last := changes[0], changes[len(changes)-1]
	from, to := max(0, first.at-context), min(len(a), last.end+context)
	inB := to - from
	for _, c := range changes {
		inB += len(c.inserted) - (c.end - c.at)
	}
	fmt.Fprintf(out, "@@ -%s +%s @@\n", span(from, to-from), span(from+first.shift, inB))
	at := from
	for _, c := range changes {
		mark(out, " ", a[at:c.at])
		mark(out, "-", a[c.at:c.end])
		mark(out, "+", c.inserted)
		at = c.end
	}
	mark(out, " ", a[at:to])
}

// span is a place in the headline of a hunk.
func span(from, n int) string {
	if n > 0 {
		from++
	}
	return fmt.Sprintf("%d,%d", from, n)
}

func mark(out *bytes.Buffer, mark string, lines []string) {
	for _, l := range lines {
		out.WriteString(mark)
		out.WriteString(l)
	}
}

// lines are those of a text; the last one says so if it has no end, as the
// library has it.
func lines(text []byte) []string {
	list := strings.SplitAfter(string(text), "\n")
	if last := len(list) - 1; list[last] == "" {
		list = list[:last]
	} else {
		list[last] += "\n\\ No newline at end of file\n"
	}
	return list
}
