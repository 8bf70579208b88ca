package eval

import (
	"reflect"
	"sync"
	"unsafe"
)

// reflect makes types without names only. A type that a session declares is a copy of
// the description of its underlying type under a name of its own: everything that goes
// by reflect, in the program too, sees the type that the compiler would have made, but
// for its methods.

//go:linkname addReflectOff reflect.addReflectOff
//go:noescape
func addReflectOff(ptr unsafe.Pointer) int32

// Flags of a type, internal/abi/type.go.
const (
	tflagUncommon  = 1 << 0
	tflagExtraStar = 1 << 1
	tflagNamed     = 1 << 2
)

// descriptions holds what nothing else refers to: the collector does not look at the
// type word of an interface. What of reflect's is made of them lives as long.
var descriptions struct {
	sync.Mutex
	all []any
}

func keep(x ...any) {
	descriptions.Lock()
	defer descriptions.Unlock()
	descriptions.all = append(descriptions.all, x...)
}

// description is the memory of a type, which the collector does not scan: what it refers
// to is kept alive otherwise.
type description []uintptr

// describe makes a type without methods of the size and layout of rt. It becomes the type
// that it is to be with fill. words is the least room for that.
func describe(rt reflect.Type, name string, named bool, words int) description {
	d := make(description, max(words, 14))
	text := nameBytes(name)
	keep(rt, d, text)
	t := d.abi()
	t.str = addReflectOff(unsafe.Pointer(&text[0]))
	t.hash = uint32(uintptr(unsafe.Pointer(t))>>4) * 16777619
	if named {
		t.tflag = tflagNamed
	}
	d.fill(rt)
	return d
}

func (d description) abi() *abiType         { return (*abiType)(unsafe.Pointer(&d[0])) }
func (d description) reflect() reflect.Type { return typeOfWord(unsafe.Pointer(&d[0])) }

// fill copies a type but for its name. An interface must have no methods: those of a
// description are found by where it lies.
func (d description) fill(rt reflect.Type) {
	t := d.abi()
	old := *t
	size := kindSize(rt.Kind())
	if size == 0 {
		size = unsafe.Sizeof(abiType{})
	}
	n := copy(d, unsafe.Slice((*uintptr)(typeWord(rt)), size/unsafe.Sizeof(uintptr(0))))
	if rt.Kind() == reflect.Func { // the types of its parameters and results follow
		for i := range rt.NumIn() {
			d[n+i] = uintptr(typeWord(rt.In(i)))
		}
		for i := range rt.NumOut() {
			d[n+rt.NumIn()+i] = uintptr(typeWord(rt.Out(i)))
		}
	}
	t.tflag = t.tflag&^(tflagUncommon|tflagExtraStar|tflagNamed) | old.tflag&tflagNamed
	t.hash, t.str, t.pointerToThis = old.hash, old.str, 0
	keep(rt)
}

// nameBytes is an abi.Name without tag and package.
func nameBytes(name string) []byte {
	b := []byte{0}
	if exported(name) {
		b[0] = 1
	}
	for n := len(name); ; n >>= 7 {
		if n < 0x80 {
			b = append(b, byte(n))
			break
		}
		b = append(b, byte(n)|0x80)
	}
	return append(b, name...)
}
