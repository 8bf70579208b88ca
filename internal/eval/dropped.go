package eval

import (
	"reflect"
	"sync"
	"unsafe"
)

type methodKey struct {
	name string
	typ  reflect.Type
}

// interfaceMethodsOfProgram are the methods of all interfaces that can be reached
// from the types that the runtime lists. The runtime selects a method of a value in an
// interface by name and type.
var interfaceMethodsOfProgram = sync.OnceValue(func() map[methodKey]bool {
	found := map[methodKey]bool{}
	seen := map[unsafe.Pointer]bool{}
	var queue []reflect.Type
	add := func(t reflect.Type) {
		if t != nil && !seen[typeWord(t)] {
			seen[typeWord(t)] = true
			queue = append(queue, t)
		}
	}
	sections, offsets := typelinks()
	for i, l := range offsets {
		for _, off := range l {
			add(typeOfWord(unsafe.Add(sections[i], off)))
		}
	}
	for len(queue) > 0 {
		t := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
			add(t.Elem())
		case reflect.Map:
			add(t.Key())
			add(t.Elem())
		case reflect.Struct:
			for i := range t.NumField() {
				add(t.Field(i).Type)
			}
		case reflect.Func:
			for i := range t.NumIn() {
				add(t.In(i))
			}
			for i := range t.NumOut() {
				add(t.Out(i))
			}
		case reflect.Interface:
			for _, m := range interfaceMethods(t) {
				found[methodKey{m.name, m.typ}] = true
				add(m.typ)
			}
			continue
		}
		for _, m := range typeMethods(t) {
			add(m.typ)
		}
	}
	return found
})

// asked are methods that packages ask any value for, by interfaces that no listed type
// may lead to.
var asked = map[string]bool{
	"Error": true, "String": true, "GoString": true, "Format": true, "Is": true, "As": true, "Unwrap": true, "Timeout": true,
	"Read": true, "Write": true, "Close": true, "WriteTo": true, "ReadFrom": true, "WriteString": true, "Flush": true, "Lock": true, "Unlock": true,
	"MarshalJSON": true, "UnmarshalJSON": true, "MarshalText": true, "UnmarshalText": true, "MarshalBinary": true, "AppendText": true,
	"LogValue": true, "Value": true, "Scan": true, "Len": true, "Less": true, "Swap": true, "IsZero": true,
}

// selectable says that some interface of the program may select a method.
func selectable(name string, typ reflect.Type) bool {
	return asked[name] || interfaceMethodsOfProgram()[methodKey{name, typ}]
}
