package inflight

import (
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"github.com/ispyd/ispyd/nodes"
)

// Bound is a number of a plugin's configuration: from 1 to Most.
type Bound struct {
	Key         string
	Value, Most int
}

// CheckConfig is what is wrong with the numbers in the section of a plugin, as
// config.Checker wants it: so the error names file and line, and ends Start.
func CheckConfig(bounds ...Bound) (key []string, err error) {
	for _, b := range bounds {
		if b.Value < 1 || b.Value > b.Most {
			return []string{b.Key}, nodes.Errorf(fs.ErrInvalid, "must be from 1 to %d, not %d", b.Most, b.Value)
		}
	}
	return nil, nil
}

// Duration is a duration of more than 0 in the configuration. A number without a unit,
// which would be nanoseconds, is none.
type Duration time.Duration

// UnmarshalTOML takes a value as the file has it.
func (d *Duration) UnmarshalTOML(v any) error {
	text, ok := v.(string)
	if ok {
		text = strconv.Quote(text)
		if t, err := time.ParseDuration(v.(string)); err == nil && t > 0 {
			*d = Duration(t)
			return nil
		}
	} else {
		text = fmt.Sprint(v)
	}
	return nodes.Errorf(fs.ErrInvalid, `must be a duration of more than 0 with its unit, such as "1s" or "250ms", not %s`, text)
}

// Closer is what is to be undone when a plugin is closed.
type Closer []func()

// Close undoes it, and has no error.
func (c Closer) Close() error {
	for _, f := range c {
		f()
	}
	return nil
}
