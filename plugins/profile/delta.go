package profile

import (
	"bytes"
	"context"
	"runtime"
	"time"

	"github.com/ispyd/ispyd/internal/profiles"
	"github.com/ispyd/ispyd/nodes"
)

// How much is recorded while a delta runs, where the program records nothing:
// one in mutexFraction of the times that somebody was made to wait for a lock,
// and one wait for each blockRate nanoseconds that goroutines have waited.
const (
	mutexFraction = 10
	blockRate     = 10_000
)

// deltas are the profiles of which the difference can be taken.
var deltas = []struct{ name, doc string }{
	{"heap", "memory in use that was added, by where it was allocated, as of the last collections (pprof)"},
	{"allocs", "memory allocated in a time, by where that was (pprof)"},
	{"goroutine", "goroutines that were added, by stack, their labels as they are (pprof)"},
	{"mutex", "where others were made to wait for a lock in a time (pprof); recorded for that time where the program does not"},
	{"block", "where goroutines waited in a time (pprof); needs block = true in the configuration"},
}

// deltaDir returns the directory delta.
func deltaDir(conf *config) nodes.Dir {
	dir := nodes.Directory("delta", "what was added to a profile in a time")
	for _, d := range deltas {
		s := &share{path: "delta/" + d.name, what: "a delta of " + d.name}
		profile, text := shared(s, "delta of "+d.name, deltaTaker(d.name, conf.Block))
		textDoc := "the functions and stacks with the most of what was added to " + d.name + ", as text"
		if d.name == "goroutine" {
			textDoc = "groups of goroutines that grew, by stack and creator, as text"
			text = growth()
		}
		// Names are those of a table here, and stand once.
		if err := dir.Add(newTimed(d.name, d.doc, textDoc, time.Duration(conf.Max), profile, text)); err != nil {
			panic(err)
		}
	}
	return dir
}

// deltaTaker returns what takes the difference of a profile.
func deltaTaker(name string, block bool) taker {
	return func(ctx context.Context, d time.Duration) ([]byte, error) {
		switch name {
		case "mutex":
			defer recordMutexes()()
		case "block":
			if !block {
				return nil, nodes.Errorf(nodes.ErrDisabled, "delta/block sets the block profile rate, which nobody can read back: put block = true under [profile] in the configuration if the program sets none of its own; profile/block shows what the program records")
			}
			runtime.SetBlockProfileRate(blockRate)
			defer runtime.SetBlockProfileRate(0)
		}
		var before, after, out bytes.Buffer
		if err := takeState(name, &before); err != nil {
			return nil, err
		}
		if err := wait(ctx, d); err != nil {
			return nil, err
		}
		if err := takeState(name, &after); err != nil {
			return nil, err
		}
		p0, err := profiles.Read(before.Bytes())
		if err != nil {
			return nil, err
		}
		p1, err := profiles.Read(after.Bytes())
		if err != nil {
			return nil, err
		}
		added, err := profiles.Delta(p0, p1)
		if err != nil {
			return nil, err
		}
		if err := added.Write(&out); err != nil {
			return nil, err
		}
		return out.Bytes(), nil
	}
}

// recordMutexes has the runtime record contention, where the program has not, and
// returns what puts that back, if nobody has changed it meanwhile.
func recordMutexes() (back func()) {
	if runtime.SetMutexProfileFraction(-1) > 0 {
		return func() {}
	}
	runtime.SetMutexProfileFraction(mutexFraction)
	return func() {
		if runtime.SetMutexProfileFraction(-1) == mutexFraction {
			runtime.SetMutexProfileFraction(0)
		}
	}
}
