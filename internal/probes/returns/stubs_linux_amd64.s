#include "textflag.h"
#include "go_asm.h"

// Both routines are jumped to by stubs, with R12 = *site and all else as the
// function has it: at a RET the results are in registers, at the entry the
// arguments and DX, the closure. R12, R13 and R15 are nobody's then, and at a RET
// DX neither. R14 is g, whose first words are stack.lo and stack.hi.

// capture copies a non-nil error's registers and stack. SP is as at the RET.
TEXT ·capture(SB),NOSPLIT|NOFRAME,$0-0
	MOVQ site_cell(R12), R13
	LOCK
	INCQ cell_hits(R13)
	CMPQ cell_tokens(R13), $0
	JLE  out
	CMPQ R14, ·consumer(SB)
	JEQ  out
	MOVQ $-1, R15
	LOCK
	XADDQ R15, cell_tokens(R13)
	TESTQ R15, R15
	JLE  out
	MOVQ $1, R15
	LOCK
	XADDQ R15, ·captureHead(SB)
	MOVQ R15, R13
	ANDQ $(const_captureSlots-1), R13
	LEAQ ·captureStates(SB), DX
	LOCK
	BTSL $0, (DX)(R13*4)
	JCS  full
	SHLQ $const_captureShift, R13
	ADDQ ·captures(SB), R13
	MOVQ R12, slot_site(R13)
	MOVQ R15, slot_seq(R13)
	MOVQ SP, slot_sp(R13)
	MOVQ BP, slot_bp(R13)
	MOVQ R14, slot_g(R13)
	MOVQ AX, (slot_ints+0)(R13)
	MOVQ BX, (slot_ints+8)(R13)
	MOVQ CX, (slot_ints+16)(R13)
	MOVQ DI, (slot_ints+24)(R13)
	MOVQ SI, (slot_ints+32)(R13)
	MOVQ R8, (slot_ints+40)(R13)
	MOVQ R9, (slot_ints+48)(R13)
	MOVQ R10, (slot_ints+56)(R13)
	MOVQ R11, (slot_ints+64)(R13)
	MOVQ $0, slot_dx(R13)
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	MOVQ AX, slot_tsc(R13)
	MOVUPS X0, (slot_floats+0)(R13)
	MOVUPS X1, (slot_floats+16)(R13)
	MOVUPS X2, (slot_floats+32)(R13)
	MOVUPS X3, (slot_floats+48)(R13)
	MOVUPS X4, (slot_floats+64)(R13)
	MOVUPS X5, (slot_floats+80)(R13)
	MOVUPS X6, (slot_floats+96)(R13)
	MOVUPS X7, (slot_floats+112)(R13)
	MOVUPS X8, (slot_floats+128)(R13)
	MOVUPS X9, (slot_floats+144)(R13)
	MOVUPS X10, (slot_floats+160)(R13)
	MOVUPS X11, (slot_floats+176)(R13)
	MOVUPS X12, (slot_floats+192)(R13)
	MOVUPS X13, (slot_floats+208)(R13)
	MOVUPS X14, (slot_floats+224)(R13)

	XORL AX, AX
	MOVQ ·goidOffset(SB), CX
	TESTQ CX, CX
	JEQ  goid
	MOVQ (R14)(CX*1), AX
goid:
	MOVQ AX, slot_goid(R13)
	XORL AX, AX
	MOVQ ·labelsOffset(SB), CX
	TESTQ CX, CX
	JEQ  labels
	MOVQ (R14)(CX*1), AX
labels:
	MOVQ AX, slot_labels(R13)

	// The stack, from the function's own dead frame upwards.
	MOVQ $0, slot_size(R13)
	MOVQ 0(R14), AX
	MOVQ 8(R14), CX
	CMPQ SP, AX
	JCS  copied
	CMPQ SP, CX
	JCC  copied
	MOVQ SP, SI
	SUBQ site_frame(R12), SI
	CMPQ SI, AX
	JCC  whole
	MOVQ SP, SI
