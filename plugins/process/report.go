package process

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
	inBytes   = "bytes"
	inSeconds = "s"
	inPercent = "%"
	inCount   = "" // a number of what the name says
	isText    = "text"
)

// unlimited is the value of a limit that does not limit.
const unlimited = math.MaxUint64

// report is a list of facts, each with its meaning, under notes that say what
// they amount to. As text it is a table, as JSON an object: names and values.
type report struct {
	notes []string
	facts []fact
}

type fact struct {
	name    string
	value   any // uint64, float64 or string
	unit    string
	meaning string
}

func (r *report) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

func (r *report) add(name string, value any, unit, meaning string) {
	r.facts = append(r.facts, fact{name, value, unit, meaning})
}

// MarshalText makes a table: notes behind a number sign, a header, one fact a line.
func (r report) MarshalText() ([]byte, error) {
	var b []byte
	for _, n := range r.notes {
		b = append(nodes.AppendEscaped(append(b, "# "...), n), '\n')
	}
	b = append(b, "name\tvalue\tunit\treads\tmeaning\n"...)
	for _, f := range r.facts {
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
func (r report) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	if r.notes != nil {
		notes, err := json.Marshal(r.notes)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, `"notes":%s`, notes)
	}
	for _, f := range r.facts {
		v := f.value
		if v == uint64(unlimited) {
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

func (f fact) text() string {
	switch v := f.value.(type) {
	case uint64:
		return quantity(v).String()
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(f.value)
}

// readable returns the value as a person would say it; nothing where that is
// how it stands there already.
func (f fact) readable() string {
	switch v := f.value.(type) {
	case uint64:
		if f.unit == inBytes && v != unlimited {
			return bytesText(v)
		}
	case float64:
		if f.unit == inSeconds {
			return seconds(v).duration().String()
		}
	}
	return ""
}

// bytesText returns a size in the largest unit that leaves it above one.
func bytesText(n uint64) string {
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

// percent returns what part of whole n is, in percent with one decimal.
func percent(n, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return math.Round(1000*float64(n)/float64(whole)) / 10
}

// quantity is a number or unlimited, which is null in JSON.
type quantity uint64

func (q quantity) String() string {
	if q == unlimited {
		return "unlimited"
	}
	return strconv.FormatUint(uint64(q), 10)
}

// MarshalText makes a number or the word.
func (q quantity) MarshalText() ([]byte, error) { return []byte(q.String()), nil }

// MarshalJSON makes a number or null.
func (q quantity) MarshalJSON() ([]byte, error) {
	if q == unlimited {
		return []byte("null"), nil
	}
	return []byte(q.String()), nil
}

// seconds is a time: 1m2.5s as text, seconds in JSON.
type seconds float64

func (s seconds) duration() time.Duration {
	return time.Duration(math.Round(float64(s)*1e6)) * time.Microsecond
}

// MarshalText makes a duration as Go writes it.
func (s seconds) MarshalText() ([]byte, error) { return []byte(s.duration().String()), nil }

// MarshalJSON makes a number of seconds.
func (s seconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, s.duration().Seconds(), 'f', -1, 64), nil
}

// word is a text that a table shows as - where it is empty.
type word string

// MarshalText makes the text or -.
func (w word) MarshalText() ([]byte, error) {
	if w == "" {
		return []byte("-"), nil
	}
	return []byte(w), nil
}

// MarshalJSON makes a string.
func (w word) MarshalJSON() ([]byte, error) {
	return json.Marshal(strings.ToValidUTF8(string(w), "\ufffd"))
}

// words is a list that a table shows as - where it is empty.
type words []string

// MarshalText makes a list separated by commas, or -.
func (w words) MarshalText() ([]byte, error) {
	return word(strings.Join(w, ",")).MarshalText()
}

// MarshalJSON makes an array.
func (w words) MarshalJSON() ([]byte, error) { return json.Marshal([]string(w)) }
