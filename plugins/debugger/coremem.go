package debugger

import "encoding/binary"

// coreMemory reads the memory that a core has: what the program had at that moment.
type coreMemory struct {
	data  []byte
	parts []corePart
	// registers are those of the innermost frame, by their DWARF numbers; known
	// has a bit for each that is to be believed. RSP and pc always are.
	registers [16]uint64
	known     uint16
	pc        uint64
}

type corePart struct{ addr, offset, size uint64 }

// openCore reads the program headers of a core that this program has written. One that
// is damaged has no memory.
func openCore(data []byte) *coreMemory {
	const header, each, load, note = 64, 56, 1, 4
	m := &coreMemory{data: data}
	if len(data) < header {
		return m
	}
	le := binary.LittleEndian
	at, n := le.Uint64(data[32:]), uint64(le.Uint16(data[56:]))
	for i := range n {
		p := at + i*each
		if p > uint64(len(data)) || uint64(len(data))-p < each {
			break
		}
		h := data[p:]
		kind := le.Uint32(h)
		part := corePart{addr: le.Uint64(h[16:]), offset: le.Uint64(h[8:]), size: le.Uint64(h[32:])}
		if part.offset > uint64(len(data)) || part.size > uint64(len(data))-part.offset {
			continue
		}
		switch kind {
		case load:
			m.parts = append(m.parts, part)
		case note:
			m.status(data[part.offset : part.offset+part.size])
		}
	}
	return m
}

// savedOrder are the DWARF numbers of the registers in the order of the kernel's
// struct user_regs_struct, -1 for others.
var savedOrder = [...]int8{15, 14, 13, 12, 6, 3, 11, 10, 9, 8, 0, 2, 1, 4, 5, -1, -1, -1, -1, 7}

// believed are the registers that hold values of Go code: those of integer arguments
// and results.
const believed = 1<<0 | 1<<3 | 1<<2 | 1<<5 | 1<<4 | 1<<8 | 1<<9 | 1<<10 | 1<<11

// status reads the registers of the first note, which is that of the thread.
func (m *coreMemory) status(notes []byte) {
	const nameAt, prstatus, registersAt, pcIndex, stackPointer = 12, 1, 112, 16, 7
	le := binary.LittleEndian
	if m.pc != 0 || len(notes) < nameAt || le.Uint32(notes[8:]) != prstatus {
		return
	}
	at := nameAt + (uint64(le.Uint32(notes))+3)&^3 + registersAt
	if at+8*uint64(len(savedOrder)) > uint64(len(notes)) {
		return
	}
	for i, n := range savedOrder {
		if n >= 0 {
			m.registers[n] = le.Uint64(notes[at+8*uint64(i):])
		}
	}
	m.pc = le.Uint64(notes[at+8*pcIndex:])
	m.known = believed
}

// read returns n bytes at an address, nil where the core lacks them.
func (m *coreMemory) read(addr, n uint64) []byte {
	for _, p := range m.parts {
		if addr >= p.addr && addr-p.addr <= p.size && n <= p.size-(addr-p.addr) {
			return m.data[p.offset+addr-p.addr:][:n]
		}
	}
	return nil
}