whole:
	SUBQ SI, CX
	CMPQ CX, $const_captureStack
	JLS  fits
	MOVQ $const_captureStack, CX
fits:
	MOVQ SI, slot_base(R13)
	MOVQ CX, slot_size(R13)
	SHRQ $3, CX
	LEAQ slot_stack(R13), DI
	REP; MOVSQ
copied:

	// The error must outlive this return if its methods are to be called. A store
	// without write barrier is right as long as the barrier is off, and it cannot
	// be turned on before this thread comes to a safe point. An error on the
	// goroutine's own stack is not kept: stacks move, and are not for others.
	MOVQ $0, slot_kept(R13)
	MOVQ ·barrierFlag(SB), AX
	TESTQ AX, AX
	JEQ  unkept
	CMPL (AX), $0
	JNE  unkept
	ANDQ $(const_captureSlots-1), R15
	MOVQ slot_labels(R13), CX
	LEAQ ·keepLabels(SB), SI
	MOVQ CX, (SI)(R15*8)
	MOVQ site_data(R12), CX
	TESTQ CX, CX
	JEQ  onstack
	MOVQ (R13)(CX*1), CX
	JMP  loaded
onstack:
	MOVQ site_stack(R12), CX
	MOVQ 8(SP)(CX*1), CX
loaded:
	CMPQ CX, 0(R14)
	JCS  heap
	CMPQ CX, 8(R14)
	JCS  unkept
heap:
	LEAQ ·keep(SB), SI
	MOVQ CX, (SI)(R15*8)
	MOVQ $1, slot_kept(R13)
unkept:

	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	SUBQ slot_tsc(R13), AX
	MOVQ site_cell(R12), DX
	LOCK
	ADDQ AX, cell_cycles(DX)
	MOVQ slot_seq(R13), R15
	ANDQ $(const_captureSlots-1), R15
	MOVQ (slot_ints+0)(R13), AX
	MOVQ (slot_ints+16)(R13), CX
	MOVQ (slot_ints+24)(R13), DI
	MOVQ (slot_ints+32)(R13), SI
	LEAQ ·captureStates(SB), DX
	MOVL $const_slotPublished, R13
	XCHGL R13, (DX)(R15*4)
	CMPL ·sleeping(SB), $0
	JNE  wake
out:
	RET
wake:
	XORL DX, DX
	XCHGL DX, ·sleeping(SB)
	TESTL DX, DX
	JEQ  out
	PUSHQ AX
	PUSHQ CX
	PUSHQ DI
	PUSHQ SI
	PUSHQ R11
	MOVQ $1, AX		// write(2); the eventfd does not block
	MOVL ·eventFD(SB), DI
	LEAQ ·eventOne(SB), SI
	MOVQ $8, DX
	SYSCALL
	POPQ R11
	POPQ SI
	POPQ DI
	POPQ CX
	POPQ AX
	RET
full:
	MOVQ site_cell(R12), R13
	LOCK
	INCQ cell_dropped(R13)
	LOCK
	INCQ cell_tokens(R13)
	RET

