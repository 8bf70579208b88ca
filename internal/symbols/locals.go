package symbols

import (
	"debug/elf"
	"os"
	"reflect"
	"strings"
	"sync"
)

// Scope is a function at one address of its code, or a call that was inlined
// there.
type Scope struct {
	// Func is its full name.
	Func string
	vars []Local
}

// Local is a variable of a function.
type Local struct {
	// Name is the variable's. Of one that escapes to the heap it is "&" and the name,
	// and Type is the pointer to it.
	Name   string
	Type   *Type
	Param  bool // a parameter or receiver
	Result bool // a result that has a name
	Line   int  // of its declaration; 0 where it is not told
	// Pieces say where the value is, at this address. There are none where it is
	// gone, or where only an arithmetic would find it.
	Pieces []Piece
	// Certain says that what is there is the variable's value. Of optimised code
	// the compiler's lists of locations do not promise that: they keep a place on the
	// stack for the variable's when a newer value is in a register, or when
	// the place is given to another variable (cmd/compile/internal/ssa, debug.go,
	// processValue).
	Certain bool

	fixed bool // it has one place, also before it has a value
}

// maxLocals bounds the variables of a scope, maxNested how deep blocks are in each
// other.
const (
	maxLocals = 200
	maxNested = 100
)

// lists are locations and ranges, read when they are first asked for.
type lists struct {
	sections
	once sync.Once
	err  error
}

// load reads them. The table's lock is held.
func (l *lists) load() error {
	l.once.Do(func() {
		var f *os.File
		if f, l.err = os.Open("/proc/self/exe"); l.err != nil {
			return
		}
		defer f.Close()
		var e *elf.File
		if e, l.err = elf.NewFile(f); l.err == nil {
			l.sections, l.err = loadLists(e)
		}
	})
	return l.err
}

// Locals returns the variables that are in scope at pc in the code of the function
// of that name, whose code begins at entry: first those of the innermost call that
// was inlined there, last the function's own. Of a frame that has called another,
// pc is an address in the call, not behind it: there, registers are those of the
// callee.
func (x *Index) Locals(name string, entry, pc uintptr) (scopes []Scope, err error) {
	var failed error
	err = x.lookup(name, "function", funcsOf, func(_ *pack, r ref) bool {
		t := x.t
		u := t.unitOf(int(r.entry))
		e := t.entry(int(r.entry))
		if !e.hasLow || t.lowPC(u, &e) != entry {
			return false
		}
		if failed = t.lists.load(); failed != nil {
			return true
		}
		w := scopeWalk{t: t, u: u, info: t.sections.info[:u.end], pc: uint64(pc) - t.slide, cfaBase: e.cfaBase}
		w.scopes = []Scope{{Func: strings.Clone(name)}}
		if e.children {
			w.children(e.next, 0, 0)
		}
		for i := len(w.scopes) - 1; i >= 0; i-- {
			scopes = append(scopes, w.scopes[i])
		}
		return true
	})
	if err == nil {
		err = failed
	}
	return scopes, err
}

// scopeWalk looks for what is in scope at an address.
type scopeWalk struct {
	t       *table
	u       *unit
	info    []byte
	pc      uint64 // of the file
	cfaBase bool
	scopes  []Scope // the function first
}

// children reads a list of children, of a function or a block in it, and returns
// where it ends.
func (w *scopeWalk) children(p, scope, depth int) int {
	var e entry
	for {
		readEntry(w.info, w.u.abbrevs, p, &e)
		p = e.next
		switch e.tag {
		case 0:
			return p
		case tagParameter, tagVariable:
			w.variable(&e, scope)
		case tagBlock, tagInlined:
			if !e.children || depth >= maxNested || !w.t.covers(w.u, &e, w.pc) {
				break
			}
			in := scope
			if e.tag == tagInlined {
				in = len(w.scopes)
				w.scopes = append(w.scopes, Scope{Func: w.nameOf(e.origin)})
			}
			p = w.children(p, in, depth+1)
			continue
		}
		if e.children {
			p = w.skip(p)
		}
	}
}

// skip steps over a list of children.
func (w *scopeWalk) skip(p int) int {
	for depth := 1; depth > 0; {
		next, a := skipEntry(w.info, w.u.abbrevs, p)
		p = next
		if a == nil {
			depth--
		} else if a.children {
			depth++
		}
	}
	return p
}

// nameOf is the name of an inlined function.
func (w *scopeWalk) nameOf(origin int) string {
	e := w.t.entry(origin)
	if k := w.t.packAt(unescapePath(strings.TrimSuffix(prefixOf(e.name), "."))); k != nil {
		return strings.Clone(k.name(e.name))
	}
	return strings.Clone(e.name)
}

func (w *scopeWalk) variable(e *entry, scope int) {
	s := &w.scopes[scope]
	if len(s.vars) >= maxLocals {
		return
	}
	said := *e // what is said of it: with its abstract instance, if there is one
	if e.hasOrigin {
		said = w.t.entry(e.origin)
	}
	name := strings.TrimPrefix(said.name, "&")
	if name == "" || name == "_" || strings.ContainsAny(name[:1], ".~") {
		return // .dict, .closureptr, ~r0
	}
	v := Local{
		Name: strings.Clone(said.name), Type: w.t.ofEntry(said.typ), Line: int(said.line),
		Param: said.tag == tagParameter && !said.result, Result: said.result,
		Pieces: pieces(w.t.locationAt(w.u, e, w.pc), w.cfaBase),
		fixed:  !e.hasLoclist, Certain: !w.u.optimised,
	}
	if v.Type == nil {
		return
	}
	if w.u.optimised && len(v.Pieces) == 1 && e.hasLoclist && !single(v.Type) {
		v.Pieces = nil // of a string of which only the length is left, that is what is there
	}
	s.vars = append(s.vars, v)
}

// single reports whether the compiler does not take values of the type to pieces.
func single(t *Type) bool {
	for {
		switch t.kind {
		case reflect.String, reflect.Slice, reflect.Interface, reflect.Complex64, reflect.Complex128:
			return false
		case reflect.Struct:
			fields := t.Fields()
			if len(fields) != 1 || fields[0].Type == nil {
				return false
			}
			t = fields[0].Type
		case reflect.Array:
			if t.Len() != 1 || t.Elem() == nil {
				return false
			}
			t = t.Elem()
		default:
			return true
		}
	}
}

// Visible returns the variables that have a value when the line is reached: a
// variable has one place for all of its function, if it is not kept in registers,
// and there it was something else before. Of those of one name the innermost is
// meant. What is declared on the line itself is left out, unless the compiler tells
// from where on it has its value.
func (s *Scope) Visible(line int) (list []Local) {
	at := map[string]int{}
	for _, v := range s.vars {
		switch {
		case v.Param || v.Result && v.fixed:
		case v.Line == 0 && v.fixed, v.Line > line, v.Line == line && (v.fixed || len(v.Pieces) == 0):
			continue
		}
		name := strings.TrimPrefix(v.Name, "&")
		i, ok := at[name]
		if !ok {
			at[name] = len(list)
			list = append(list, v)
			continue
		}
		// A result that was taken to pieces is there more than once, an
		// escaped parameter as its copy on the heap, too.
		if old := &list[i]; len(v.Pieces) > 0 || len(old.Pieces) == 0 || v.Line != old.Line {
			v.Param, v.Result = v.Param || old.Param && v.Line == old.Line, v.Result || old.Result && v.Line == old.Line
			list[i] = v
		}
	}
	return list
}
