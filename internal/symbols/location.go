package symbols

import "encoding/binary"

// Piece is a part of a variable, as long as Size bytes: in memory at Offset from the
// canonical frame address, in a register, or nowhere.
type Piece struct {
	Size     uintptr // 0 for all of the variable
	Place    Place
	Offset   int64 // of InFrame, from the canonical frame address
	Register int   // of InRegister, by its DWARF number
}

// Place is where a piece is.
type Place uint8

// The places.
const (
	Nowhere    Place = iota
	InFrame          // on the stack
	InRegister       // in a register of the machine
)

// The operations that Go's compiler makes locations of.
const (
	opConsts       = 0x11
	opPlus         = 0x22
	opPlusUconst   = 0x23
	opReg0         = 0x50
	opReg31        = 0x6f
	opRegx         = 0x90
	opFbreg        = 0x91
	opPiece        = 0x93
	opCallFrameCFA = 0x9c
)

// pieces reads a location. It is nil where there is none, or one of another kind.
// Malformed ones panic.
func pieces(expr []byte, cfaBase bool) (list []Piece) {
	now := Piece{}
	whole := true
	for p := 0; p < len(expr); {
		op := expr[p]
		p++
		var n uint64
		switch {
		case op == opFbreg && cfaBase:
			now.Place = InFrame
			now.Offset, p = sleb(expr, p)
		case op == opCallFrameCFA:
			now.Place, now.Offset = InFrame, 0
		case op == opConsts && now.Place == InFrame:
			var d int64
			d, p = sleb(expr, p)
			if p >= len(expr) || expr[p] != opPlus {
				return nil
			}
			p++
			now.Offset += d
		case op == opPlusUconst && now.Place == InFrame:
			n, p = uleb(expr, p)
			now.Offset += int64(n)
		case op >= opReg0 && op <= opReg31:
			now.Place, now.Register = InRegister, int(op-opReg0)
		case op == opRegx:
			n, p = uleb(expr, p)
			now.Place, now.Register = InRegister, int(n)
		case op == opPiece:
			n, p = uleb(expr, p)
			now.Size = uintptr(n)
			list, now, whole = append(list, now), Piece{}, false
		default:
			return nil
		}
	}
	switch {
	case whole && now.Place != Nowhere:
		return []Piece{now}
	case !whole && now.Place != Nowhere:
		return nil // a rest without a size
	}
	return list
}

// The entries of .debug_loclists and .debug_rnglists, DWARF 5, which begin alike.
const (
	listEnd          = 0
	listBaseIndex    = 1
	listStartEndIdx  = 2
	listStartLenIdx  = 3
	listOffsetPair   = 4
	locDefault       = 5 // of locations; ranges have one number less from here on
	locBase          = 6
	locStartEnd      = 7
	locStartLen      = 8
	rangeBase        = 5
	rangeStartEnd    = 6
	rangeStartLength = 7
)

// span is an entry of a list: addresses of the file, and of locations where the
// variable is between them.
type span struct {
	low, high uint64
	expr      []byte
}

// list5 reads a list of DWARF 5 until f returns false.
func (t *table) list5(b []byte, p int, u *unit, locations bool, f func(span) bool) {
	base := u.lowPC
	addr := func() uint64 { p += 8; return binary.LittleEndian.Uint64(b[p-8:]) }
	number := func() (v uint64) { v, p = uleb(b, p); return v }
	for {
		kind := b[p]
		p++
		if !locations && kind >= rangeBase {
			kind++
		}
		var s span
		switch kind {
		case listEnd:
			return
		case listBaseIndex:
			base = t.indexed(u, number())
			continue
		case locBase:
			base = addr()
			continue
		case listStartEndIdx:
			s.low = t.indexed(u, number())
			s.high = t.indexed(u, number())
		case listStartLenIdx:
			s.low = t.indexed(u, number())
			s.high = s.low + number()
		case listOffsetPair:
			s.low = base + number()
			s.high = base + number()
		case locDefault:
			s.high = ^uint64(0)
		case locStartEnd:
			s.low = addr()
			s.high = addr()
		case locStartLen:
			s.low = addr()
			s.high = s.low + number()
		default:
			panic(errMalformed)
		}
		if locations {
			n := number()
			if n > uint64(len(b)-p) {
				panic(errMalformed)
			}
			s.expr = b[p : p+int(n)]
			p += int(n)
		}
		if !f(s) {
			return
		}
	}
}

// list4 reads a list of DWARF 4 until f returns false.
func (t *table) list4(b []byte, p int, u *unit, locations bool, f func(span) bool) {
	base := u.lowPC
	for {
		low, high := binary.LittleEndian.Uint64(b[p:]), binary.LittleEndian.Uint64(b[p+8:])
		p += 16
		switch {
		case low == ^uint64(0):
			base = high
			continue
		case low == 0 && high == 0:
			return
		}
		s := span{low: base + low, high: base + high}
		if locations {
			n := int(binary.LittleEndian.Uint16(b[p:]))
			s.expr = b[p+2 : p+2+n]
			p += 2 + n
		}
		if !f(s) {
			return
		}
	}
}

// locationAt is where a variable is at an address of the file.
func (t *table) locationAt(u *unit, e *entry, pc uint64) (expr []byte) {
	if !e.hasLoclist {
		return e.location
	}
	find := func(s span) bool {
		if pc < s.low || pc >= s.high {
			return true
		}
		expr = s.expr
		return false
	}
	if u.version >= 5 {
		t.list5(t.lists.loclists, e.loclist, u, true, find)
	} else {
		t.list4(t.lists.loc, e.loclist, u, true, find)
	}
	return expr
}

// covers reports whether the code of an entry has an address of the file.
func (t *table) covers(u *unit, e *entry, pc uint64) (yes bool) {
	if e.hasLow {
		low, high := t.low(u, e), e.highPC
		if !e.highIsAddr {
			high += low
		}
		return pc >= low && pc < high
	}
	if !e.hasRanges {
		return false
	}
	find := func(s span) bool {
		yes = pc >= s.low && pc < s.high
		return !yes
	}
	if u.version >= 5 {
		t.list5(t.lists.rnglists, e.ranges, u, false, find)
	} else {
		t.list4(t.lists.ranges, e.ranges, u, false, find)
	}
	return yes
}
