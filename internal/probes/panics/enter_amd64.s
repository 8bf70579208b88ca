//go:build linux

#include "textflag.h"
#include "funcdata.h"

// enter stands in for the comparison in runtime.gopanic's check of the stack: SP
// points at the return address, AX and BX hold the panic value, R14 the
// goroutine. R12 and R13 are free, as in every function before its body. It takes
// 80 bytes of the 800 that functions without a check of their own share.
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
	ADJSP $56
	MOVQ AX, 0(SP)
	MOVQ BX, 8(SP)
	MOVQ R12, 16(SP)  // a pointer into the stack: moves with it
	MOVQ (BP), R13
	SUBQ R12, R13
	MOVQ R13, 24(SP)  // the frame pointer may be anything: a distance
	MOVQ R14, 32(SP)
	CALL ·hook(SB)
	MOVQ 40(SP), AX
	MOVQ 48(SP), BX
	ADJSP $-56
	POPQ BP

gopanic:
	MOVQ ·resume(SB), R12
	JMP  R12

	// The stack has to grow, or the goroutine to yield, before anything else:
	// gopanic does so and starts again. The flags are those of its comparison.
more:
	MOVQ ·branch(SB), R13
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
