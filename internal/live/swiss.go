package live

import (
	"fmt"
	"math/bits"
	"reflect"
	"sort"
	"unsafe"

	"github.com/ispyd/ispyd/internal/symbols"
)

// The layout of internal/abi.Type and MapType, in bytes.
const (
	typeFlags     = 20
	flagDirect    = 1 << 5
	mapKey        = 48
	mapElem       = 56
	mapGroupSize  = 80
	mapSlotSize   = 88
	mapElemOff    = 96
	mapFlags      = 104
	mapTypeBytes  = 108
	indirectKey   = 1 << 2
	indirectElem  = 1 << 3
	groupSlots    = 8
	controlBytes  = 8
	maxTableSlots = 1024
)

// The layout of internal/runtime/maps.Map and table, in bytes.
const (
	mapUsed     = 0
	mapDir      = 16
	mapDirLen   = 24
	mapBytes    = 48
	tableIndex  = 8
	tableGroups = 16
	tableMask   = 24
	tableBytes  = 32
)

// wordOf is the address of a type's data.
func wordOf(t reflect.Type) uintptr {
	return uintptr((*[2]unsafe.Pointer)(unsafe.Pointer(&t))[1])
}

// direct reports whether an interface holds values of the type at w, which must be
// a known one, in its data word.
func direct(w uintptr) bool {
	var b [1]byte
	return Read(w+typeFlags, b[:]) == nil && b[0]&flagDirect != 0
}

// mapType is how maps of one type are laid out.
type mapType struct {
	key, elem                 *symbols.Type
	group, slot, elemOff      int
	indirectKey, indirectElem bool
	read                      func(addr uintptr, b []byte) error // Read, or as it was
}

func mapTypeOf(t *symbols.Type) (*mapType, error) {
	r := t.Runtime()
	if r == nil {
		return nil, fmt.Errorf("the program has no data of the type %s", t)
	}
	b := make([]byte, mapTypeBytes)
	if err := Read(wordOf(r), b); err != nil {
		return nil, err
	}
	flags := half(b[mapFlags:])
	m := &mapType{
		key: t.Key(), elem: t.Elem(),
		group: number(b[mapGroupSize:]), slot: number(b[mapSlotSize:]), elemOff: number(b[mapElemOff:]),
		indirectKey: flags&indirectKey != 0, indirectElem: flags&indirectElem != 0,
		read: Read,
	}
	keySize, elemSize := m.width(m.key, m.indirectKey), m.width(m.elem, m.indirectElem)
	if word(b[mapKey:]) != wordOf(r.Key()) || word(b[mapElem:]) != wordOf(r.Elem()) ||
		m.elemOff < keySize || m.slot < m.elemOff+elemSize || m.group < controlBytes+groupSlots*m.slot || m.group > whole {
		return nil, fmt.Errorf("the type %s is not laid out as expected", t)
	}
	return m, nil
}

// width is the room in bytes that a key or element takes in a slot.
func (m *mapType) width(t *symbols.Type, indirect bool) int {
	if indirect {
		return 8
	}
	return int(t.Size())
}

// walk calls f with the key and element of each entry, as bytes, until it returns
// false. It returns the number of entries that the map says it has.
func (m *mapType) walk(p uintptr, f func(key, elem []byte) bool) (used int, err error) {
	h := make([]byte, mapBytes)
	if err := m.read(p, h); err != nil {
		return 0, fmt.Errorf("torn: there is no map at %#x", p)
	}
	used = number(h[mapUsed:])
	dir, n := word(h[mapDir:]), number(h[mapDirLen:])
	switch {
	case used < 0 || n < 0 || n > maxParts:
		return 0, fmt.Errorf("torn: a map of %d entries and %d tables", used, n)
	case dir == 0:
		return used, nil
	case n == 0:
		b := make([]byte, m.group)
		if err := m.read(dir, b); err != nil {
			return used, fmt.Errorf("torn: there is no group at %#x", dir)
		}
		m.groups(b, f)
		return used, nil
	}
	return used, m.tables(dir, n, f)
}

