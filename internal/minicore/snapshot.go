package minicore

import (
	"errors"
	"time"
)

// Where the invented pieces of memory are in a core. No Go program has its own
// memory there: the first 64 KB cannot be mapped (vm.mmap_min_addr), and what
// follows is below where programs are linked to.
const (
	// ValueAddr is the address of the panic value, or of the error, an
	// interface of two words: *(*"interface {}")(0x10000).
	ValueAddr = 0x10000
	// ThreadAddr is the thread pointer (FS base): below it, where code of this
	// system looks for the current goroutine, its address stands.
	ThreadAddr = 0x20000

	// threadBlock is how much there is below it: programs linked with C have
	// more in their thread-local storage than the goroutine.
	threadBlock = 4096
)

// Kinds of captures.
const (
	KindPanic = "panic" // the goroutine stood still: stack and heap fit together
	KindError = "error" // the heap was read after the function had returned
)

// Info says what a core is of.
type Info struct {
	// Kind is [KindPanic] or [KindError].
	Kind string
	// Executable is the path of the program, as /proc/self/exe had it.
	Executable string
	// GoBuildID is the Go build id of the program and GNUBuildID, in
	// hexadecimal, the linker's; "" where it was linked without.
	GoBuildID, GNUBuildID string
	PID, TID              int
	Time                  time.Time
	// Registers says that the innermost frame's integer registers are those that
	// it had; else all but those that every frame has are 0.
	Registers bool
	// Truncated says that the limits left something out: a stack that is
	// deeper, or memory that the goroutine reaches.
	Truncated bool
}

// Limits bound a capture; the zero value is [DefaultLimits].
type Limits struct {
	// Stack, Heap and Data are the most bytes of the goroutine's stack, of what
	// it reaches, and of each of the program's segments of variables.
	Stack, Heap, Data int
	// Time is after how long no more of the heap is followed. What the
	// frame of interest reaches is taken whatever the time.
	Time time.Duration
}

// DefaultLimits are the limits where others are not given: a capture of some
// 2 ms.
var DefaultLimits = Limits{Stack: 512 << 10, Heap: 4 << 20, Data: 2 << 20, Time: 2 * time.Millisecond}

func (l Limits) orDefault() Limits {
	d := DefaultLimits
	if l.Stack > 0 {
		d.Stack = l.Stack
	}
	if l.Heap > 0 {
		d.Heap = l.Heap
	}
	if l.Data > 0 {
		d.Data = l.Data
	}
	if l.Time > 0 {
		d.Time = l.Time
	}
	return d
}

// ErrUnsupported is what captures fail with where they do not work.
var ErrUnsupported = errors.New("mini-cores are made on linux/amd64 alone")

// Copy is a goroutine that has run on: what was copied of it at the moment of
// interest.
type Copy struct {
	// Registers as they were; FSBase is set by the capture.
	Registers Registers
	// Stack is a copy of the stack, whose lowest byte was at StackAddr; it
	// should reach from the stack pointer outwards. It is not kept.
	Stack     []byte
	StackAddr uint64
	// G is the address of the goroutine (runtime.g).
	G uint64
	// Error is the error's two words, as registers have them: its table of
	// methods (runtime.itab), 0 for a nil error, and its data.
	Error [2]uint64
	// Roots are further addresses of which the memory is taken.
	Roots []uint64
	Time  time.Time
	// Limits bound the capture.
	Limits Limits
}

// piece is the unit in which memory is taken.
const piece = 1024

// segment is memory at an address.
type segment struct {
	addr uint64
	data []byte
}

func (s segment) end() uint64 { return s.addr + uint64(len(s.data)) }

// Snapshot is a captured goroutine, in memory. It is not safe for concurrent use.
type Snapshot struct {
	Info      Info
	Registers Registers

	// fixed do not overlap; they win over pieces.
	fixed  []segment
	pieces []segment // each of one piece
	files  []fileMapping
	auxv   []byte
	buf    *buffers
}

// fileMapping is a part of the executable that is mapped unchanged: a debugger
// reads it from the file. Its offset is in pages.
type fileMapping struct{ start, end, offset uint64 }

// Close gives the memory back; the snapshot must not be used after.
func (s *Snapshot) Close() {
	if s.buf != nil {
		s.buf.free()
	}
	*s = Snapshot{}
}
