#include "textflag.h"

// func words(dst *byte, size uintptr) (gp, addr, n, fp uintptr)
TEXT ·words(SB), NOSPLIT, $0-48
	MOVQ (TLS), AX
	MOVQ AX, gp+16(FP)
	MOVQ 8(AX), CX
	LEAQ dst+0(FP), SI
	MOVQ SI, addr+24(FP)
	SUBQ SI, CX
	MOVQ size+8(FP), DX
	CMPQ CX, DX
	CMOVQHI DX, CX
	MOVQ CX, n+32(FP)
	MOVQ BP, fp+40(FP)
	MOVQ dst+0(FP), DI
	CLD
	REP
	MOVSB
	RET
