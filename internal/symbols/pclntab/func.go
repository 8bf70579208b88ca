package pclntab

// Func is one function of a [Table]. The zero Func is none: it has no name and
// covers no address.
type Func struct {
	t           *Table
	rec         uint32
	entry, next uintptr
}

// Name is the full name as the linker spells it.
func (f Func) Name() string {
	if f.t == nil {
		return ""
	}
	return f.t.name(f.t.record(f.rec, fieldName))
}

// Entry is the address of the first instruction.
func (f Func) Entry() uintptr { return f.entry }

// Next is the address where the next function starts; between End and Next is padding.
func (f Func) Next() uintptr { return f.next }

// End is the address behind the last instruction: where the function's table of
// frame sizes ends. Without one (some assembly) it is Next.
func (f Func) End() uintptr {
	end := f.entry
	f.pcvalues(f.field(fieldPCSP), func(_ int32, _, to uintptr) bool {
		end = to
		return true
	})
	if end == f.entry || end > f.next {
		return f.next
	}
	return end
}

// Args is the size in bytes of the arguments and results that are passed on the
// stack and of the spill slots for those in registers: runtime._func.args.
// Negative: unknown, as of some assembly functions.
func (f Func) Args() int32 { return int32(f.field(fieldArgs)) }

// FuncID is 0 for a normal function, otherwise one of internal/abi's FuncID
// constants: functions special to the runtime, and generated wrappers.
func (f Func) FuncID() uint8 { return uint8(f.field(fieldID)) }

// Flag is a set of FlagTopFrame, FlagSPWrite and FlagAsm.
func (f Func) Flag() uint8 { return uint8(f.field(fieldFlag-1) >> 8) }

// StartLine is the line of the func keyword.
func (f Func) StartLine() int { return int(int32(f.field(fieldStart))) }

// SPDelta is how many bytes the stack pointer has come down at pc since the
// function was entered, where it points at the return address. False when the
// table says nothing of pc.
func (f Func) SPDelta(pc uintptr) (int32, bool) { return f.pcvalue(f.field(fieldPCSP), pc) }

// FrameSize is the largest SPDelta of the function, in bytes.
func (f Func) FrameSize() int32 {
	size := int32(0)
	f.pcvalues(f.field(fieldPCSP), func(v int32, _, _ uintptr) bool {
		size = max(size, v)
		return true
	})
	return size
}

// File is the file of the instruction at pc, without regard to inlining: that
// of the innermost call. For a return address ask for the byte before it.
func (f Func) File(pc uintptr) string {
	if f.t == nil {
		return ""
	}
	no, ok := f.pcvalue(f.field(fieldPCFile), pc)
	if !ok || no < 0 {
		return ""
	}
	off := (uint64(f.field(fieldUnit)) + uint64(no)) * 4
	if off+4 > uint64(len(f.t.units)) {
		return ""
	}
	return text(f.t.files, word(f.t.units, off))
}

// Line is the line of the instruction at pc, as File. 0 is unknown.
func (f Func) Line(pc uintptr) int {
	line, ok := f.pcvalue(f.field(fieldPCLine), pc)
	if !ok || line < 0 {
		return 0
	}
	return int(line)
}

// PCData is the value at pc of the function's table i, -1 without one.
func (f Func) PCData(i int, pc uintptr) int32 {
	if v, ok := f.pcvalue(f.pcdata(i), pc); ok {
		return v
	}
	return -1
}

// FuncData is the address of the function's data i, 0 without one.
func (f Func) FuncData(i int) uintptr {
	off := f.funcdata(i)
	if off == noData {
		return 0
	}
	return f.t.module.Gofunc + uintptr(off)
}

func (f Func) field(field uint32) uint32 {
	if f.t == nil {
		return 0
	}
	return f.t.record(f.rec, field)
}

// npcdata is bounded: a damaged record shall not send the reader far away.
func (f Func) npcdata() uint32 { return min(f.field(fieldNPCData), maxPCDataSize) }

func (f Func) pcdata(i int) uint32 {
	if i < 0 || uint32(i) >= f.npcdata() {
		return 0
	}
	return f.field(recordBytes + 4*uint32(i))
}

func (f Func) funcdata(i int) uint32 {
	if i < 0 || uint32(i) >= f.field(fieldNData-3)>>24 {
		return noData
	}
	return f.field(recordBytes + 4*f.npcdata() + 4*uint32(i))
}
