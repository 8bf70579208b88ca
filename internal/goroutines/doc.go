// Package goroutines takes dumps of all goroutines of the program without
// stopping it.
//
// # How
//
// What everybody uses, runtime.Stack and the goroutine profile with debug=2,
// stops the whole program for the whole dump: 0.4 s and 2.7 s in all at 100,000
// goroutines. An execution trace, however short, holds the id, the state and the
// stack of every goroutine, because the tracer asks each, one after the other,
// while the others run. [Take] takes such a trace and keeps of it what a dump needs:
// 0.1 s at 100,000 goroutines, 0.2 s with the text, and no goroutine is kept
// from running for longer than about a millisecond (BenchmarkDump).
//
// The runtime has two places for traces, and what the program itself uses stays
// the program's: first the flight recorder's ([FlightRecorder]), above 20,000
// goroutines that of trace.Start ([Tracer]), for the time of the dump; who holds
// one of them in this module (see package tracing) keeps it too. Where neither is
// free, the goroutine profile remains ([Profile]): how many goroutines have which
// stack. It also serves where the program is so short of CPU that a trace would
// never end, where the runtime writes a trace format that is not known here, and
// with GODEBUG=profstackdepth=0, with which the runtime's tracer ends the program.
// A dump says which way was used and what it cost.
//
// # What a trace lacks, and where it is had from
//
//   - Why a goroutine waits: the functions at the top of its stack tell, in the
//     same words as the runtime's own.
//   - Stacks of goroutines that were on a CPU: the tracer makes each stop for a
//     moment, and has its stack then; they are shown as running. Of the few that
//     were just being woken or had just begun to run it has none: all are looked
//     at again, up to six times.
//   - Callers: a goroutine that is stopped in a function without a frame (one that
//     calls nothing) lacks this function's caller. The goroutine profile has it.
//     Where only one can be meant it is put in, and the goroutine is marked.
//   - Who created a goroutine, whether it is locked to a thread, its labels: the
//     runtime's own structures say so. They are read through /proc/self/mem, so
//     that nothing can go wrong but the reading, at places that three goroutines of
//     our own, whose answers are known, have shown (see calibrate). This needs no
//     symbols and no knowledge of the Go version. Where it does not work, on
//     other systems than Linux or where /proc is closed, creators are known of
//     goroutines that came into being during the dump alone, and labels come from
//     the goroutine profile, as far as it tells.
//   - The runtime's own goroutines are in the trace; they are left out as in the
//     standard dump, and shown where they run the program's finalizers.
//   - Frames beyond the innermost 128 are not kept; the text says "additional
//     frames elided".
//   - Arguments, and for how many minutes a goroutine has been waiting: only
//     [WriteFull] has them, which stops the program.
//
// A goroutine that lives through the dump is in it once, as it was at some moment
// of it. One that begins or ends meanwhile may be in it or not. The goroutine
// that takes the dump is in it; the tracer's are not.
//
// # What it costs the program
//
// Nothing before the first call. A dump takes about a microsecond of CPU and some
// 100 bytes for each goroutine, most of it inside of the runtime, and stops the
// program once or twice for less than 0.1 ms to start and end the trace. A program
// that saturates its CPUs also writes what it does into the trace; then the slot
// that bounds its memory is used. Dumps are shared: at most one is running.
package goroutines
