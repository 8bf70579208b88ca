// Package profiles reads, subtracts, writes and summarises profiles in pprof's
// format (a gzipped protocol buffer, see
// https://github.com/google/pprof/tree/main/proto), as far as the runtime's own
// profiles use it. It adds 100 KB to a stripped program, where
// github.com/google/pprof/profile, which the tests hold it against, adds 260.
package profiles

import "fmt"

// Profile is a profile, decoded.
type Profile struct {
	// Types says what the values of each sample are.
	Types []Type
	// Samples are the stacks with their values.
	Samples []Sample
	// Default is the name of the type that matters most, "" for the last one.
	Default string
	// TimeNanos is when it was taken, in nanoseconds since 1970;
	// DurationNanos is for how long, 0 where it is a state.
	TimeNanos, DurationNanos int64
	// PeriodType and Period say between what the samples were taken.
	PeriodType Type
	Period     int64
}

// Type is what a value is: alloc_space in bytes.
type Type struct{ Name, Unit string }

// Sample is a stack, innermost first, and its values, one for each type.
type Sample struct {
	Stack  []*Location
	Values []int64
	Labels []Label
}

// Label is a text or a number that a sample has beside its stack.
type Label struct {
	Key, Text string
	Num       int64
	Unit      string
}

// Location is an address of a stack: one call, and those inlined there.
type Location struct {
	Address uint64
	Mapping *Mapping
	Lines   []Line // innermost first
	folded  bool
}

// Line is a place in the source.
type Line struct {
	Function *Function
	Line     int64
}

// Function is a function of the program.
type Function struct {
	Name, System, File string
	Start              int64 // its first line
}

// Mapping is a file that is mapped into the program.
type Mapping struct {
	Start, Limit, Offset uint64
	File, BuildID        string
	has                  [4]bool // functions, file names, line numbers, inlined calls
}

// index returns the number of the type that matters most.
func (p *Profile) index() int {
	for i, t := range p.Types {
		if t.Name == p.Default {
			return i
		}
	}
	return len(p.Types) - 1
}

// errFormat says that the bytes are no profile.
var errFormat = fmt.Errorf("not a profile in pprof's format")
