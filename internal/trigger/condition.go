package trigger

import "time"

// rearm is the share of the value that a source must fall to before its
// condition can come true again, so that one which wavers about it is one hit.
const rearm = 0.95

// Armed is the state of one condition that is watched. It is not safe for use by
// several goroutines.
type Armed struct {
	Expr
	// Pause is the least time between two hits.
	Pause time.Duration

	hit  bool      // and has not been false since
	seen uint64    // the newest that was over the value at a hit
	last time.Time // of the last hit
}

// State is what an armed condition waits for.
type State string

// The states of a condition.
const (
	Waiting State = "armed" // for the source to exceed the value
	Hit     State = "hit"   // for the source to fall below it again, or for another to exceed it
	Resting State = "pause" // for the time since the last hit to pass
	// Unable is that of a condition that cannot come true as things are: see
	// [Expr.Ready].
	Unable State = "waiting"
)

// Step looks at what the source reads now and reports whether that is a hit:
// once for each time that the source exceeds the value, after it has fallen to
// 95% of the value or below, and not within Pause of the last hit. What is not
// known (NaN) changes nothing.
func (a *Armed) Step(v float64, now time.Time) bool { return a.StepEach(v, 0, now) }

// StepEach is Step where newest is the highest id of what is over the value, 0 where
// that is not known. It is a hit, too, when that is one that no hit has seen: one
// that hangs for ever does not hide those that come after it.
func (a *Armed) StepEach(v float64, newest uint64, now time.Time) bool {
	if v <= a.Value*rearm {
		a.hit = false
	}
	if !(v > a.Value) || a.hit && newest <= a.seen || a.resting(now) {
		return false
	}
	a.hit, a.seen, a.last = true, max(a.seen, newest), now
	return true
}

// State says what the condition waits for at the time.
func (a *Armed) State(now time.Time) State {
	switch {
	case a.hit:
		return Hit
	case a.resting(now):
		return Resting
	}
	return Waiting
}

func (a *Armed) resting(now time.Time) bool {
	return !a.last.IsZero() && now.Sub(a.last) < a.Pause
}
