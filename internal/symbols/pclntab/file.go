package pclntab

import (
	"debug/buildinfo"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
)

// OpenFile reads the table of an executable file for linux/amd64. Addresses are
// the file's; a position-independent program adds its load bias. Stripped files
// will do. It holds the whole table in memory.
func OpenFile(path string) (*Table, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, err
	}
	v, err := VersionOf(info.GoVersion)
	if err != nil {
		return nil, err
	}
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.Machine != elf.EM_X86_64 {
		return nil, fmt.Errorf("%s: %v, not amd64: %w", path, f.Machine, errors.ErrUnsupported)
	}
	words, err := moduleOf(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	t, err := newTable(words, v, func(addr, n uint64) []byte { return bytesAt(f, addr, n) })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// moduleOf returns the words of runtime.firstmoduledata as they will be once
// loaded: in position-independent files its pointers are relocations.
func moduleOf(f *elf.File) ([]uint64, error) {
	s := f.Section(".go.module")
	if s == nil {
		return nil, errors.New("no section .go.module")
	}
	b, err := s.Data()
	if err != nil {
		return nil, err
	}
	words := make([]uint64, len(b)/8)
	for i := range words {
		words[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	for _, r := range f.Sections {
		if r.Type != elf.SHT_RELA {
			continue
		}
		rela, err := r.Data()
		if err != nil {
			return nil, err
		}
		for ; len(rela) >= 24; rela = rela[24:] {
			at := binary.LittleEndian.Uint64(rela)
			if at < s.Addr || at >= s.Addr+uint64(8*len(words)) || elf.R_X86_64(rela[8]) != elf.R_X86_64_RELATIVE {
				continue
			}
			words[(at-s.Addr)/8] = binary.LittleEndian.Uint64(rela[16:])
		}
	}
	return words, nil
}

func bytesAt(f *elf.File, addr, n uint64) []byte {
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD || addr < p.Vaddr || addr-p.Vaddr > p.Filesz || n > p.Filesz-(addr-p.Vaddr) {
			continue
		}
		b := make([]byte, n)
		if _, err := p.ReadAt(b, int64(addr-p.Vaddr)); err != nil {
			return nil
		}
		return b
	}
	return nil
}
