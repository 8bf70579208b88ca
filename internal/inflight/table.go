package inflight

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/internal/report"
	"github.com/ispyd/ispyd/nodes"
)

// Column is a column of a table, and a field of its JSON form.
type Column[E any] struct {
	Name string
	// Value returns a uint64, Number, string, time.Time or time.Duration.
	Value func(*redact.Redactor, *E) any
}

// Number is a uint64 that means nothing where it is 0.
type Number uint64

// Table shows many pieces of work.
type Table[E any] struct {
	Redact  *redact.Redactor
	Columns []Column[E]
}

// room is how large a table may become: its end must fit.
const room = nodes.MaxRendering - 64<<10

// WriteText writes a header line and a line for each row; what there is no room for
// is said to be missing.
func (t Table[E]) WriteText(w io.Writer, rows []E) error {
	var b []byte
	for i, c := range t.Columns {
		if i > 0 {
			b = append(b, '\t')
		}
		b = append(b, c.Name...)
	}
	b = append(b, '\n')
	for i := range rows {
		if len(b) > room {
			b = fmt.Appendf(b, "# cut: %d more, there was no room for them\n", len(rows)-i)
			break
		}
		for j, c := range t.Columns {
			if j > 0 {
				b = append(b, '\t')
			}
			b = AppendCell(b, c.Value(t.Redact, &rows[i]))
		}
		b = append(b, '\n')
	}
	_, err := w.Write(b)
	return err
}

// TimeFormat is how times are shown.
const TimeFormat = "2006-01-02T15:04:05.000Z07:00"

// AppendCell appends a value; what is not known or does not apply is -.
func AppendCell(b []byte, v any) []byte {
	switch v := v.(type) {
	case uint64:
		return strconv.AppendUint(b, v, 10)
	case Number:
		if v != 0 {
			return strconv.AppendUint(b, uint64(v), 10)
		}
	case time.Time:
		return v.AppendFormat(b, TimeFormat)
	case time.Duration:
		return append(b, report.Seconds(v.Seconds()).Duration().String()...)
	case string:
		if v != "" {
			return nodes.AppendEscaped(b, v)
		}
	}
	return append(b, '-')
}

// File is a file that shows the table of what list returns.
func (t Table[E]) File(name, doc string, list func() []E) nodes.Node {
	return nodes.TextJSON(name, doc,
		func(_ context.Context, w io.Writer) error { return t.WriteText(w, list()) },
		func(_ context.Context, w io.Writer) error { return t.WriteJSON(w, list()) })
}

// WriteJSON writes an array of objects, as many as there is room for.
func (t Table[E]) WriteJSON(w io.Writer, rows []E) error {
	b := []byte{'['}
	for i := range rows {
		if len(b) > room {
			break
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '\n')
		b = t.appendJSON(b, &rows[i])
	}
	_, err := w.Write(append(b, "\n]\n"...))
	return err
}

// appendJSON appends one request as an object; durations are in seconds.
func (t Table[E]) appendJSON(b []byte, e *E) []byte {
	for i, c := range t.Columns {
		b = append(b, `{,`[min(i, 1)], '"')
		b = append(append(b, c.Name...), `":`...)
		switch v := c.Value(t.Redact, e).(type) {
		case time.Time:
			b = strconv.AppendQuote(b, v.Format(TimeFormat))
		case time.Duration:
			b = strconv.AppendFloat(b, report.Seconds(v.Seconds()).Duration().Seconds(), 'f', -1, 64)
		case uint64:
			b = strconv.AppendUint(b, v, 10)
		case Number:
			b = strconv.AppendUint(b, uint64(v), 10)
		case string:
			b = appendString(b, v)
		}
	}
	return append(b, '}')
}

// appendString appends a string as JSON. Most need no escapes.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return append(b, JSON(s)...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// JSON encodes a value as one line, null where it cannot be encoded.
func JSON(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return []byte("null")
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// Line is one fact about a piece of work: a name, and a value as cells have it.
type Line struct {
	Name  string
	Value any
}

// AppendLine appends a line of text: name, tab, value.
func AppendLine(b []byte, name string, v any) []byte {
	b = nodes.AppendEscaped(b, name)
	return append(AppendCell(append(b, '\t'), v), '\n')
}

// Scalar encodes a value of a Line as JSON; durations are in seconds.
func Scalar(v any) []byte {
	switch v := v.(type) {
	case time.Time:
		return JSON(v.Format(TimeFormat))
	case time.Duration:
		return JSON(report.Seconds(v.Seconds()))
	}
	return JSON(v)
}

// Object makes a JSON object, member by member.
type Object struct{ b []byte }

// Add adds a member whose value is JSON already.
func (o *Object) Add(name string, value []byte) {
	sep := ",\n"
	if o.b == nil {
		sep = "{"
	}
	o.b = append(append(append(append(o.b, sep...), JSON(name)...), ':'), value...)
}

// WriteTo writes the object.
func (o *Object) WriteTo(w io.Writer) (int64, error) {
	if o.b == nil {
		o.b = []byte{'{'}
	}
	n, err := w.Write(append(o.b, "}\n"...))
	return int64(n), err
}

// AppendFrames appends frames as stacks show them.
func AppendFrames(b []byte, frames []runtime.Frame) []byte {
	for _, f := range frames {
		b = fmt.Appendf(b, "%s(...)\n\t%s:%d\n", f.Function, f.File, f.Line)
	}
	return b
}

// FramesJSON encodes frames as an array.
func FramesJSON(frames []runtime.Frame) []byte {
	type call struct {
		Func string `json:"func"`
		File string `json:"file"`
		Line int    `json:"line"`
	}
	calls := []call{}
	for _, f := range frames {
		calls = append(calls, call{f.Function, f.File, f.Line})
	}
	return JSON(calls)
}

// Frames resolves the program counters that runtime.Callers has left; 0 is none.
func Frames(callers []uintptr) (frames []runtime.Frame) {
	callers = slices.DeleteFunc(slices.Clone(callers), func(pc uintptr) bool { return pc == 0 })
	if len(callers) == 0 {
		return nil
	}
	for it := runtime.CallersFrames(callers); ; {
		f, more := it.Next()
		if f.Function != "" {
			frames = append(frames, f)
		}
		if !more {
			return frames
		}
	}
}