// observe copies the registers of arguments or results, and goes on at site.cont.
TEXT ·observe(SB),NOSPLIT|NOFRAME,$0-0
	MOVQ site_cell(R12), R13
	MOVQ cell_tokens(R13), R15	// read once: see Pairs
	TESTQ R15, R15
	JLE  skip
	CMPQ R14, ·consumer(SB)
	JEQ  skip
	PUSHQ AX
	PUSHQ DX
	PUSHQ R15
	LOCK
	INCQ cell_hits(R13)
	MOVQ ·recordDrops(SB), AX	// before the claim: see Pairs
	MOVQ $1, R13
	LOCK
	XADDQ R13, ·recordHead(SB)
	MOVQ R13, R15
	ANDQ $(const_recordSlots-1), R15
	LEAQ ·recordStates(SB), DX
	LOCK
	BTSL $0, (DX)(R15*4)
	JCS  nospace
	SHLQ $const_recordShift, R15
	ADDQ ·records(SB), R15
	POPQ DX
	MOVQ DX, record_turn(R15)
	MOVQ R12, record_site(R15)
	MOVQ R13, record_seq(R15)
	MOVQ AX, record_drops(R15)
	MOVQ R14, record_g(R15)
	LEAQ 16(SP), DX
	MOVQ 8(R14), AX
	MOVQ AX, record_hi(R15)
	SUBQ DX, AX
	MOVQ AX, record_depth(R15)
	MOVQ 8(SP), AX
	MOVQ AX, (record_ints+0)(R15)
	MOVQ BX, (record_ints+8)(R15)
	MOVQ CX, (record_ints+16)(R15)
	MOVQ DI, (record_ints+24)(R15)
	MOVQ SI, (record_ints+32)(R15)
	MOVQ R8, (record_ints+40)(R15)
	MOVQ R9, (record_ints+48)(R15)
	MOVQ R10, (record_ints+56)(R15)
	MOVQ R11, (record_ints+64)(R15)
	MOVQ X0, (record_floats+0)(R15)
	MOVQ X1, (record_floats+8)(R15)
	MOVQ X2, (record_floats+16)(R15)
	MOVQ X3, (record_floats+24)(R15)
	MOVQ X4, (record_floats+32)(R15)
	MOVQ X5, (record_floats+40)(R15)
	MOVQ X6, (record_floats+48)(R15)
	MOVQ X7, (record_floats+56)(R15)
	MOVQ X8, (record_floats+64)(R15)
	MOVQ X9, (record_floats+72)(R15)
	MOVQ X10, (record_floats+80)(R15)
	MOVQ X11, (record_floats+88)(R15)
	MOVQ X12, (record_floats+96)(R15)
	MOVQ X13, (record_floats+104)(R15)
	MOVQ X14, (record_floats+112)(R15)
	XORL AX, AX
	MOVQ ·goidOffset(SB), DX
	TESTQ DX, DX
	JEQ  goid
	MOVQ (R14)(DX*1), AX
goid:
	MOVQ AX, record_goid(R15)
	MOVQ site_words(R12), DX	// at most recordStack/8
	JMP  check
word:
	MOVQ 16(SP)(DX*8), AX		// 8 more than pushed: the return address
	MOVQ AX, (record_stack-8)(R15)(DX*8)
	DECQ DX
check:
	TESTQ DX, DX
	JNE  word
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	MOVQ AX, record_tsc(R15)
	ANDQ $(const_recordSlots-1), R13
	LEAQ ·recordStates(SB), DX
	MOVL $const_slotPublished, AX
	XCHGL AX, (DX)(R13*4)
	CMPL ·sleeping(SB), $0
	JNE  awake
done:
	POPQ DX
	POPQ AX
skip:
	MOVQ site_cont(R12), R13
	JMP  R13
nospace:
	POPQ DX
	MOVQ site_cell(R12), R13
	LOCK
	INCQ cell_dropped(R13)
	LOCK
	INCQ ·recordDrops(SB)
	JMP  done
awake:
	XORL DX, DX
	XCHGL DX, ·sleeping(SB)
	TESTL DX, DX
	JEQ  done
	PUSHQ CX
	PUSHQ DI
	PUSHQ SI
	PUSHQ R11
	MOVQ $1, AX
	MOVL ·eventFD(SB), DI
	LEAQ ·eventOne(SB), SI
	MOVQ $8, DX
	SYSCALL
	POPQ R11
	POPQ SI
	POPQ DI
	POPQ CX
	JMP  done

// func routines() (capturePC, observePC uintptr)
TEXT ·routines(SB),NOSPLIT,$0-16
	LEAQ ·capture(SB), AX
	MOVQ AX, capturePC+0(FP)
	LEAQ ·observe(SB), AX
	MOVQ AX, observePC+8(FP)
	RET

// func getg() uintptr
TEXT ·getg(SB),NOSPLIT,$0-8
	MOVQ (TLS), AX
	MOVQ AX, ret+0(FP)
	RET

// func readTSC() uint64
TEXT ·readTSC(SB),NOSPLIT,$0-8
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	MOVQ AX, ret+0(FP)
	RET
