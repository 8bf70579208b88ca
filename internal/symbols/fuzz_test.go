package symbols

import (
	"reflect"
	"testing"
)

var intType = reflect.TypeFor[int]()

// explore indexes sections and looks at all that they declare.
func explore(info, abbrevs, addrs []byte) {
	t := &table{sections: &sections{info: info, abbrevs: abbrevs, addrs: addrs}}
	t.types.byEntry = map[int]*Type{}
	t.types.byRuntime = map[reflect.Type]*Type{}
	t.types.rebuilt = map[*Type]rebuilt{}
	if t.read(t.scan) != nil {
		return
	}
	x := &Index{t: t}
	left := 300
	var look func(*Type, int)
	look = func(u *Type, levels int) {
		if left--; u == nil || left < 0 || levels == 0 {
			return
		}
		_, _ = u.String(), u.Align()
		if u.size < 1<<16 {
			u.Reflect()
		}
		u.ABI()
		look(u.Elem(), levels-1)
		look(u.Key(), levels-1)
		for _, f := range u.Fields() {
			look(f.Type, levels-1)
		}
	}
	for _, path := range x.Packages() {
		for _, name := range x.Vars(path) {
			if v, err := x.Var(name); err == nil {
				look(v.Type, 8)
			}
		}
		for i, name := range x.Funcs(path) {
			if f, err := x.Func(name); err == nil && i < 100 {
				f.Check(0)
			}
		}
		x.Consts(path)
		x.Types(path)
		x.Func(path + ".nothing")
		if left < 0 {
			return
		}
	}
}

func FuzzSections(f *testing.F) {
	exe := buildHelper(f)
	info, abbrevs := section(f, exe, ".debug_info"), section(f, exe, ".debug_abbrev")
	f.Add(info[:min(len(info), 4096)], abbrevs)
	// A unit without children.
	f.Add([]byte{12, 0, 0, 0, 5, 0, 1, 8, 0, 0, 0, 0, 1, 'm', 0, 0x16}, []byte{1, 0x11, 0, 3, 8, 0x13, 0x0b, 0, 0, 0})
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(_ *testing.T, info, abbrevs []byte) { explore(info, abbrevs, nil) })
}
