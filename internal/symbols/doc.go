// Package symbols reads what the compiler tells about the running program: its
// package variables, functions with parameters and results, constants and types.
// The source is the DWARF of the executable, read by a small reader of our own
// from /proc/self/exe, which is the file that runs even where it was replaced or
// deleted, joined with the type data that the program holds in memory.
//
// [Open] shares one [Index] among all who want one. It is built at the first use,
// on a goroutine of this package, and given back when nobody has wanted it for
// [Idle]. The debug information itself is kept in an unlinked file that is mapped,
// so that the kernel can take its pages back at any time; what is on the heap are
// eight bytes for each symbol.
//
// Names are those of the linker, with import paths as one writes them:
// net/http.DefaultServeMux, main.(*Store).order, gopkg.in/yaml.v3.Marshal.
//
// The facts about DWARF are those of cmd/internal/dwarf (abbreviations and the
// attributes DW_AT_go_*) and cmd/link/internal/ld/dwarf.go, for Go 1.25 and 1.26.
package symbols
