// Package returns watches functions of the running program return: [InsertError]
// captures the errors that a function returns, [Observe] a function's arguments,
// results and durations for a while.
//
// Both put one-byte jumps (package jump) into the function's epilogues, Observe
// also into its stack check, to stubs that do what the replaced instruction did and
// go on. A stub of an error probe tests the register or stack slot in which the
// function returns its error, by [abi.Assign], and returns when that is nil; this
// costs 1 to 2 ns. Otherwise assembly without a frame copies registers and stack into
// a ring that was allocated before, and wakes a goroutine of this package, which
// calls the caller of InsertError back. No Go code runs on the function's
// goroutine: the garbage collector does not know of results in registers.
//
// A probe has a rate limit, past which errors are counted and nothing else, and a
// budget of CPU time; one that costs more removes itself. Refused is whatever is
// not known for certain: see [Reason].
package returns
