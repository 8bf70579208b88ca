package inflight

import (
	"io/fs"
	"time"

	"github.com/ispyd/ispyd/nodes"
)

// Bound is a number of a plugin's configuration: from 1 to Most.
type Bound struct {
	Key         string
	Value, Most int
}

// CheckConfig is what is wrong with the section of a plugin: its key slow, and its
// numbers.
func CheckConfig(section string, slow time.Duration, bounds ...Bound) error {
	if slow <= 0 {
		return nodes.Errorf(fs.ErrInvalid, `[%s] slow: must be a duration of more than 0, such as "1s", not "%s"`, section, slow)
	}
	for _, b := range bounds {
		if b.Value < 1 || b.Value > b.Most {
			return nodes.Errorf(fs.ErrInvalid, "[%s] %s: must be from 1 to %d, not %d", section, b.Key, b.Most, b.Value)
		}
	}
	return nil
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
