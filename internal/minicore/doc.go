// Package minicore writes a small ELF core of one goroutine of the running
// program: its stack, its registers, what they reach on the heap, and the
// program's variables. Delve opens it as the core of a process:
//
//	dlv core PROGRAM CORE
//
// It takes no tracer, no signal and no second process. Memory is read with
// process_vm_readv, or through /proc/self/mem where that is denied: an address
// that cannot be read is left out, no fault can happen.
//
// [Capture] is called on a goroutine and takes that goroutine, from a frame of
// its stack outwards: in a panic, the one that panics. [FromCopy] takes one that
// has run on since, from copies of its registers and stack; what the heap holds is
// then of a later moment than the stack.
//
// A core has, beside what a core of the kernel's has, two invented pieces of
// memory: at [ValueAddr] the words of the panic value or error, and below
// [ThreadAddr] the address of the goroutine, where a debugger looks for it. A note
// of its own says which build of which program it is of: [ReadInfo].
//
// It works on linux/amd64; elsewhere [Check] says that it does not.
package minicore
