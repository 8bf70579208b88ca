package live

import (
	"context"
	"math/bits"
	"unsafe"

	"github.com/ispyd/ispyd/nodes"
)

// The offsets of writing and clearSeq in internal/runtime/maps.Map.
const (
	mapWriting = 34
	mapClears  = 40
)

// errMoving is what a map is left alone with that the program is writing.
var errMoving = nodes.Errorf(nodes.ErrBusy, "the program is writing the map, try again")

// entry goes to the element of a map that a key leads to, by the map's own
// pointers: what is there stays there while w holds it. It must not be written,
// since the program may be growing the map, which leaves it behind; what it points
// to may.
func (w *walker) entry(index string) error {
	m, err := mapTypeOf(w.typ)
	if err != nil {
		return nodes.Errorf(nodes.ErrNotSupported, "%v", err)
	}
	h := pointerAt(w.p, 0)
	if h == nil {
		return missing("the map is nil")
	}
	if m.indirectElem {
		return nodes.Errorf(nodes.ErrNotSupported, byValue) // and too large for a slot
	}
	match, err := w.d.matcher(context.Background(), m, index)
	if err != nil {
		return err
	}
	before, ok := mapState(h)
	if !ok {
		return errMoving
	}
	p, found := m.locate(h, before, match)
	if after, ok := mapState(h); !ok || after != before {
		return errMoving
	}
	if !found {
		return noKey(m.key)
	}
	w.p, w.typ, w.held = p, m.elem, true
	return nil
}

// byValue is why an entry cannot be written.
const byValue = "a map holds it by value, and the program may be moving it: only what a pointer in a map leads to can be written here; " +
	"assign the entry in the console, as the program would"

// mapHead is what tells whether a map has been rebuilt.
type mapHead struct {
	dir uintptr
	n   int
	gen uint64 // clearSeq
}

// mapState reads the head of a map; ok is false while the program writes it.
func mapState(h unsafe.Pointer) (s mapHead, ok bool) {
	b, err := words(uintptr(h), mapBytes/8)
	if err != nil || b[mapWriting] != 0 {
		return s, false
	}
	return mapHead{word(b[mapDir:]), number(b[mapDirLen:]), wide(b[mapClears:])}, true
}

// locate finds the slot whose key match accepts, and returns the address of its
// element. Tables and groups are reached by pointers that the collector knows.
func (m *mapType) locate(h unsafe.Pointer, s mapHead, match func(key []byte) bool) (unsafe.Pointer, bool) {
	dir := pointerAt(h, mapDir)
	switch {
	case dir == nil || uintptr(dir) != s.dir || s.n < 0 || s.n > maxParts:
		return nil, false
	case s.n == 0:
		return m.slotIn(dir, 1, match)
	}
	var last unsafe.Pointer
	for i := range s.n {
		table := pointerAt(dir, uintptr(8*i))
		if table == nil || table == last {
			continue
		}
		last = table
		mask, err := words(uintptr(table)+tableMask, 1)
		groups := pointerAt(table, tableGroups)
		if err != nil || groups == nil || word(mask) >= maxTableSlots/groupSlots {
			continue
		}
		if p, ok := m.slotIn(groups, int(word(mask))+1, match); ok {
			return p, true
		}
	}
	return nil, false
}

// slotIn is locate in one table.
func (m *mapType) slotIn(groups unsafe.Pointer, n int, match func(key []byte) bool) (unsafe.Pointer, bool) {
	b := make([]byte, n*m.group)
	if Read(uintptr(groups), b) != nil {
		return nil, false
	}
	for g := range n {
		group := b[g*m.group:]
		for full := ^wide(group) & 0x8080808080808080; full != 0; full &= full - 1 {
			off := controlBytes + bits.TrailingZeros64(full)/8*m.slot
			if key, ok := m.part(group[off:], m.key, m.indirectKey); ok && match(key) {
				return unsafe.Add(groups, g*m.group+off+m.elemOff), true
			}
		}
	}
	return nil, false
}
