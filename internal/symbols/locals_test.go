package symbols

import (
	"encoding/binary"
	"reflect"
	"testing"
)

func TestPieces(t *testing.T) {
	frame := func(off int64, size uintptr) Piece { return Piece{Place: InFrame, Offset: off, Size: size} }
	register := func(n int, size uintptr) Piece { return Piece{Place: InRegister, Register: n, Size: size} }
	for _, c := range []struct {
		name string
		expr string
		base bool
		want []Piece
	}{
		{"fbreg", "\x91\x58", true, []Piece{frame(-40, 0)}},
		{"fbreg of another base", "\x91\x58", false, nil},
		{"at the frame address", "\x9c", true, []Piece{frame(0, 0)}},
		{"less a constant", "\x9c\x11\x70\x22", true, []Piece{frame(-16, 0)}},
		{"plus a constant", "\x9c\x23\x08", true, []Piece{frame(8, 0)}},
		{"a constant that is not added", "\x9c\x11\x70", true, nil},
		{"register", "\x53", true, []Piece{register(3, 0)}},
		{"a numbered register", "\x90\x11", true, []Piece{register(17, 0)}},
		{"string in two", "\x50\x93\x08\x91\x58\x93\x08", true, []Piece{register(0, 8), frame(-40, 8)}},
		{"half of it gone", "\x93\x08\x91\x58\x93\x08", true, []Piece{{Size: 8}, frame(-40, 8)}},
		{"a rest without a size", "\x50\x93\x08\x51", true, nil},
		{"nowhere", "", true, nil},
		{"an address", "\x03\x00\x00\x00\x00\x00\x00\x00\x00", true, nil},
		{"arithmetic", "\x91\x58\x06", true, nil},
	} {
		if got := pieces([]byte(c.expr), c.base); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, not %+v", c.name, got, c.want)
		}
	}
}

// lists of both versions of DWARF, for a unit that begins at 0x1000.
func TestLocationAt(t *testing.T) {
	u := &unit{lowPC: 0x1000}
	words := func(list ...uint64) (b []byte) {
		for _, w := range list {
			b = binary.LittleEndian.AppendUint64(b, w)
		}
		return b
	}
	tab := &table{sections: &sections{addrs: words(0x2000, 0x3000)}}
	old := append(words(0x10, 0x20), 1, 0, 0x50)
	old = append(append(old, words(^uint64(0), 0x2000)...), append(words(0x10, 0x20), 1, 0, 0x51)...)
	tab.lists.loc = append(old, words(0, 0)...)
	tab.lists.loclists = append([]byte{
		4, 0x10, 0x20, 1, 0x50, // from the unit's beginning
		1, 0, 4, 0x10, 0x20, 1, 0x51, // from an address of the table
		3, 1, 0x10, 1, 0x52,
		7}, append(words(0x4000, 0x4010), 1, 0x53, 0)...)
	tab.lists.rnglists = append([]byte{4, 0x10, 0x20, 3, 1, 0x10, 6}, append(words(0x4000, 0x4010), 0)...)
	tab.lists.ranges = words(0x10, 0x20, ^uint64(0), 0x4000, 0, 0x10, 0, 0)
	e := &entry{hasLoclist: true, hasRanges: true}
	for _, c := range []struct {
		pc      uint64
		four    string
		five    string
		covered bool // by both
	}{
		{0x1010, "\x50", "\x50", true}, {0x101f, "\x50", "\x50", true}, {0x1020, "", "", false}, {0x100f, "", "", false},
		{0x2010, "\x51", "\x51", false}, {0x3000, "", "\x52", false}, {0x4008, "", "\x53", true}, {0x4010, "", "", false},
	} {
		u.version = 4
		if got := string(tab.locationAt(u, e, c.pc)); got != c.four {
			t.Errorf("DWARF 4 at %#x: %q", c.pc, got)
		}
		if got := tab.covers(u, e, c.pc); got != c.covered {
			t.Errorf("DWARF 4 covers %#x: %v", c.pc, got)
		}
		u.version = 5
		if got := string(tab.locationAt(u, e, c.pc)); got != c.five {
			t.Errorf("DWARF 5 at %#x: %q", c.pc, got)
		}
		if got := tab.covers(u, e, c.pc); got != (c.covered || c.pc == 0x3000) {
			t.Errorf("DWARF 5 covers %#x: %v", c.pc, got)
		}
	}
}

// What has no value yet is not shown, and of one name the innermost that has.
func TestVisible(t *testing.T) {
	there := []Piece{{Place: InFrame}}
	s := Scope{vars: []Local{
		{Name: "arg", Param: true, Line: 1, Pieces: there},
		{Name: "&big", Line: 2, Pieces: there, fixed: true},
		{Name: "x", Line: 3, Pieces: there, fixed: true},
		{Name: "err", Line: 1, Result: true, Pieces: there, fixed: true},
		{Name: "here", Line: 5, Pieces: there, fixed: true},
		{Name: "told", Line: 5, Pieces: there},
		{Name: "gone", Line: 4},
		{Name: "x", Line: 4, Pieces: there},
		{Name: "x", Line: 7, Pieces: there, fixed: true},
		{Name: "later", Line: 6, Pieces: there},
		{Name: "unknown", Pieces: there, fixed: true},
	}}
	var got []string
	for _, v := range s.Visible(5) {
		got = append(got, v.Name)
		if v.Name == "x" && v.Line != 4 {
			t.Errorf("x is that of line %d", v.Line)
		}
	}
	if want := []string{"arg", "&big", "x", "err", "told", "gone"}; !reflect.DeepEqual(got, want) {
		t.Errorf("visible are %q, not %q", got, want)
	}
}

// FuzzLocations reads lists and expressions of any bytes: they may panic as all
// malformed data does, which table.read makes an error, and must end.
func FuzzLocations(f *testing.F) {
	f.Add([]byte("\x04\x10\x20\x02\x91\x58\x00"), uint64(0x15))
	f.Add([]byte("\x01\x00\x04\x10\x20\x04\x50\x93\x08\x93\x00"), uint64(0x15))
	f.Fuzz(func(t *testing.T, b []byte, pc uint64) {
		tab := &table{sections: &sections{addrs: b}}
		tab.lists.loclists, tab.lists.loc, tab.lists.rnglists, tab.lists.ranges = b, b, b, b
		e := &entry{hasLoclist: true, hasRanges: true}
		for _, version := range []uint16{4, 5} {
			u := &unit{version: version}
			tab.read(func() {
				for _, p := range pieces(tab.locationAt(u, e, pc), true) {
					if p.Place > InRegister {
						t.Errorf("%+v", p)
					}
				}
			})
			tab.read(func() { tab.covers(u, e, pc) })
		}
	})
}