// tables walks the slots of all tables.
func (m *mapType) tables(dir uintptr, n int, f func(key, elem []byte) bool) error {
	var b []byte
	return m.eachTable(dir, n, func(_, groups uintptr, size int) bool {
		if cap(b) < size {
			b = make([]byte, size)
		}
		b = b[:size]
		return m.read(groups, b) != nil || m.groups(b, f)
	})
}

// eachTable calls f with the address of each table, and address and size of its
// groups. A table stands in the directory more than once in a row where others have
// been split more often.
func (m *mapType) eachTable(dir uintptr, n int, f func(table, groups uintptr, size int) bool) error {
	last := uintptr(0)
	ptrs := make([]byte, 8*min(n, 512))
	t := make([]byte, tableBytes)
	for i := 0; i < n; i++ {
		j := i % 512
		if j == 0 {
			if err := m.read(dir+uintptr(8*i), ptrs[:8*min(512, n-i)]); err != nil {
				return fmt.Errorf("torn: there is no directory at %#x", dir)
			}
		}
		p := word(ptrs[8*j:])
		if p == 0 || p == last {
			continue
		}
		last = p
		if m.read(p, t) != nil {
			continue
		}
		mask := number(t[tableMask:])
		if mask < 0 || mask >= maxTableSlots/groupSlots {
			continue // torn
		}
		if !f(p, word(t[tableGroups:]), (mask+1)*m.group) {
			return nil
		}
	}
	return nil
}

// groups calls f for the full slots of groups.
func (m *mapType) groups(b []byte, f func(key, elem []byte) bool) bool {
	for ; len(b) >= m.group; b = b[m.group:] {
		// The high bit of a control byte is set for empty and deleted slots.
		for full := ^wide(b) & 0x8080808080808080; full != 0; full &= full - 1 {
			slot := b[controlBytes+bits.TrailingZeros64(full)/8*m.slot:]
			key, ok := m.part(slot, m.key, m.indirectKey)
			elem, ok2 := m.part(slot[m.elemOff:], m.elem, m.indirectElem)
			if ok && ok2 && !f(key, elem) {
				return false
			}
		}
	}
	return true
}

func (m *mapType) part(b []byte, t *symbols.Type, indirect bool) ([]byte, bool) {
	if !indirect {
		return b[:t.Size()], true
	}
	if t.Size() > whole {
		return nil, false
	}
	part := make([]byte, t.Size())
	return part, m.read(word(b), part) == nil
}

func (d *Decoder) mapping(t *symbols.Type, p uintptr, depth int) *Value {
	if p == 0 {
		return &Value{Form: Nil}
	}
	if d.gone(p) {
		return onStack(t)
	}
	if d.Memory != nil && d.read(p, make([]byte, mapBytes)) != nil {
		return d.absent(t, "there is no map at %#x", p)
	}
	m, err := mapTypeOf(t)
	if err != nil {
		return unknown(t, "%v", err)
	}
	m.read = d.read
	v := &Value{Form: Map}
	used, err := m.walk(p, func(key, elem []byte) bool {
		if len(v.Members) >= d.limits.Items || d.left <= 0 || d.ctx.Err() != nil {
			return false
		}
		k := d.shown("", m.key, key, 0, depth+1)
		v.Members = append(v.Members, Member{Key: k, Value: d.shown(nameOf(k), m.elem, elem, 0, depth+1)})
		return true
	})
	if err != nil {
		return unknown(t, "%v", err)
	}
	v.Len = used
	v.cut(len(v.Members), used)
	sortMembers(v.Members)
	return v
}

// nameOf is what an entry is called by its key: nothing where that is no text.
func nameOf(k *Value) string {
	if k.Form == Interface {
		k = k.Members[0].Value
	}
	if k.Form == String {
		return k.Text
	}
	return ""
}

// sortMembers sorts the entries of a map by key where keys can be compared.
func sortMembers(list []Member) {
	sort.SliceStable(list, func(i, j int) bool {
		a, b := list[i].Key, list[j].Key
		if a.Form == Interface && b.Form == Interface {
			a, b = a.Members[0].Value, b.Members[0].Value
		}
		if a.Form != b.Form {
			return a.Form < b.Form
		}
		if a.Form == Number {
			return lessNumber(a.Text, b.Text)
		}
		return a.Text < b.Text
	})
}
