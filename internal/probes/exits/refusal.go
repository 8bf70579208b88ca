package exits

import "fmt"

// Reason says which check a function did not pass.
type Reason uint8

const (
	// Undecodable: the code is not a row of instructions that ends at its end.
	Undecodable Reason = iota + 1
	// NeverReturns: there is no RET.
	NeverReturns
	// NoEpilogue: a RET that no frame is released before, as leaf functions have;
	// there is no room for a jump there.
	NoEpilogue
	// TailJump: a jump leaves the function, or may.
	TailJump
	// OddReturn: a far return, a RET that releases arguments, or one at which the
	// function's own tables say that the frame is still there.
	OddReturn
	// BranchInside: a branch goes into the middle of an instruction or of an epilogue.
	BranchInside
)

var reasons = [...]string{
	Undecodable:  "its code cannot be decoded",
	NeverReturns: "it never returns",
	NoEpilogue:   "a RET without an epilogue",
	TailJump:     "a jump out of the function",
	OddReturn:    "a return of an unknown kind",
	BranchInside: "a branch into an instruction or an epilogue",
}

func (r Reason) String() string {
	if int(r) < len(reasons) && reasons[r] != "" {
		return reasons[r]
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// A Refusal is why the exits of a function cannot be used.
type Refusal struct {
	Reason Reason
	Offset int    // from the function's entry, in bytes; -1 if it is about no one place
	Detail string // what was found there; may be empty
}

func (r *Refusal) Error() string {
	s := r.Reason.String()
	if r.Offset >= 0 {
		s += fmt.Sprintf(" at +%#x", r.Offset)
	}
	if r.Detail != "" {
		s += ": " + r.Detail
	}
	return s
}
