package files

import (
	"bytes"
	"io"
	"unicode/utf8"

	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// cropped is the verb's output for lines that end with a doc: on a terminal they
// end where it does.
func cropped(c *verb.Call) io.Writer {
	if c.Terminal == nil {
		return c.Stdout
	}
	columns, _ := c.Terminal.Size()
	if columns <= 0 {
		return c.Stdout
	}
	return &cropper{out: c.Stdout, columns: columns}
}

type cropper struct {
	out     io.Writer
	columns int
	rest    []byte // of a line that has no end yet
}

func (w *cropper) Write(p []byte) (int, error) {
	var b []byte
	for line := range bytes.Lines(append(w.rest, p...)) {
		text, whole := bytes.CutSuffix(line, []byte("\n"))
		if !whole {
			w.rest = bytes.Clone(line)
			break
		}
		w.rest = nil
		b = append(crop(b, text, w.columns), '\n')
	}
	_, err := w.out.Write(b)
	return len(p), err
}

// crop appends at most so many characters of a line; the last stands for those
// left out.
func crop(b, line []byte, columns int) []byte {
	if utf8.RuneCount(line) <= columns {
		return append(b, line...)
	}
	end := 0
	for range columns - 1 {
		_, n := utf8.DecodeRune(line[end:])
		end += n
	}
	return append(append(b, line[:end]...), "…"...)
}
