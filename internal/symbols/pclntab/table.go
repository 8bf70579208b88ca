package pclntab

import (
	"bytes"
	"encoding/binary"
	"sort"
	"strings"
)

// Table is a program's function table. It may be used from many goroutines.
type Table struct {
	version Version
	module  Module

	names []byte // NUL-terminated
	units []byte // offsets of file names, by compilation unit
	files []byte // NUL-terminated
	pcs   []byte // tables of values by pc
	funcs []byte // the functions' records
	index []byte // pairs: entry relative to Text, offset of the record
	data  []byte // what FuncData refers to
}

// Byte offsets in a function's record, runtime._func.
const (
	fieldEntry    = 0
	fieldName     = 4
	fieldArgs     = 8
	fieldPCSP     = 16
	fieldPCFile   = 20
	fieldPCLine   = 24
	fieldNPCData  = 28
	fieldUnit     = 32
	fieldStart    = 36
	fieldID       = 40
	fieldFlag     = 41
	fieldNData    = 43
	recordBytes   = 44
	noData        = ^uint32(0)
	maxPCDataSize = 64
)

// Bits of Func.Flag (internal/abi/symtab.go).
const (
	FlagTopFrame = 1 << iota // nothing calls it
	FlagSPWrite              // writes SP in a way that unwinders cannot follow
	FlagAsm                  // written in assembly
)

// Indices for Func.FuncData and Func.PCData (internal/abi/symtab.go).
const (
	FuncDataInlTree    = 3
	PCDataInlTreeIndex = 2
)

// Version is the Go version's entry under which the table is read.
func (t *Table) Version() Version { return t.version }

// Module is where the program's parts lie.
func (t *Table) Module() Module { return t.module }

// Len is the number of functions.
func (t *Table) Len() int { return len(t.index)/indexEntryBytes - 1 }

// Funcs calls yield for each function, by address, until it returns false. It
// has the shape of an iter.Seq.
func (t *Table) Funcs(yield func(Func) bool) {
	for i := range t.Len() {
		if !yield(t.at(i)) {
			return
		}
	}
}

// Func finds the function whose code holds pc. The padding behind a function
// counts as the function's.
func (t *Table) Func(pc uintptr) (Func, bool) {
	if pc < t.module.Text || pc-t.module.Text > uintptr(noData) {
		return Func{}, false
	}
	off := uint32(pc - t.module.Text)
	i := sort.Search(t.Len()+1, func(i int) bool {
		entry, _ := t.indexed(i)
		return entry > off
	}) - 1
	if i < 0 || i >= t.Len() {
		return Func{}, false
	}
	return t.at(i), true
}

// Lookup finds a function by its full name, as the linker spells it:
// "main.(*Server).order", "main.Map[go.shape.int]", "main.main.func1". A
// function that is inlined everywhere has no code and is not found; see
// [Table.InlinedInto].
func (t *Table) Lookup(name string) (Func, bool) {
	off, ok := t.nameOffset(name)
	if !ok {
		return Func{}, false
	}
	for i := range t.Len() {
		if _, rec := t.indexed(i); t.record(rec, fieldName) == off {
			return t.at(i), true
		}
	}
	return Func{}, false
}

// nameOffset finds a name. The linker writes each name once.
func (t *Table) nameOffset(name string) (uint32, bool) {
	if name == "" || strings.IndexByte(name, 0) >= 0 {
		return 0, false
	}
	key := append(append([]byte{0}, name...), 0)
	if bytes.HasPrefix(t.names, key[1:]) {
		return 0, true
	}
	i := bytes.Index(t.names, key)
	return uint32(i + 1), i >= 0
}

func (t *Table) name(off uint32) string { return text(t.names, off) }

// text is the NUL-terminated string at off. It is copied: what a caller keeps
// does not hold the table of a file.
func text(b []byte, off uint32) string {
	if uint64(off) >= uint64(len(b)) {
		return ""
	}
	b = b[off:]
	if n := bytes.IndexByte(b, 0); n >= 0 {
		return string(b[:n])
	}
	return ""
}

func (t *Table) indexed(i int) (entry, record uint32) {
	e := t.index[i*indexEntryBytes:]
	if len(e) < indexEntryBytes { // the last one has no record
		return binary.LittleEndian.Uint32(e), 0
	}
	return binary.LittleEndian.Uint32(e), binary.LittleEndian.Uint32(e[4:])
}

func (t *Table) record(off uint32, field uint32) uint32 {
	return word(t.funcs, uint64(off)+uint64(field))
}

func word(b []byte, off uint64) uint32 {
	if off+4 > uint64(len(b)) {
		return 0
	}
	return binary.LittleEndian.Uint32(b[off:])
}

func (t *Table) at(i int) Func {
	entry, rec := t.indexed(i)
	next, _ := t.indexed(i + 1)
	return Func{t, rec, t.module.Text + uintptr(entry), t.module.Text + uintptr(next)}
}

// Display is a function's name as runtime.Frames and tracebacks spell it: the
// types of a generic function are "[...]".
func Display(name string) string {
	i, j := strings.IndexByte(name, '['), strings.LastIndexByte(name, ']')
	if i < 0 || j <= i {
		return name
	}
	return name[:i] + "[...]" + name[j+1:]
}
