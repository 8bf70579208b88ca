package insn

// What follows an opcode, a letter each, in rows of sixteen as in the manual:
//
//   - not an instruction in 64-bit mode, a prefix, or an escape
//     . nothing
//     m ModRM              r ModRM whose operands are registers whatever it says
//     b imm8               B ModRM, imm8
//     z imm16/32           Z ModRM, imm16/32
//     v imm16/32/64        w imm16
//     e imm16, imm8        o an address
//     j rel8               J rel32
//     t ModRM, imm8 if its reg is 0 or 1     T the same with imm16/32

// oneByte is table A-2.
const oneByte = "" +
	"mmmmbz--mmmmbz--" + // 00 ADD, OR
	"mmmmbz--mmmmbz--" + // 10 ADC, SBB
	"mmmmbz--mmmmbz--" + // 20 AND, SUB
	"mmmmbz--mmmmbz--" + // 30 XOR, CMP
	"----------------" + // 40 REX
	"................" + // 50 PUSH, POP
	"---m----zZbB...." + // 60 MOVSXD, PUSH, IMUL, INS, OUTS
	"jjjjjjjjjjjjjjjj" + // 70 Jcc
	"BZ-Bmmmmmmmmmmmm" + // 80 group 1, TEST, XCHG, MOV, LEA, POP
	"..........-....." + // 90 XCHG, CWDE, CDQ, WAIT, PUSHF, POPF, SAHF, LAHF
	"oooo....bz......" + // A0 MOV, MOVS, CMPS, TEST, STOS, LODS, SCAS
	"bbbbbbbbvvvvvvvv" + // B0 MOV
	"BBw.--BZe.w..b-." + // C0 group 2, RET, group 11, ENTER, LEAVE, far RET, INT, IRET
	"mmmm---.mmmmmmmm" + // D0 group 2, XLAT, x87
	"jjjjbbbbJJ-j...." + // E0 LOOP, JRCXZ, IN, OUT, CALL, JMP
	"-.--..tT......mm" //   F0 INT1, HLT, CMC, groups 3, 4 and 5

// twoByte is table A-3, behind 0F.
const twoByte = "" +
	"mmmm-.....-.-m--" + // 00 groups 6 and 7, LAR, LSL, SYSCALL, SYSRET, UD2, PREFETCHW
	"mmmmmmmmmmmmmmmm" + // 10 MOVUPS, ..., prefetches and NOPs
	"rrrr----mmmmmmmm" + // 20 MOV of control registers, MOVAPS, ..., COMISS
	"......-.--------" + // 30 WRMSR, RDTSC, ..., SYSENTER, SYSEXIT, GETSEC
	"mmmmmmmmmmmmmmmm" + // 40 CMOVcc
	"mmmmmmmmmmmmmmmm" + // 50 MOVMSKPS, SQRTPS, ...
	"mmmmmmmmmmmmmmmm" + // 60 PUNPCKLBW, ...
	"BBBBmmm.mm--mmmm" + // 70 PSHUFW, groups 12 to 14, PCMPEQB, EMMS, VMREAD, HADDPD
	"JJJJJJJJJJJJJJJJ" + // 80 Jcc
	"mmmmmmmmmmmmmmmm" + // 90 SETcc
	"...mBm--...mBmmm" + // A0 PUSH, POP, CPUID, BT, SHLD, BTS, SHRD, group 15, IMUL
	"mmmmmmmmmmBmmmmm" + // B0 CMPXCHG, LSS, BTR, LFS, LGS, MOVZX, POPCNT, group 8, BSF, MOVSX
	"mmBmBBBm........" + // C0 XADD, CMPPS, MOVNTI, PINSRW, PEXTRW, SHUFPS, group 9, BSWAP
	"mmmmmmmmmmmmmmmm" + // D0 ADDSUBPD, PSRLW, ...
	"mmmmmmmmmmmmmmmm" + // E0 PAVGB, ...
	"mmmmmmmmmmmmmmmm" //   F0 LDDQU, ..., UD0

