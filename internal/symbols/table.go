package symbols

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"reflect"
	"runtime/debug"
	"sort"
	"strings"
	"sync"
)

// table is the index of one executable, shared by all that have it open.
type table struct {
	// mu is held for reading while the sections are looked at, for writing
	// when they go.
	mu       sync.RWMutex
	closed   bool
	sections *sections
	units    []unit
	packages []pack // by path
	// runtimeTypes are the offsets of all types that the program has data of,
	// sorted.
	runtimeTypes []uint32
	buildID      string
	entryPoint   uint64
	slide        uint64 // what is added to addresses of the file
	program      *program
	lists        lists

	types struct {
		sync.Mutex
		byEntry   map[int]*Type
		byRuntime map[reflect.Type]*Type
		named     []ref
		sorted    bool // named is, by name, since the first search
		rebuilt   map[*Type]rebuilt
	}
}

// unit is a compile unit of Go code.
type unit struct {
	off, end, first int
	abbrevs         []abbrev
	addrBase        int
	lowPC           uint64 // what offsets in lists are from, unless the list says
	version         uint16 // of DWARF
	optimised       bool   // compiled without -N
}

// pack is a package: what its units declare.
type pack struct {
	path   string
	prefix string // of its symbols, with the dot: net/http.
	vars   []ref
	funcs  []ref
	consts []ref
}

// ref is a symbol: the offsets of its name and of its entry in .debug_info.
type ref struct{ name, entry uint32 }

// packs are the packages by the prefix of their symbols.
type packs map[string]*pack

func (m packs) get(prefix string) *pack {
	k := m[prefix]
	if k == nil {
		prefix = strings.Clone(prefix)
		k = &pack{path: unescapePath(prefix[:len(prefix)-1]), prefix: prefix}
		m[prefix] = k
	}
	return k
}

// prefixOf is the import path of a symbol as the linker writes it, with the dot
// behind it; "" where there is none. The last element of a path has no dots.
func prefixOf(name string) string {
	end := strings.IndexAny(name, "[(")
	if end < 0 {
		end = len(name)
	}
	slash := strings.LastIndexByte(name[:end], '/') + 1
	dot := strings.IndexByte(name[slash:], '.')
	if dot <= 0 {
		return ""
	}
	return name[:slash+dot+1]
}

// newTable indexes the debug information of an ELF file.
func newTable(r io.ReaderAt) (_ *table, err error) {
	f, err := elf.NewFile(r)
	if err != nil {
		return nil, err
	}
	if f.ByteOrder != binary.ByteOrder(binary.LittleEndian) || f.Class != elf.ELFCLASS64 {
		return nil, fmt.Errorf("the executable is not a 64-bit little-endian one")
	}
	s, err := loadSections(f)
	if err != nil {
		return nil, err
	}
	t := &table{sections: s, entryPoint: f.Entry, buildID: goBuildID(f)}
	t.types.byEntry = map[int]*Type{}
	t.types.byRuntime = map[reflect.Type]*Type{}
	t.types.rebuilt = map[*Type]rebuilt{}
	if err := t.read(t.scan); err != nil {
		s.close()
		return nil, err
	}
	for _, m := range s.maps {
		m.drop()
	}
	return t, nil
}

// goBuildID returns the build ID that cmd/link writes into .note.go.buildid, ""
// where there is none.
func goBuildID(f *elf.File) string {
	sec := f.Section(".note.go.buildid")
	if sec == nil || sec.Size > 1<<10 {
		return ""
	}
	b, err := sec.Data()
	if err != nil || len(b) < 16 {
		return ""
	}
	name, desc := int(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))
	if name != 4 || desc < 0 || 16+desc > len(b) {
		return ""
	}
	return string(b[16 : 16+desc])
}

// read runs f with the sections there. Malformed data, and a fault of a page that
// cannot be read from the disk, are errors.
func (t *table) read(f func()) (err error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closed {
		return errClosed
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w (%v)", errMalformed, v)
		}
	}()
	f()
	return nil
}

