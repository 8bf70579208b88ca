package eval

import (
	"reflect"
	"strings"

	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/internal/symbols/pclntab"
)

// A program without debug information still has the names and entries of its functions,
// and the data of those types that it needs at run time. Its signatures are for the
// user to say.

// Function makes a func of type ft of the function of a full name, as the linker writes
// it: main.charge, main.(*Store).find. The type is compared with what the function
// table says of the arguments; it cannot tell an int from a pointer, and knows nothing
// of results.
func (l *Live) Function(name string, ft reflect.Type) (Func, error) {
	table := l.table
	if table == nil {
		var err error
		if table, err = pclntab.Open(); err != nil {
			return Func{}, err
		}
	}
	dot := strings.IndexByte(name[strings.LastIndexByte(name, '/')+1:], '.')
	path := name[:strings.LastIndexByte(name, '/')+1+max(dot, 0)]
	if why := forbidden(path, name); why != "" {
		return Func{}, cannotCall(name, "%s", why)
	}
	tf, ok := table.Lookup(name)
	if !ok {
		return Func{}, refused("the program has no code of a function %s: names are as the linker writes them, main.f or main.(*T).m, and what was inlined everywhere has none", name)
	}
	if why := special(tf); why != "" {
		return Func{}, cannotCall(name, "%s", why)
	}
	x := l.x
	if x == nil {
		var err error
		if x, err = symbols.Types(); err != nil {
			return Func{}, err
		}
		defer x.Close()
	}
	f := symbols.Func{Name: name, Entry: tf.Entry()}
	for i := range ft.NumIn() {
		f.Params = append(f.Params, symbols.Param{Type: x.TypeOf(ft.In(i))})
	}
	for i := range ft.NumOut() {
		f.Params = append(f.Params, symbols.Param{Type: x.TypeOf(ft.Out(i)), Result: true})
	}
	if f.Check(tf.Args()) != nil {
		return Func{}, refused("%s is no %s: its arguments take other room than the %d bytes that the function table says", name, ft, tf.Args())
	}
	return checked(&f, tf, ft)
}

// bareTypes are the named types that the lists of the runtime lead to, by full name.
type bareTypes struct{ named map[string]reflect.Type }

func (b *bareTypes) types() map[string]reflect.Type {
	if b.named != nil {
		return b.named
	}
	b.named = map[string]reflect.Type{}
	seen := map[reflect.Type]bool{}
	var queue []reflect.Type
	add := func(t reflect.Type) {
		if t != nil && !seen[t] {
			seen[t] = true
			queue = append(queue, t)
		}
	}
	sections, offsets := typelinks()
	for i, l := range offsets {
		for _, off := range l {
			add(typeOfWord(addOffset(sections[i], off)))
		}
	}
	for len(queue) > 0 {
		t := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if t.Name() != "" && t.PkgPath() != "" {
			b.named[t.PkgPath()+"."+t.Name()] = t
		}
		for _, p := range partTypes(t) {
			add(p)
		}
	}
	return b.named
}

// partTypes are the types that t is made of.
func partTypes(t reflect.Type) (l []reflect.Type) {
	switch t.Kind() {
	case reflect.Map:
		l = append(l, t.Key())
		fallthrough
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
		l = append(l, t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			l = append(l, t.Field(i).Type)
		}
	case reflect.Func:
		for i := range t.NumIn() {
			l = append(l, t.In(i))
		}
		for i := range t.NumOut() {
			l = append(l, t.Out(i))
		}
	}
	return l
}

// pkg is the import path of a package that has types, of its path or its last element;
// "" where there is none, or more than one.
func (b *bareTypes) pkg(name string) (path string) {
	for _, t := range b.types() {
		switch p := t.PkgPath(); {
		case p == name:
			return p
		case lastElement(p) == name && path != p:
			if path != "" {
				return ""
			}
			path = p
		}
	}
	return path
}
