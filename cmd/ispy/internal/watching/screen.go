package watching

import (
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/rivo/uniseg"
)

// What a terminal takes for: go to the upper left corner, erase to the end of the
// line, erase all below.
const (
	home      = "\x1b[H"
	eraseLine = "\x1b[K"
	eraseRest = "\x1b[J"
)

// title is the first line on a terminal: the interval, the command, the time.
func (w *watcher) title(now time.Time) [2]string {
	every := "Every " + strconv.FormatFloat(w.interval.Seconds(), 'g', -1, 64) + "s: "
	return [2]string{every + w.line, now.Format(time.TimeOnly)}
}

// screen is what a terminal is sent to show the title, an empty line, and as much
// of the text as fits. It erases what was there line by line as it goes, so that
// what stays the same does not flicker.
func screen(title [2]string, text []byte, columns, lines int) []byte {
	columns, lines = max(columns, 1), max(lines, 1)
	var b bytes.Buffer
	b.WriteString(home)
	b.WriteString(headline(title, columns))
	b.WriteString(eraseLine)
	shown := 1
	for line := range strings.Lines("\n" + string(text)) {
		if shown == lines {
			break
		}
		b.WriteString("\r\n")
		b.WriteString(fit(strings.TrimRight(line, "\r\n"), columns))
		b.WriteString(eraseLine)
		shown++
	}
	b.WriteString(eraseRest)
	return b.Bytes()
}

// headline has the time at the right end, if there is room for both.
func headline(title [2]string, columns int) string {
	left, _, _ := strings.Cut(title[0], "\n")
	room := columns - len(title[1]) - 1
	if room < len("Every 2s: x") {
		return fit(left, columns)
	}
	left = fit(left, room)
	return left + strings.Repeat(" ", room-uniseg.StringWidth(left)+1) + title[1]
}

// tabStop is how far apart a terminal's tabulators are.
const tabStop = 8

// fit is as much of a line as has room in so many columns. What would move the
// cursor or change the terminal is shown as a question mark.
func fit(line string, columns int) string {
	var b strings.Builder
	at, state := 0, -1
	for len(line) > 0 && at < columns {
		var cluster string
		var width int
		cluster, line, width, state = uniseg.FirstGraphemeClusterInString(line, state)
		switch {
		case cluster == "\t":
			width = min(tabStop-at%tabStop, columns-at)
			cluster = strings.Repeat(" ", width)
		case strings.ContainsFunc(cluster, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }):
			cluster, width = "?", 1
		}
		if at += width; at > columns {
			break
		}
		b.WriteString(cluster)
	}
	return b.String()
}