func (t *table) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.closed = true
		t.sections.close()
		t.lists.sections.close()
	}
}

// scan finds the units and what they declare.
func (t *table) scan() {
	info := t.sections.info
	if uint64(len(info)) > 1<<32-1 {
		panic(errMalformed)
	}
	tables := map[int][]abbrev{}
	byPrefix := packs{}
	seen := map[uint32]bool{}
	for p := 0; p < len(info); {
		size := binary.LittleEndian.Uint32(info[p:])
		if size >= 0xfffffff0 || size < 8 || uint64(size) > uint64(len(info)-p-4) {
			panic(errMalformed) // 64-bit DWARF is not what Go writes
		}
		n := int(size)
		u := unit{off: p, end: p + 4 + n}
		var at int
		u.version = binary.LittleEndian.Uint16(info[p+4:])
		switch u.version {
		case 5:
			at, u.first = int(binary.LittleEndian.Uint32(info[p+8:])), p+12
		case 2, 3, 4:
			at, u.first = int(binary.LittleEndian.Uint32(info[p+6:])), p+11
		default:
			p = u.end
			continue
		}
		p = u.end
		a, ok := tables[at]
		if !ok {
			a = readAbbrevs(t.sections.abbrevs, at)
			tables[at] = a
		}
		u.abbrevs = a
		var e entry
		if !goUnit(info, &u, &e) {
			continue
		}
		u.addrBase = int(e.addrBase)
		u.lowPC = e.lowPC
		u.optimised = !strings.Contains(e.producer+" ", " -N ")
		if e.lowIndexed {
			u.lowPC = t.indexed(&u, e.lowPC)
		}
		k := byPrefix.get(escapePath(e.name) + ".")
		t.units = append(t.units, u)
		if e.children {
			t.scanUnit(&u, e.next, k, byPrefix, seen)
		}
	}
	t.finish(byPrefix, seen)
}

// goUnit reads the entry of the unit itself and reports whether it is of Go code.
// Other compilers' units may have forms that are not known here.
func goUnit(info []byte, u *unit, e *entry) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	readEntry(info[:u.end], u.abbrevs, u.first, e)
	return e.tag == tagUnit && e.language == languageGo && e.name != ""
}

// scanUnit notes what stands at the top level of a unit.
func (t *table) scanUnit(u *unit, p int, k *pack, byPrefix packs, seen map[uint32]bool) {
	info := t.sections.info[:u.end]
	var e entry
	for depth := 1; depth > 0 && p < u.end; {
		if depth > 1 {
			next, a := skipEntry(info, u.abbrevs, p)
			p = next
			if a == nil {
				depth--
			} else if a.children {
				depth++
			}
			continue
		}
		readEntry(info, u.abbrevs, p, &e)
		p = e.next
		r := ref{uint32(e.nameOff), uint32(e.off)}
		switch e.tag {
		case 0:
			depth--
		case tagVariable:
			// Names without a package are those of the C side of cgo.
			if len(e.location) == 9 && e.location[0] == opAddr && len(e.name) > len(k.prefix) && strings.HasPrefix(e.name, k.prefix) {
				k.vars = append(k.vars, r)
			}
		case tagConstant:
			if e.name != "" {
				k.consts = append(k.consts, r)
			}
		case tagSubprogram:
			if e.hasOrigin {
				var o entry
				readEntry(t.sections.info, u.abbrevs, e.origin, &o)
				r.name = uint32(o.nameOff)
			}
			if r.name != 0 && (e.hasLow || e.inline) {
				// Inlined functions stand in the unit that calls them,
				// instantiations in the one that needs them.
				to := k
				if prefix := prefixOf(t.nameAt(r.name)); prefix != "" && prefix != k.prefix {
					to = byPrefix.get(prefix)
				}
				to.funcs = append(to.funcs, r)
			}
		default:
			if e.runtimeType != 0 && e.runtimeType < 1<<32 {
				seen[uint32(e.runtimeType)] = true
			}
			switch e.tag {
			case tagTypedef, tagBase, tagStruct, tagPointer, tagArray, tagFuncType:
				if e.name != "" {
					t.types.named = append(t.types.named, r)
				}
			}
		}
		if e.tag != 0 && e.children {
			depth++
		}
	}
}

