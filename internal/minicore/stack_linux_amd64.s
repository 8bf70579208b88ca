#include "textflag.h"

// func copyStack(dst *byte, size uintptr) (gp, addr, hi, fp uintptr)
//
// In one function, which cannot be interrupted for the stack to move: all that it
// returns and copies is of one moment. The stack's bounds are the first two words
// of a goroutine (runtime/runtime2.go, type g).
TEXT ·copyStack(SB), NOSPLIT, $0-48
	MOVQ (TLS), AX
	MOVQ AX, gp+16(FP)
	MOVQ 8(AX), BX
	MOVQ BX, hi+32(FP)
	MOVQ BP, fp+40(FP)
	LEAQ dst+0(FP), SI
	MOVQ SI, addr+24(FP)
	MOVQ BX, CX
	SUBQ SI, CX
	JLS  done               // not on the goroutine's stack
	MOVQ size+8(FP), DX
	CMPQ CX, DX
	CMOVQHI DX, CX
	MOVQ dst+0(FP), DI
	CLD
	REP
	MOVSB
done:
	RET
