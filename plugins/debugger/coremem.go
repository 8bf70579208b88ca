package debugger

import "encoding/binary"

// coreMemory reads the memory that a core has: what the program had at that moment.
type coreMemory struct {
	data  []byte
	parts []corePart
}

type corePart struct{ addr, offset, size uint64 }

// openCore reads the program headers of a core that this program has written. One that
// is damaged has no memory.
func openCore(data []byte) *coreMemory {
	const header, each, load = 64, 56, 1
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
		if le.Uint32(h) != load {
			continue
		}
		part := corePart{addr: le.Uint64(h[16:]), offset: le.Uint64(h[8:]), size: le.Uint64(h[32:])}
		if part.offset <= uint64(len(data)) && part.size <= uint64(len(data))-part.offset {
			m.parts = append(m.parts, part)
		}
	}
	return m
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