// finish sorts what scan found.
func (t *table) finish(byPrefix packs, seen map[uint32]bool) {
	for _, k := range byPrefix {
		for _, list := range []*[]ref{&k.vars, &k.funcs, &k.consts} {
			t.sortRefs(*list)
			*list = append(make([]ref, 0, len(*list)), *list...) // no spare room
		}
		t.packages = append(t.packages, *k)
	}
	sort.Slice(t.packages, func(i, j int) bool { return t.packages[i].path < t.packages[j].path })
	t.runtimeTypes = make([]uint32, 0, len(seen))
	for off := range seen {
		t.runtimeTypes = append(t.runtimeTypes, off)
	}
	sort.Slice(t.runtimeTypes, func(i, j int) bool { return t.runtimeTypes[i] < t.runtimeTypes[j] })
	t.types.named = append(make([]ref, 0, len(t.types.named)), t.types.named...)
}

func (t *table) sortRefs(list []ref) {
	sort.Slice(list, func(i, j int) bool {
		a, b := t.nameAt(list[i].name), t.nameAt(list[j].name)
		return a < b || a == b && list[i].entry < list[j].entry
	})
}

// nameAt is the text at an offset of .debug_info. It points into the section.
func (t *table) nameAt(off uint32) string {
	b := t.sections.info[off:]
	return text(b[:bytes.IndexByte(b, 0)])
}

// find returns the refs of a raw name in a sorted list.
func (t *table) find(list []ref, name string) []ref {
	i := sort.Search(len(list), func(i int) bool { return t.nameAt(list[i].name) >= name })
	j := i
	for j < len(list) && t.nameAt(list[j].name) == name {
		j++
	}
	return list[i:j]
}

// unitOf returns the unit that an entry stands in.
func (t *table) unitOf(off int) *unit {
	i := sort.Search(len(t.units), func(i int) bool { return t.units[i].end > off })
	if i == len(t.units) || off < t.units[i].first {
		panic(errMalformed)
	}
	return &t.units[i]
}

func (t *table) entry(off int) (e entry) {
	readEntry(t.sections.info, t.unitOf(off).abbrevs, off, &e)
	return e
}

// children calls f for the direct children of an entry.
func (t *table) children(off int, f func(*entry)) {
	u := t.unitOf(off)
	info := t.sections.info[:u.end]
	var e entry
	readEntry(info, u.abbrevs, off, &e)
	if !e.children {
		return
	}
	p := e.next
	for depth := 1; depth > 0; {
		if depth > 1 {
			next, a := skipEntry(info, u.abbrevs, p)
			p = next
			if a == nil {
				depth--
			} else if a.children {
				depth++
			}
			continue
		}
		readEntry(info, u.abbrevs, p, &e)
		p = e.next
		if e.tag == 0 {
			return
		}
		if e.children {
			depth++
		}
		f(&e)
	}
}

// address is where a variable is in memory, 0 where its entry does not say.
func (t *table) address(e *entry) uintptr {
	if len(e.location) != 9 || e.location[0] != opAddr {
		return 0
	}
	return uintptr(binary.LittleEndian.Uint64(e.location[1:]) + t.slide)
}

// lowPC is the address in memory of the code of a function's entry.
func (t *table) lowPC(u *unit, e *entry) uintptr {
	return uintptr(t.low(u, e) + t.slide)
}

// low is lowPC as the file has it.
func (t *table) low(u *unit, e *entry) uint64 {
	if e.lowIndexed {
		return t.indexed(u, e.lowPC)
	}
	return e.lowPC
}

// indexed is an address of the unit's table.
func (t *table) indexed(u *unit, i uint64) uint64 {
	return binary.LittleEndian.Uint64(t.sections.addrs[u.addrBase+8*int(i):])
}
