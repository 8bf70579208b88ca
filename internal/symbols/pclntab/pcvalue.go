package pclntab

import "encoding/binary"

// pcvalues decodes the table at off: runs of instructions [from, to) with one
// value each, until yield returns false (runtime.step).
func (f Func) pcvalues(off uint32, yield func(value int32, from, to uintptr) bool) {
	if off == 0 || f.t == nil || uint64(off) >= uint64(len(f.t.pcs)) {
		return
	}
	p := f.t.pcs[off:]
	value, pc := int32(-1), f.entry
	for first := true; pc < f.next; first = false {
		dv, n := binary.Uvarint(p)
		if n <= 0 || dv == 0 && !first {
			return
		}
		p = p[n:]
		dpc, n := binary.Uvarint(p)
		if n <= 0 {
			return
		}
		p = p[n:]
		value += int32(-(uint32(dv) & 1) ^ uint32(dv)>>1)
		from := pc
		pc += uintptr(uint32(dpc)) * pcQuantum
		if !yield(value, from, pc) {
			return
		}
	}
}

func (f Func) pcvalue(off uint32, pc uintptr) (value int32, ok bool) {
	f.pcvalues(off, func(v int32, from, to uintptr) bool {
		if pc >= from && pc < to {
			value, ok = v, true
		}
		return !ok
	})
	return value, ok
}
