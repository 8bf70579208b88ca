// A copy of golang.org/x/arch/x86/x86asm v0.32.0 (see LICENSE) without what only
// disassemblers need: the names of instructions and registers, the syntaxes, and the
// decoder of VEX and EVEX, whose tables would add 0.2 MiB to every program.

package x86asm
