// Package jump turns single instructions of the running program into jumps, by
// changing one byte, while the program runs.
//
// A relative jump on amd64 is e9 and a distance of four bytes. If e9 replaces
// the first byte of some instruction, the four bytes that follow, which stay as
// they are, are the distance: for the two places that Go's compiler puts in
// nearly every function, PUSHQ BP; MOVQ SP, BP; SUBQ … (55 48 89 e5 48) at the
// start and ADDQ $n, SP; POPQ BP; RET (48 83 c4 NN 5d c3) at each return, it
// lands between 1.1 and 1.6 GB above, where there is usually nothing. A page is
// mapped there, with a jump to wherever the [Site] is aimed.
//
// One byte is written atomically, so a thread that runs there meanwhile sees the
// old instruction or the new, and one that stands behind the byte is not
// touched. There is no trap, no signal, no tracer and no pause. The byte is
// written through /proc/self/mem, so that no page is ever writable and
// executable, and followed by membarrier(SYNC_CORE), as Intel asks for code that
// is modified by another processor. Restoring writes the old byte back. Pages,
// landings and stubs stay for good: a late thread may still be in one.
//
// A debugger that is attached later may put a breakpoint on one of the four bytes
// of the distance, and then the jump goes astray: it does where these bytes hold
// the start of an instruction that debuggers choose. Behind PUSHQ BP; MOVQ SP, BP
// they do, for the first instruction behind the prologue; in the comparison
// before it, CMPQ SP, 16(R14) (49 3b 66 10 and the first byte of JBE), and in an
// epilogue they do not. Remove what is armed before you break on its function.
//
// Everything is refused that is not as expected, with an error that says what:
// errors.ErrUnsupported when this process cannot do it, syscall.EBUSY while the
// process is traced, or when another tool has changed the code.
package jump

// A Condition is one thing that must hold in this process.
type Condition struct {
	// Name is a short name: "not traced".
	Name string
	OK   bool
	// Detail is what was found: "traced by 4711 (dlv)".
	Detail string
	// Remedy is what to do about it, empty when OK.
	Remedy string
}

// Patch is a byte that is changed at the moment.
type Patch struct {
	Addr uintptr
	// Func is the name of the function around it.
	Func string
}

// Difference is a byte of the code that is not as in the executable file.
type Difference struct {
	Addr         uintptr
	Func         string
	Memory, File byte
	// Ours says that it is an armed Site.
	Ours bool
}
