// Package pclntab reads the table of functions that every Go program carries
// for its own tracebacks: names, addresses, frame sizes, files, lines and what
// was inlined where. It is there in stripped programs too.
//
// [Open] reads the table of the running program where it lies in memory and
// copies nothing; [OpenFile] that of an executable file. Both refuse a Go
// version whose layout has not been verified (see [Versions]). The layouts are
// runtime/symtab.go's (pcHeader, moduledata), runtime/runtime2.go's (_func) and
// runtime/symtabinl.go's (inlinedCall).
//
// A damaged table yields wrong or empty answers, never a panic.
package pclntab
