package symbols

import (
	"errors"
	"reflect"
	"runtime"
	"sort"
	"unsafe"

	"github.com/ispyd/ispyd/nodes"
)

// program is where the running program keeps its type data.
type program struct {
	types, etypes uintptr
	// words are the addresses of the types that typelinks and itabs name,
	// beside those that the debug information knows; sorted.
	words []uintptr
}

// moduleData is the beginning of runtime.moduledata (runtime/symtab.go, Go 1.25
// and 1.26). Nothing of it is trusted before check.
type moduleData struct {
	_             unsafe.Pointer // pcHeader
	_             [6][3]uintptr  // funcnametab, cutab, filetab, pctab, pclntable, ftab
	_             [3]uintptr     // findfunctab, minpc, maxpc
	text, etext   uintptr
	_             [8]uintptr // data, bss and their pointer-free parts
	_             [5]uintptr // covctrs, ecovctrs, end, gcdata, gcbss
	types, etypes uintptr
	_             [3]uintptr // rodata, gofunc, epclntab
	_             [3]uintptr // textsectmap
	typelinks     []int32
	itablinks     []*itab
}

// itab is the beginning of internal/abi.ITab.
type itab struct{ inter, typ uintptr }

// lastModule is the last of the program's modules, the only one unless it has
// loaded plugins. The runtime allows this name to be linked to (runtime/symtab.go).
//
//go:linkname lastModule runtime.lastmoduledatap
var lastModule *moduleData

// anchor is a function whose address is looked for in the debug information, to
// know that the file is that of this program, and where it was loaded.
//
//go:noinline
func anchor() { runtime.KeepAlive(lastModule) }

const anchorName = "github.com/ispyd/ispyd/internal/symbols.anchor"

func anchorPC() uintptr { return reflect.ValueOf(anchor).Pointer() }

// eface is an interface value without methods.
type eface struct {
	typ  unsafe.Pointer
	data unsafe.Pointer
}

// wordOf is the address of a type's data.
func wordOf(t reflect.Type) uintptr { return uintptr((*eface)(unsafe.Pointer(&t)).data) }

// typeAt is the type whose data is at word, which must be known to be one.
func typeAt(word uintptr) reflect.Type {
	var v any
	(*eface)(unsafe.Pointer(&v)).typ = *(*unsafe.Pointer)(unsafe.Pointer(&word))
	return reflect.TypeOf(v)
}

// findProgram checks that the runtime's data is where this package thinks it is.
func findProgram() (*program, error) {
	m := lastModule
	pc := anchorPC()
	bad := func(what string) error {
		return nodes.Errorf(nodes.ErrNotSupported, "this program's runtime (%s) is not laid out as the ones that are known: %s", runtime.Version(), what)
	}
	switch {
	case m == nil:
		return nil, bad("it has no module data")
	case pc < m.text || pc >= m.etext:
		return nil, bad("the code is not where the module data says, or plugins have been loaded")
	}
	p := &program{types: m.types, etypes: m.etypes}
	for _, t := range []reflect.Type{reflect.TypeFor[int](), reflect.TypeFor[*program](), reflect.TypeFor[map[string]int]()} {
		if w := wordOf(t); w < p.types || w >= p.etypes {
			return nil, bad("types are not where the module data says")
		}
	}
	size := p.etypes - p.types
	if len(m.typelinks) == 0 || uintptr(len(m.typelinks)) > size || cap(m.typelinks) < len(m.typelinks) ||
		len(m.itablinks) == 0 || uintptr(len(m.itablinks)) > size || cap(m.itablinks) < len(m.itablinks) {
		return nil, bad("the lists of types are not where they should be")
	}
	for _, off := range m.typelinks {
		if off < 0 || uintptr(off) >= size {
			return nil, bad("a type lies outside of the types")
		}
		p.words = append(p.words, p.types+uintptr(off))
	}
	for _, i := range m.itablinks {
		p.words = append(p.words, i.typ, i.inter)
	}
	sort.Slice(p.words, func(i, j int) bool { return p.words[i] < p.words[j] })
	n := 0
	for i, w := range p.words {
		if i == 0 || w != p.words[n-1] {
			p.words[n] = w
			n++
		}
	}
	p.words = append([]uintptr(nil), p.words[:n]...)
	return p, nil
}

// bind joins the table with the running program.
func (t *table) bind() error {
	p, err := findProgram()
	if err != nil {
		return err
	}
	var low uintptr
	err = t.read(func() {
		if k := t.pack(anchorName); k != nil {
			for _, r := range t.find(k.funcs, anchorName) {
				if e := t.entry(int(r.entry)); e.hasLow {
					low = t.lowPC(t.unitOf(e.off), &e)
				}
			}
		}
	})
	if err != nil {
		return err
	}
	if low == 0 {
		return nodes.Errorf(nodes.ErrNotSupported, "the debug information does not know this package: it is another program's, or incomplete")
	}
	t.slide = uint64(anchorPC() - low)
	if t.slide%4096 != 0 {
		return nodes.Errorf(nodes.ErrNotSupported, "the executable on disk is not the one that runs")
	}
	t.program = p
	if err := t.verify(p); err != nil {
		t.program = nil
		return nodes.Errorf(nodes.ErrNotSupported, "the debug information does not fit the program: %v", err)
	}
	return nil
}

// verify compares what the debug information says of this package with what the
// program itself knows.
func (t *table) verify(p *program) error {
	var addr uintptr
	err := t.read(func() {
		if n := len(t.runtimeTypes); n == 0 || uintptr(t.runtimeTypes[n-1]) >= p.etypes-p.types {
			panic("types outside of the program's")
		}
		k := t.pack(sharedName)
		for _, r := range t.find(k.vars, sharedName) {
			e := t.entry(int(r.entry))
			addr = t.address(&e)
		}
	})
	if err != nil {
		return err
	}
	if addr != uintptr(unsafe.Pointer(&shared)) {
		return errors.New("a variable is not where it says")
	}
	ours, err := t.typeNamed("github.com/ispyd/ispyd/internal/symbols.program")
	if err != nil {
		return err
	}
	if ours.Runtime() != reflect.TypeFor[program]() {
		return errors.New("a type is not where it says")
	}
	return nil
}

// knownWord reports whether a word is the address of type data.
func (t *table) knownWord(word uintptr) bool {
	p := t.program
	if p == nil || word < p.types || word >= p.etypes {
		return false
	}
	off := uint32(word - p.types)
	i := sort.Search(len(t.runtimeTypes), func(i int) bool { return t.runtimeTypes[i] >= off })
	if i < len(t.runtimeTypes) && t.runtimeTypes[i] == off {
		return true
	}
	i = sort.Search(len(p.words), func(i int) bool { return p.words[i] >= word })
	return i < len(p.words) && p.words[i] == word
}
