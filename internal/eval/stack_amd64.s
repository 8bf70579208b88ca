#include "textflag.h"

// func stackUsed() uintptr
TEXT ·stackUsed(SB), NOSPLIT, $0-8
	MOVQ (TLS), AX // g
	MOVQ 8(AX), AX // stack.hi
	SUBQ SP, AX
	MOVQ AX, ret+0(FP)
	RET
