package nodes

import (
	"context"
	"io/fs"
	"strings"
	"time"
)

// A lease is a change that goes back by itself: "debug for=5m". When its time
// is up, or the server closes, the setting gets the value back that it had
// before, unless it has been changed again meanwhile: then that stays, and the
// lease leaves a note. Every [Var] can be leased; verbs of a [Ctl] use [Setting].

// MaxLease is the longest lease.
const MaxLease = 24 * time.Hour

// leaseWord begins the last word of a write that is a lease.
const leaseWord = "for="

// Lease describes a changed setting.
type Lease struct {
	// Setting is the path of the file that was written, and for a [Setting]
	// with a name of its own a blank and that name.
	Setting string
	// Value is what it was set to, Own what it was before anybody set it, Back
	// what it goes back to at the end of the lease.
	Value, Own, Back string
	// Peer has changed it.
	Peer Peer
	// Since is the time of the change; Until the end of the lease, zero where
	// there is none.
	Since, Until time.Time
	// Note says why a lease that has ended has not put the value back.
	Note string
}

// CutFor takes the word for=DURATION, which must be the last, from the arguments
// of a [Verb]; d is 0 where it is not there. The error is fs.ErrInvalid where it
// is no duration of more than 0 and at most [MaxLease].
func CutFor(args []string) (rest []string, d time.Duration, err error) {
	for i, arg := range args {
		text, ok := strings.CutPrefix(arg, leaseWord)
		if !ok {
			continue
		}
		if i < len(args)-1 {
			return nil, 0, Errorf(fs.ErrInvalid, "%s must be the last word, once, as in for=30s", printable(arg))
		}
		d, err := time.ParseDuration(text)
		switch {
		case err != nil:
			return nil, 0, Errorf(fs.ErrInvalid, "%s: %q is not a duration such as 30s or 5m", printable(arg), printable(text))
		case d <= 0 || d > MaxLease:
			return nil, 0, Errorf(fs.ErrInvalid, "%s: must be more than 0 and at most %s", printable(arg), MaxLease)
		}
		return args[:i], d, nil
	}
	return args, 0, nil
}

// cutFor is CutFor for a line whose other words may stand in any form.
func cutFor(line string) (value string, d time.Duration, err error) {
	value, last := "", line
	if i := strings.LastIndexAny(line, " \t"); i >= 0 {
		value, last = strings.TrimSpace(line[:i]), line[i+1:]
	}
	if !strings.HasPrefix(last, leaseWord) {
		return line, 0, nil
	}
	if _, d, err = CutFor([]string{last}); err != nil {
		return "", 0, err
	}
	if value == "" {
		return "", 0, Errorf(fs.ErrInvalid, "the value is missing before %s", printable(last))
	}
	return value, d, nil
}

type leasesKey struct{}

// place is where changes are noted, and under which path.
type place struct {
	leases *Leases
	path   string
}

// WithLeases returns a context whose writes to the file at path note their
// changes in l. Without it they are listed nowhere, and leases end by time alone.
func WithLeases(ctx context.Context, l *Leases, path string) context.Context {
	return context.WithValue(ctx, leasesKey{}, place{l, path})
}

func placeOf(ctx context.Context) place {
	p, _ := ctx.Value(leasesKey{}).(place)
	return p
}
