package symbols

import (
	"reflect"
	"sort"
)

// Types returns an index without symbols: it knows the types that the program has
// data of and refers to, by [Index.TypeOf] and [Index.TypeAt]. It is what there is
// of a program without debug information. It costs some milliseconds and is not
// shared.
func Types() (*Index, error) {
	p, err := findProgram()
	if err != nil {
		return nil, err
	}
	t := &table{program: p, sections: &sections{}}
	t.types.byEntry = map[int]*Type{}
	t.types.byRuntime = map[reflect.Type]*Type{}
	t.types.rebuilt = map[*Type]rebuilt{}
	p.words = p.reachable()
	return &Index{t: t, bare: true}, nil
}

// reachable returns the words of all types that those of the list are made of.
func (p *program) reachable() []uintptr {
	seen := make(map[uintptr]bool, 4*len(p.words))
	var todo []reflect.Type
	add := func(r reflect.Type) {
		if w := wordOf(r); w >= p.types && w < p.etypes && !seen[w] {
			seen[w] = true
			todo = append(todo, r)
		}
	}
	for _, w := range p.words {
		add(typeAt(w))
	}
	for len(todo) > 0 {
		r := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		switch r.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
			add(r.Elem())
		case reflect.Map:
			add(r.Key())
			add(r.Elem())
		case reflect.Struct:
			for i := range r.NumField() {
				add(r.Field(i).Type)
			}
		case reflect.Func:
			for i := range r.NumIn() {
				add(r.In(i))
			}
			for i := range r.NumOut() {
				add(r.Out(i))
			}
		}
	}
	words := make([]uintptr, 0, len(seen))
	for w := range seen {
		words = append(words, w)
	}
	sort.Slice(words, func(i, j int) bool { return words[i] < words[j] })
	return words
}
