#include "textflag.h"

// A method of an interface is called with the data word in AX and the arguments behind
// it. Here that is a pointer to a hostBridge, whose first word is a list of closures:
// the n-th stub goes on to the n-th, as the call of a func value would. R12 is free in
// calls of the Go ABI.
#define STUB(name, off) \
TEXT name<>(SB), NOSPLIT|NOFRAME, $0 \
	MOVQ (AX), DX \
	MOVQ off(DX), DX \
	MOVQ (DX), R12 \
	JMP  R12 \
DATA ·stubs+off(SB)/8, $name<>(SB)

STUB(stub0, 0)
STUB(stub1, 8)
STUB(stub2, 16)
STUB(stub3, 24)
STUB(stub4, 32)
STUB(stub5, 40)
STUB(stub6, 48)
STUB(stub7, 56)
STUB(stub8, 64)
STUB(stub9, 72)
STUB(stub10, 80)
STUB(stub11, 88)
STUB(stub12, 96)
STUB(stub13, 104)
STUB(stub14, 112)
STUB(stub15, 120)
STUB(stub16, 128)
STUB(stub17, 136)
STUB(stub18, 144)
STUB(stub19, 152)
STUB(stub20, 160)
STUB(stub21, 168)
STUB(stub22, 176)
STUB(stub23, 184)
GLOBL ·stubs(SB), NOPTR, $192
