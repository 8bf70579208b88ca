package returns

import (
	"time"

	"github.com/ispyd/ispyd/internal/abi"
)

// Defaults of the options, which a value of zero stands for.
const (
	// DefaultRate is how many captures a second a probe makes in the long run.
	DefaultRate = 1.0
	// DefaultBurst is how many it makes at once.
	DefaultBurst = 10
	// DefaultShare is how much of one CPU a probe may cost, over ten seconds.
	DefaultShare = 0.01
	// DefaultFor is how long an observation lasts.
	DefaultFor = 30 * time.Second
	// DefaultCount is how many calls an observation delivers.
	DefaultCount = 100
)

// ErrorOptions are the options of [InsertError].
type ErrorOptions struct {
	// Rate is the captures a second, Burst how many at once. Errors past it are
	// counted. 0: the default.
	Rate  float64
	Burst int
	// Share is the part of one CPU that the probe may cost; it is removed when it
	// costs more. 0: the default; negative: without limit.
	Share float64
	// OnCapture is called for each capture, on a goroutine of this package, one
	// call at a time for all probes. Errors that this goroutine itself causes are
	// not captured. A panic ends the probe.
	OnCapture func(*Capture)
	// OnEnd is called, in the same way, when the probe has removed itself. May be nil.
	OnEnd func(*Probe, End)
}

// ObserveOptions are the options of [Observe].
type ObserveOptions struct {
	// Count is how many calls are delivered at most, For how long the observation
	// lasts at most. 0: the default; negative: without limit.
	Count int
	For   time.Duration
	// Slower is the duration below which calls are not delivered.
	Slower time.Duration
	// Errors delivers only calls that return an error.
	Errors bool
	// Share is as in ErrorOptions.
	Share float64
	// OnCall is called for each call that has returned, as OnCapture is.
	OnCall func(*Call)
	// OnEnd is called, in the same way, when the observation has ended by itself.
	OnEnd func(*Probe, End)
}

// EndReason says why a probe has removed itself.
type EndReason uint8

const (
	// Budget: it cost more than its share of a CPU.
	Budget EndReason = iota + 1
	// Count: an observation has delivered its calls.
	Count
	// Time: an observation's time is over.
	Time
	// Damaged: what should have been an error was none; the debug information is
	// not that of this program.
	Damaged
	// Panicked: OnCapture or OnCall has panicked.
	Panicked
)

func (r EndReason) String() string {
	switch r {
	case Budget:
		return "it cost more than its share of a CPU"
	case Count:
		return "all calls wanted have been seen"
	case Time:
		return "its time is over"
	case Damaged:
		return "the result was no error: the debug information does not fit the program"
	case Panicked:
		return "the code that keeps captures has panicked"
	}
	return "unknown"
}

// End is the end of a probe that nobody removed.
type End struct {
	Reason EndReason
	Detail string // figures, or the panic; may be empty
}

func (e End) String() string {
	if e.Detail == "" {
		return e.Reason.String()
	}
	return e.Reason.String() + ": " + e.Detail
}

// Stats are a probe's counters since it was inserted.
type Stats struct {
	// Hits are errors returned or, of an observation, calls that began and returned.
	Hits uint64
	// Captured were delivered.
	Captured uint64
	// Limited were not captured because of the rate limit or, of an observation,
	// not delivered because of its conditions.
	Limited uint64
	// Dropped were not captured because the ring was full. Of an observation, also
	// calls whose other half was dropped.
	Dropped uint64
	// Unasked are errors captured whose Error was not called, since those of too
	// many others had not returned.
	Unasked uint64
	// Cost is the CPU time spent, on the function's goroutines and on ours, as far
	// as it is counted: returns without error (1 to 2 ns each) are not.
	Cost time.Duration
	// Held is the part of Cost that the function's own goroutines were held up.
	Held time.Duration
}

// PerHit is the cost of a hit in nanoseconds.
func (s Stats) PerHit() float64 {
	if s.Hits == 0 {
		return 0
	}
	return float64(s.Cost) / float64(s.Hits)
}

// A Value is an argument or a result as the function had it.
type Value struct {
	Name string
	Type *abi.Type
	// Data are its Type.Size bytes as they would lie in memory, pointers and all;
	// nothing that they point to has been kept. Padding is zero. nil: the value
	// lies too far up the stack and was not copied.
	Data []byte
}

// A Label is a profiler label of the goroutine.
type Label struct{ Key, Value string }

// ErrorValue is what is known of an error that was returned.
type ErrorValue struct {
	// Itab and Data are the words of the error; the first is never 0.
	Itab, Data uintptr
	// Type is the dynamic type as reflect writes it: "*fs.PathError".
	Type string
	// Value is the error itself, if it could be kept alive; its methods may be
	// called, as far as the program calls them from many goroutines itself. nil
	// otherwise: while the collector marks, for errors that lie on the stack of the
	// goroutine, and in programs built with -race.
	Value error
	// Text is what Error returned or, without Value, what could be read of errors
	// of a few common types. Empty otherwise.
	Text string
	// Silent says why Text is not known, empty where it is.
	Silent string
}

// A Capture is an error that a function has returned.
type Capture struct {
	Probe *Probe
	Time  time.Time
	Error ErrorValue
	// Results are the function's results.
	Results []Value
	// Goroutine is its id, 0 if it is not known.
	Goroutine uint64
	Labels    []Label

	// PC is the RET; SP points at the return address, BP is the caller's.
	PC, SP, BP uintptr
	// G is the address of the runtime's g.
	G uintptr
	// Ints are AX BX CX DI SI R8 to R11, Floats X0 to X14.
	Ints   [abi.IntRegs]uint64
	Floats [abi.FloatRegs][2]uint64
	// Stack is a copy of the stack upwards from the original address StackBase,
	// which is where the frame of the function ended; at most 15.5 KB.
	Stack     []byte
	StackBase uintptr
}

// A Call is an observed call.
type Call struct {
	Probe     *Probe
	Time      time.Time // of the entry
	Duration  time.Duration
	Goroutine uint64 // 0 if not known
	Args      []Value
	Results   []Value
	// ArgsStack and ResultsStack are from where to where the callers' frames were on
	// the stack, at the entry and at the return. What pointers into them lead to has
	// not been kept: by now something else may be there.
	ArgsStack, ResultsStack [2]uintptr
	// Error is the error returned, nil if none was, or the function has none.
	Error *ErrorValue
}
