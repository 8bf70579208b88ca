package pclntab

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Module holds the addresses of the program's parts, from runtime.moduledata.
type Module struct {
	Text, Etext           uintptr // Go's code; a cgo program has C's beside it
	Noptrdata, Enoptrdata uintptr // variables without pointers, initialised
	Data, Edata           uintptr // variables with pointers, initialised
	Bss, Ebss             uintptr // variables with pointers, zero at the start
	Noptrbss, Enoptrbss   uintptr // variables without pointers, zero at the start
	Types, Etypes         uintptr // type descriptors
	Rodata                uintptr
	Gofunc                uintptr // what FuncData is relative to
}

// Words of runtime.moduledata.
const (
	wordHeader      = 0
	wordNames       = 1 // slices: address, length, capacity
	wordUnits       = 4
	wordFiles       = 7
	wordPCs         = 10
	wordFuncs       = 13
	wordIndex       = 16
	wordText        = 22
	wordNoptrdata   = 24
	wordData        = 26
	wordBss         = 28
	wordNoptrbss    = 30
	wordTypes       = 37
	wordRodata      = 39
	wordGofunc      = 40
	wordEnd         = 41
	wordTextSects   = 42
	wordPluginPath  = 54
	moduleWords     = 56
	headerBytes     = 72
	maxSection      = 1 << 30
	pcQuantum       = 1
	pointerBytes    = 8
	indexEntryBytes = 8
)

// newTable makes a table from the words of a runtime.moduledata. memory returns
// the bytes at an address, nil when there are none.
func newTable(words []uint64, v Version, memory func(addr, n uint64) []byte) (*Table, error) {
	if len(words) < moduleWords {
		return nil, errors.New("runtime.moduledata is too short")
	}
	section := func(word int, size uint64) []byte {
		if words[word+1] > maxSection/size {
			return nil
		}
		return memory(words[word], words[word+1]*size)
	}
	h := memory(words[wordHeader], headerBytes)
	if len(h) < headerBytes {
		return nil, errors.New("no function table")
	}
	if magic := binary.LittleEndian.Uint32(h); magic != v.Magic || h[4] != 0 || h[5] != 0 || h[6] != pcQuantum || h[7] != pointerBytes {
		return nil, fmt.Errorf("function table starts with % x; go1.%d's on amd64 with magic %#x: %w", h[:8], v.Minor, v.Magic, errors.ErrUnsupported)
	}
	at := func(i int) uintptr { return uintptr(words[i]) }
	t := &Table{
		version: v,
		module: Module{
			Text: at(wordText), Etext: at(wordText + 1),
			Noptrdata: at(wordNoptrdata), Enoptrdata: at(wordNoptrdata + 1),
			Data: at(wordData), Edata: at(wordData + 1),
			Bss: at(wordBss), Ebss: at(wordBss + 1),
			Noptrbss: at(wordNoptrbss), Enoptrbss: at(wordNoptrbss + 1),
			Types: at(wordTypes), Etypes: at(wordTypes + 1),
			Rodata: at(wordRodata), Gofunc: at(wordGofunc),
		},
		names: section(wordNames, 1),
		units: section(wordUnits, 4),
		files: section(wordFiles, 1),
		pcs:   section(wordPCs, 1),
		funcs: section(wordFuncs, 1),
		index: section(wordIndex, indexEntryBytes),
	}
	if end := words[wordEnd]; end > words[wordGofunc] && end-words[wordGofunc] < maxSection {
		t.data = memory(words[wordGofunc], end-words[wordGofunc])
	}
	if words[wordTextSects+1] > 1 {
		return nil, fmt.Errorf("code in %d sections: %w", words[wordTextSects+1], errors.ErrUnsupported)
	}
	if words[wordPluginPath+1] != 0 {
		return nil, fmt.Errorf("a program with plugins: %w", errors.ErrUnsupported)
	}
	if n := binary.LittleEndian.Uint64(h[8:]); n+1 != words[wordIndex+1] {
		return nil, fmt.Errorf("function table of %d functions has an index of %d", n, words[wordIndex+1])
	}
	return t, t.check()
}

// check makes sure that every function's record lies inside, and that they are sorted.
func (t *Table) check() error {
	n := len(t.index)/indexEntryBytes - 1
	if n < 1 || len(t.names) == 0 || len(t.pcs) == 0 || len(t.funcs) < recordBytes {
		return errors.New("function table is empty")
	}
	size := uint64(t.module.Etext - t.module.Text)
	last := uint32(0)
	for i := 0; i <= n; i++ {
		entry, off := t.indexed(i)
		if entry < last || uint64(entry) > size {
			return fmt.Errorf("function table is not sorted at %d", i)
		}
		last = entry
		if i < n && (uint64(off)+recordBytes > uint64(len(t.funcs)) || uint32(entry) != t.record(off, fieldEntry)) {
			return fmt.Errorf("function table is damaged at %d", i)
		}
	}
	return nil
}
