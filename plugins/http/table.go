package http

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/ispyd/ispyd/internal/report"
	"github.com/ispyd/ispyd/nodes"
)

// column is a column of a table, and a field of its JSON form.
type column struct {
	name string
	// value returns a uint64, number, string, time.Time or time.Duration.
	value func(*view, *entry) any
}

// number is a uint64 that means nothing where it is 0.
type number uint64

var (
	colID     = column{"id", func(_ *view, e *entry) any { return e.id }}
	colStart  = column{"start", func(_ *view, e *entry) any { return e.start }}
	colTook   = column{"duration", func(_ *view, e *entry) any { return e.took }}
	colStatus = column{"status", func(_ *view, e *entry) any { return number(e.status) }}
	colIn     = column{"received", func(_ *view, e *entry) any { return uint64(e.in) }}
	colOut    = column{"sent", func(_ *view, e *entry) any { return uint64(e.out) }}
	colMethod = column{"method", func(_ *view, e *entry) any { return e.method }}
	colHost   = column{"host", func(_ *view, e *entry) any { return e.host }}
	colURL    = column{"url", func(v *view, e *entry) any { return v.redact.URL(e.url) }}
	colRoute  = column{"route", func(_ *view, e *entry) any { return e.pattern }}
	colRemote = column{"remote", func(_ *view, e *entry) any { return e.remote }}
	colProto  = column{"protocol", func(_ *view, e *entry) any { return e.proto }}
	colState  = column{"state", func(_ *view, e *entry) any { return e.state }}
	colCause  = column{"request", func(_ *view, e *entry) any { return number(e.cause) }}
	colError  = column{"error", func(v *view, e *entry) any { return v.redact.Text(e.err) }}
)

// The columns of incoming and outgoing requests. Columns are only ever added.
var (
	columnsIn  = []column{colID, colStart, colTook, colStatus, colIn, colOut, colMethod, colHost, colURL, colRoute, colRemote, colProto, colState}
	columnsOut = []column{colID, colStart, colTook, colStatus, colIn, colOut, colMethod, colHost, colURL, colRemote, colState, colCause, colError}
)

// table shows many requests.
type table struct {
	*view
	columns []column
	running func(context.Context) []entry
	ended   func() []entry
}

func (t table) activeText(ctx context.Context, w io.Writer) error {
	return t.writeText(w, t.running(ctx))
}

func (t table) activeJSON(ctx context.Context, w io.Writer) error {
	return t.writeJSON(w, t.running(ctx))
}

func (t table) endedText(_ context.Context, w io.Writer) error { return t.writeText(w, t.ended()) }

func (t table) endedJSON(_ context.Context, w io.Writer) error { return t.writeJSON(w, t.ended()) }

// room is how large a table may become: its end must fit.
const room = nodes.MaxRendering - 64<<10

func (t table) writeText(w io.Writer, rows []entry) error {
	var b []byte
	for i, c := range t.columns {
		if i > 0 {
			b = append(b, '\t')
		}
		b = append(b, c.name...)
	}
	b = append(b, '\n')
	for i := range rows {
		if len(b) > room {
			b = fmt.Appendf(b, "# cut: %d more, there was no room for them\n", len(rows)-i)
			break
		}
		for j, c := range t.columns {
			if j > 0 {
				b = append(b, '\t')
			}
			b = appendCell(b, c.value(t.view, &rows[i]))
		}
		b = append(b, '\n')
	}
	_, err := w.Write(b)
	return err
}

const timeFormat = "2006-01-02T15:04:05.000Z07:00"

// appendCell appends a value; what is not known or does not apply is -.
func appendCell(b []byte, v any) []byte {
	switch v := v.(type) {
	case uint64:
		return strconv.AppendUint(b, v, 10)
	case number:
		if v != 0 {
			return strconv.AppendUint(b, uint64(v), 10)
		}
	case time.Time:
		return v.AppendFormat(b, timeFormat)
	case time.Duration:
		return append(b, report.Seconds(v.Seconds()).Duration().String()...)
	case string:
		if v != "" {
			return nodes.AppendEscaped(b, v)
		}
	}
	return append(b, '-')
}

func (t table) writeJSON(w io.Writer, rows []entry) error {
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
func (t table) appendJSON(b []byte, e *entry) []byte {
	for i, c := range t.columns {
		b = append(b, `{,`[min(i, 1)], '"')
		b = append(append(b, c.name...), `":`...)
		switch v := c.value(t.view, e).(type) {
		case time.Time:
			b = strconv.AppendQuote(b, v.Format(timeFormat))
		case time.Duration:
			b = strconv.AppendFloat(b, report.Seconds(v.Seconds()).Duration().Seconds(), 'f', -1, 64)
		case uint64:
			b = strconv.AppendUint(b, v, 10)
		case number:
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
			return append(b, jsonOf(s)...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// jsonOf encodes what cannot fail to be encoded.
func jsonOf(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return []byte("null")
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
