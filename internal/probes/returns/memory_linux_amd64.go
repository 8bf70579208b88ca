//lint:file-ignore U1000 the assembly uses what the Go code does not

package returns

import (
	"fmt"
	"syscall"
	"unsafe"

	"github.com/ispyd/ispyd/internal/abi"
)

// What follows is shared with the assembly, which finds fields by go_asm.h. All
// of it lies outside of the Go heap, so that no stub holds up the collector.

const (
	captureSlots = 256
	captureShift = 14
	captureStack = 1<<captureShift - 512 // bytes of stack in a slot

	recordSlots = 4096
	recordShift = 9
	recordStack = 248

	maxSites = 8192
	maxCells = 4096
)

// States of a slot.
const (
	slotFree      = 0
	slotClaimed   = 1
	slotPublished = 3
)

// cell is one function's counters.
type cell struct {
	hits    uint64 // errors returned; for Observe, entries and returns
	tokens  int64  // captures that are left; for Observe, which observation it is, 0: none
	dropped uint64 // because the ring was full
	cycles  uint64 // of the time-stamp counter, spent on captures
	_       [4]uint64
}

// site is one stub's view of its place.
type site struct {
	cell  uintptr // address
	frame uint64  // bytes below the stack pointer that were the function's frame
	data  uint64  // offset in a slot of the register with the error's data word; 0: it is on the stack
	stack uint64  // from the stack pointer at the RET to the error's type word, if that is on the stack
	cont  uintptr // where Observe's stub goes on
	pc    uintptr // the RET, or the CMPQ of the stack check
	words uint64  // of stack above the return address to copy, for Observe
	fn    uint32  // index in engine.functions
	entry uint32
}

// slot is a captured error.
type slot struct {
	site         uintptr
	seq, tsc     uint64
	sp, bp, g    uintptr
	ints         [abi.IntRegs]uint64
	dx           uint64
	base, size   uintptr // of stack: original address and bytes copied
	goid, labels uint64
	kept         uint64
	floats       [abi.FloatRegs][2]uint64
	_            [104]byte
	stack        [captureStack]byte
}

// record is an observed entry or return.
type record struct {
	site     uintptr
	seq, tsc uint64
	drops    uint64 // how many records had been dropped before
	turn     int64  // which observation it belongs to
	g        uintptr
	depth    uintptr // stack.hi - SP: survives a move of the stack
	goid     uint64
	hi       uintptr // stack.hi
	ints     [abi.IntRegs]uint64
	floats   [abi.FloatRegs]uint64
	stack    [recordStack]byte
}

var (
	_ = [1]byte{}[unsafe.Sizeof(slot{})-1<<captureShift]
	_ = [1]byte{}[unsafe.Sizeof(record{})-1<<recordShift]
)

// Referenced by assembly.
var (
	captures      uintptr // the ring's address
	captureHead   uint64
	captureStates [captureSlots]uint32
	records       uintptr
	recordHead    uint64
	recordDrops   uint64
	recordStates  [recordSlots]uint32

	consumer     uintptr // the g whose own calls are not captured
	sleeping     uint32  // the consumer waits for eventFD
	eventFD      int32
	eventOne     uint64  = 1
	barrierFlag  uintptr // address of runtime.writeBarrier; 0: unknown
	goidOffset   uintptr // in the runtime's g; 0: unknown
	labelsOffset uintptr

	// keep are the data words of captured errors while the collector must see
	// them, keepLabels the profiler labels.
	keep       [captureSlots]unsafe.Pointer
	keepLabels [captureSlots]unsafe.Pointer
)

// shared is the memory itself.
type shared struct {
	slots   []slot
	records []record
	sites   []site
	cells   []cell
	nsites  int
	ncells  int
}

// mapShared reserves the memory for good. Only what is used becomes resident.
func mapShared() (*shared, error) {
	size := captureSlots*unsafe.Sizeof(slot{}) + recordSlots*unsafe.Sizeof(record{}) +
		maxSites*unsafe.Sizeof(site{}) + maxCells*unsafe.Sizeof(cell{})
	b, err := syscall.Mmap(-1, 0, int(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("memory for %d captures: %w", captureSlots, err)
	}
	p := unsafe.Pointer(&b[0])
	s := new(shared)
	s.slots = unsafe.Slice((*slot)(p), captureSlots)
	p = unsafe.Add(p, captureSlots*unsafe.Sizeof(slot{}))
	s.records = unsafe.Slice((*record)(p), recordSlots)
	p = unsafe.Add(p, recordSlots*unsafe.Sizeof(record{}))
	s.sites = unsafe.Slice((*site)(p), maxSites)
	p = unsafe.Add(p, maxSites*unsafe.Sizeof(site{}))
	s.cells = unsafe.Slice((*cell)(p), maxCells)
	captures, records = uintptr(unsafe.Pointer(&s.slots[0])), uintptr(unsafe.Pointer(&s.records[0]))
	return s, nil
}

// siteAt is the site that a stub has stored the address of, nil if it is none.
func (s *shared) siteAt(addr uintptr) *site {
	base := uintptr(unsafe.Pointer(&s.sites[0]))
	i := (addr - base) / unsafe.Sizeof(site{})
	if addr < base || i >= maxSites || (addr-base)%unsafe.Sizeof(site{}) != 0 {
		return nil
	}
	return &s.sites[i]
}