// threeByte38 is table A-4, behind 0F 38: a bit for each opcode that there is. All
// have ModRM and no immediate.
var threeByte38 = [4]uint64{0xffff0f3f70b10fff, 0x3, 0x7, 0x03630000f800bf00}

// threeByte3A is table A-5, behind 0F 3A. All have ModRM and imm8.
var threeByte3A = [4]uint64{0x0000000700f0ff00, 0x0000000f00000017, 0, 0x000000008000d000}

// A form says which values of reg in ModRM an opcode is defined with, a bit each:
// with an operand in memory, and with one in a register (table A-6). What is not
// listed is defined with all of them.
type form struct{ from, to, mem, reg byte }

var oneByteForms = [...]form{
	{0x8c, 0x8c, 0x3f, 0x3f}, // MOV from a segment register
	{0x8d, 0x8d, 0xff, 0x00}, // LEA
	{0x8e, 0x8e, 0x3d, 0x3d}, // MOV to a segment register but CS
	{0x8f, 0x8f, 0x01, 0x01}, // POP; AMD's XOP is not decoded
	{0xc0, 0xc1, 0xbf, 0xbf}, // group 2
	{0xc6, 0xc7, 0x01, 0x01}, // MOV; XABORT and XBEGIN are not decoded
	{0xd0, 0xd3, 0xbf, 0xbf}, // group 2
	{0xd9, 0xd9, 0xfd, 0xff}, // x87, for registers see x87
	{0xdb, 0xdb, 0xaf, 0xff},
	{0xdd, 0xdd, 0xdf, 0xff},
	{0xf6, 0xf7, 0xfd, 0xfd}, // group 3
	{0xfe, 0xfe, 0x03, 0x03}, // INC, DEC
	{0xff, 0xff, 0x7f, 0x57}, // group 5
}

var twoByteForms = [...]form{
	{0x00, 0x00, 0x3f, 0x3f}, // group 6
	{0x01, 0x01, 0xdf, 0xff}, // group 7
	{0x0d, 0x0d, 0xff, 0x00}, // PREFETCHW
	{0x13, 0x13, 0xff, 0x00}, // MOVLPS
	{0x17, 0x17, 0xff, 0x00}, // MOVHPS
	{0x2b, 0x2b, 0xff, 0x00}, // MOVNTPS
	{0x50, 0x50, 0x00, 0xff}, // MOVMSKPS
	{0x71, 0x72, 0x00, 0x54}, // PSRLW, PSRLD, ...
	{0x73, 0x73, 0x00, 0xcc}, // PSRLQ, ...
	{0xb2, 0xb2, 0xff, 0x00}, // LSS
	{0xb4, 0xb5, 0xff, 0x00}, // LFS, LGS
	{0xba, 0xba, 0xf0, 0xf0}, // BT, ...
	{0xc3, 0xc3, 0xff, 0x00}, // MOVNTI
	{0xc5, 0xc5, 0x00, 0xff}, // PEXTRW
	{0xc7, 0xc7, 0xfa, 0xc0}, // CMPXCHG8B, XSAVEC, RDRAND, ...
	{0xd7, 0xd7, 0x00, 0xff}, // PMOVMSKB
	{0xe7, 0xe7, 0xff, 0x00}, // MOVNTQ
	{0xf0, 0xf0, 0xff, 0x00}, // LDDQU
	{0xf7, 0xf7, 0x00, 0xff}, // MASKMOVQ
}

// x87 are the x87 instructions without memory operands, D8 to DF, a bit for each
// ModRM from C0 (tables ).
var x87 = [8]uint64{
	0xffffffffffffffff, // D8
	0xffff7f330001ffff, // D9
	0x00000200ffffffff, // DA
	0x00ffff0cffffffff, // DB
	0xffffffff0000ffff, // DC
	0x0000ffffffff00ff, // DD
	0xffffffff0200ffff, // DE
	0x00ffff0100000000, // DF
}
