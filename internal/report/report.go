// Package report makes files that explain: a list of facts, each with its value,
// unit and meaning, under notes that say what they amount to.
package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ispyd/ispyd/nodes"
)

// The units of facts.
const (
	InBytes   = "bytes"
	InSeconds = "s"
	InPercent = "%"
	InCount   = "" // a number of what the name says
	IsText    = "text"
)

// Unlimited is the value of a limit that does not limit.
const Unlimited = math.MaxUint64

// Report is a list of facts, each with its meaning, under notes that say what
// they amount to. As text it is a table, as JSON an object: names and values.
type Report struct {
	Notes []string
	Facts []Fact
}

// Fact is one line of a Report.
type Fact struct {
	name    string
	value   any // uint64, float64 or string
	unit    string
	meaning string
}

// Note adds a note.
func (r *Report) Note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// Add adds a fact. Its value is a uint64 (which may be [Unlimited]), a float64 or
// a string.
func (r *Report) Add(name string, value any, unit, meaning string) {
	r.Facts = append(r.Facts, Fact{name, value, unit, meaning})
}

// Find returns the value of the fact of a name.
func (r *Report) Find(name string) (value any, ok bool) {
	for _, f := range r.Facts {
		if f.name == name {
			return f.value, true
		}
	}
	return nil, false
}

// Uint returns the value of the fact of a name where it is a whole number.
func (r *Report) Uint(name string) (uint64, bool) {
	v, _ := r.Find(name)
	n, ok := v.(uint64)
	return n, ok
}

// MarshalText makes a table: notes behind a number sign, a header, one fact a line.
func (r Report) MarshalText() ([]byte, error) {
	var b []byte
	for _, n := range r.Notes {
		b = append(nodes.AppendEscaped(append(b, "# "...), n), '\n')
	}
	b = append(b, "name\tvalue\tunit\treads\tmeaning\n"...)
	for _, f := range r.Facts {
		for i, cell := range []string{f.name, f.text(), f.unit, f.readable(), f.meaning} {
			if i > 0 {
				b = append(b, '\t')
			}
			if cell == "" {
				cell = "-"
			}
			b = nodes.AppendEscaped(b, cell)
		}
		b = append(b, '\n')
	}
	return b, nil
}

// MarshalJSON makes an object of the notes and facts.
func (r Report) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	if r.Notes != nil {
		notes, err := json.Marshal(r.Notes)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, `"notes":%s`, notes)
	}
	for _, f := range r.Facts {
		v := f.value
		if v == uint64(Unlimited) {
			v = nil
		}
		value, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", f.name, value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (f Fact) text() string {
	switch v := f.value.(type) {
	case uint64:
		return Quantity(v).String()
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(f.value)
}

// readable returns the value as a person would say it; nothing where that is
// how it stands there already.
func (f Fact) readable() string {
	switch v := f.value.(type) {
	case uint64:
		if f.unit == InBytes && v != Unlimited {
			return BytesText(v)
		}
	case float64:
		if f.unit == InSeconds {
			return Seconds(v).Duration().String()
		}
	}
	return ""
}

// BytesText returns a size in the largest unit that leaves it above one.
func BytesText(n uint64) string {
	switch {
	case n >= 1<<40:
		return fmt.Sprintf("%.1f TiB", float64(n)/(1<<40))
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

// Percent returns what part of whole n is, in percent with one decimal.
func Percent(n, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return math.Round(1000*float64(n)/float64(whole)) / 10
}

// Quantity is a number or unlimited, which is null in JSON.
type Quantity uint64

// String returns the number or the word unlimited.
func (q Quantity) String() string {
	if q == Unlimited {
		return "unlimited"
	}
	return strconv.FormatUint(uint64(q), 10)
}

// MarshalText makes a number or the word.
func (q Quantity) MarshalText() ([]byte, error) { return []byte(q.String()), nil }

// MarshalJSON makes a number or null.
func (q Quantity) MarshalJSON() ([]byte, error) {
	if q == Unlimited {
		return []byte("null"), nil
	}
	return []byte(q.String()), nil
}

// Seconds is a time: 1m2.5s as text, seconds in JSON.
type Seconds float64

// Duration returns it as a duration, to the microsecond.
func (s Seconds) Duration() time.Duration {
	return time.Duration(math.Round(float64(s)*1e6)) * time.Microsecond
}

// MarshalText makes a duration as Go writes it.
func (s Seconds) MarshalText() ([]byte, error) { return []byte(s.Duration().String()), nil }

// MarshalJSON makes a number of seconds.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, s.Duration().Seconds(), 'f', -1, 64), nil
}

// Word is a text that a table shows as - where it is empty.
type Word string

// MarshalText makes the text or -.
func (w Word) MarshalText() ([]byte, error) {
	if w == "" {
		return []byte("-"), nil
	}
	return []byte(w), nil
}

// MarshalJSON makes a string.
func (w Word) MarshalJSON() ([]byte, error) {
	return json.Marshal(strings.ToValidUTF8(string(w), "\ufffd"))
}

// Words is a list that a table shows as - where it is empty.
type Words []string

// MarshalText makes a list separated by commas, or -.
func (w Words) MarshalText() ([]byte, error) {
	return Word(strings.Join(w, ",")).MarshalText()
}

// MarshalJSON makes an array.
func (w Words) MarshalJSON() ([]byte, error) { return json.Marshal([]string(w)) }
