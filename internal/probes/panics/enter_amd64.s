//go:build linux

#include "textflag.h"
#include "funcdata.h"
#include "go_asm.h"

// enter stands in for the comparison in runtime.gopanic's check of the stack: SP
// points at the return address, AX and BX hold the panic value, R14 the
// goroutine. R12 and R13 are free, as in every function before its body. It takes
// 96 bytes of the 800 that functions without a check of their own share.
TEXT ·enter(SB), NOSPLIT|NOFRAME, $0-0
	NO_LOCAL_POINTERS
	MOVQ SP, R12
	SUBQ ·guard(SB), R12
	CMPQ R12, 16(R14)
	JLS  more

	// Ordinary Go code can run here only if gopanic would not throw: on the
	// goroutine's own stack, not in malloc, preemptible, without locks.
	MOVQ ·offM(SB), R12
	MOVQ (R14)(R12*1), R12
	MOVQ ·offCurg(SB), R13
	CMPQ R14, (R12)(R13*1)
	JNE  gopanic
	MOVQ ·offMallocing(SB), R13
	CMPL (R12)(R13*1), $0
	JNE  gopanic
	MOVQ ·offPreemptoff(SB), R13
	CMPQ (R12)(R13*1), $0
	JNE  gopanic
	MOVQ ·offLocks(SB), R13
	CMPL (R12)(R13*1), $0
	JNE  gopanic

	MOVQ SP, R12
	PUSHQ BP
	MOVQ SP, BP
	ADJSP $72
	MOVQ AX, 0(SP)
	MOVQ BX, 8(SP)
	MOVQ R12, 16(SP)  // a pointer into the stack: moves with it
	MOVQ (BP), R13
	SUBQ R12, R13
	MOVQ R13, 24(SP)  // the frame pointer may be anything: a distance
	MOVQ R14, 32(SP)
	MOVQ 0(R14), R12  // the stack's bounds (runtime/runtime2.go, type g), before
	MOVQ R12, 40(SP)  // anything of ours can move it
	MOVQ 8(R14), R12
	MOVQ R12, 48(SP)
	CALL ·hook(SB)
	MOVQ 56(SP), AX
	MOVQ 64(SP), BX
	ADJSP $-72
	POPQ BP

gopanic:
	MOVQ ·resume(SB), R12
	JMP  R12

	// The stack has to grow, or the goroutine to yield, before anything else:
	// gopanic does so and starts again. Where the stack was before is noted, of the
	// first of several times, if the place is free: until then nothing can interrupt
	// this. JBE branches where the carry is set.
more:
	MOVQ R14, R12
	SHRQ $const_grownShift, R12
	ANDQ $(const_grownSlots-1), R12
	SHLQ $const_grownSizeShift, R12
	LEAQ ·grown(SB), R13
	ADDQ R12, R13
	MOVQ AX, R12
	XORL AX, AX
	LOCK
	CMPXCHGQ R14, bounds_g(R13)
	MOVQ R12, AX
	JNE  taken
	MOVQ 0(R14), R12
	MOVQ R12, bounds_lo(R13)
	MOVQ 8(R14), R12
	MOVQ R12, bounds_hi(R13)
taken:
	MOVQ ·branch(SB), R13
	STC
	JMP  R13

// func enterAddr() uintptr
TEXT ·enterAddr(SB), NOSPLIT, $0-8
	LEAQ ·enter(SB), AX
	MOVQ AX, ret+0(FP)
	RET

// func getg() uintptr
TEXT ·getg(SB), NOSPLIT, $0-8
	MOVQ (TLS), AX
	MOVQ AX, ret+0(FP)
	RET
