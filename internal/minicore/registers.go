package minicore

// Registers are the registers of a thread, in the order of the kernel's
// user_regs_struct for amd64 (arch/x86/include/asm/user_64.h), as a core's
// NT_PRSTATUS has them.
type Registers struct {
	R15, R14, R13, R12, RBP, RBX, R11, R10, R9, R8 uint64
	RAX, RCX, RDX, RSI, RDI                        uint64
	OrigRAX                                        uint64
	RIP, CS, EFlags, RSP, SS                       uint64
	FSBase, GSBase                                 uint64
	DS, ES, FS, GS                                 uint64
}

func (r *Registers) words() [27]uint64 {
	return [27]uint64{
		r.R15, r.R14, r.R13, r.R12, r.RBP, r.RBX, r.R11, r.R10, r.R9, r.R8,
		r.RAX, r.RCX, r.RDX, r.RSI, r.RDI,
		r.OrigRAX,
		r.RIP, r.CS, r.EFlags, r.RSP, r.SS,
		r.FSBase, r.GSBase,
		r.DS, r.ES, r.FS, r.GS,
	}
}

// Frame is a frame of a stack: a program counter (as runtime.Callers has it: of
// a call it is the return address), the stack pointer and the base pointer of the
// function there.
type Frame struct {
	PC, SP, BP uintptr
	// Stack are the bounds of the goroutine's stack at the moment of interest, 0 where
	// they are not known. If it has moved since, pointers into it that the runtime
	// took for dead, and left as they were, are corrected.
	Stack Bounds
}

// Bounds are from where to where memory is.
type Bounds struct{ Lo, Hi uintptr }

// arguments are the registers that may hold a pointer of a function of Go's.
func (r *Registers) arguments() []uint64 {
	return []uint64{r.RAX, r.RBX, r.RCX, r.RDI, r.RSI, r.R8, r.R9, r.R10, r.R11, r.RDX, r.R12, r.R13, r.R15}
}
