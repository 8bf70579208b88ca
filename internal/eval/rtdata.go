package eval

import (
	"reflect"
	"runtime"
	"unsafe"
)

// What follows reads method tables from the runtime's type data, as
// internal/abi/type.go lays it out. reflect's Method and MethodByName would do, but
// where the linker finds a call of them it keeps every exported method of the whole
// program; and they hand out methods that the linker has dropped, whose call kills
// the program.

//go:linkname resolveNameOff reflect.resolveNameOff
//go:noescape
func resolveNameOff(p unsafe.Pointer, off int32) unsafe.Pointer

//go:linkname resolveTypeOff reflect.resolveTypeOff
//go:noescape
func resolveTypeOff(t unsafe.Pointer, off int32) unsafe.Pointer

//go:linkname typelinks reflect.typelinks
func typelinks() (sections []unsafe.Pointer, offsets [][]int32)

//go:linkname resolveTextOff reflect.resolveTextOff
//go:noescape
func resolveTextOff(t unsafe.Pointer, off int32) unsafe.Pointer

type abiType struct {
	size, ptrBytes     uintptr
	hash               uint32
	tflag, align       uint8
	fieldAlign, kind   uint8
	equal              unsafe.Pointer
	gc                 unsafe.Pointer
	str, pointerToThis int32
}

type abiInterface struct {
	abiType
	pkgPath unsafe.Pointer
	methods []struct{ name, typ int32 }
}

type abiMethod struct{ name, typ, ifn, tfn int32 }

type abiUncommon struct {
	pkgPath          int32
	mcount, xcount   uint16
	moff, unusedWord uint32
}

// kindSize is the size of the description that stands before a type's uncommon part.
func kindSize(k reflect.Kind) uintptr {
	switch k {
	case reflect.Pointer, reflect.Slice, reflect.Func:
		return 56
	case reflect.Chan:
		return 64
	case reflect.Array:
		return 72
	case reflect.Struct, reflect.Interface:
		return 80
	case reflect.Map:
		return 112
	}
	return unsafe.Sizeof(abiType{})
}

func typeWord(t reflect.Type) unsafe.Pointer { return (*[2]unsafe.Pointer)(unsafe.Pointer(&t))[1] }

func typeOfWord(p unsafe.Pointer) reflect.Type {
	if p == nil {
		return nil
	}
	t := reflect.TypeFor[int]()
	(*[2]unsafe.Pointer)(unsafe.Pointer(&t))[1] = p
	return t
}

func addOffset(p unsafe.Pointer, off int32) unsafe.Pointer { return unsafe.Add(p, off) }

// nameAt reads an abi.Name.
func nameAt(p unsafe.Pointer) string {
	if p == nil {
		return ""
	}
	n, i := 0, 1
	for shift := 0; ; shift += 7 {
		b := *(*byte)(unsafe.Add(p, i))
		i++
		n |= int(b&0x7f) << shift
		if b < 0x80 {
			break
		}
	}
	return string(unsafe.Slice((*byte)(unsafe.Add(p, i)), n))
}

type rtMethod struct {
	name string
	typ  reflect.Type // a func without receiver; nil where the linker dropped it
	// ifn takes the receiver as an interface holds it, tfn as it is. 0 where
	// the linker has dropped it.
	ifn, tfn uintptr
}

// interfaceMethods returns the methods of an interface type, in the order of the
// functions of its itabs.
func interfaceMethods(t reflect.Type) []rtMethod {
	p := typeWord(t)
	var l []rtMethod
	for _, m := range (*abiInterface)(p).methods {
		l = append(l, rtMethod{name: nameAt(resolveNameOff(p, m.name)), typ: typeOfWord(resolveTypeOff(p, m.typ))})
	}
	return l
}

func rawMethods(t reflect.Type) []abiMethod {
	p := typeWord(t)
	if (*abiType)(p).tflag&1 == 0 {
		return nil
	}
	u := (*abiUncommon)(unsafe.Add(p, kindSize(t.Kind())))
	if u.mcount == 0 {
		return nil
	}
	return unsafe.Slice((*abiMethod)(unsafe.Add(unsafe.Pointer(u), u.moff)), u.mcount)
}

// typeMethods returns the methods of a type that is no interface: exported ones, and
// those that are not under their bare names.
func typeMethods(t reflect.Type) []rtMethod {
	p := typeWord(t)
	var l []rtMethod
	for _, m := range rawMethods(t) {
		r := rtMethod{name: nameAt(resolveNameOff(p, m.name))}
		if m.typ > 0 || m.typ < -1 {
			r.typ = typeOfWord(resolveTypeOff(p, m.typ))
		}
		if m.ifn != 0 && m.ifn != -1 {
			r.ifn = uintptr(resolveTextOff(p, m.ifn))
		}
		if m.tfn != 0 && m.tfn != -1 {
			r.tfn = uintptr(resolveTextOff(p, m.tfn))
		}
		l = append(l, r)
	}
	return l
}

// itabMethod returns the i-th function of the interface value at p as a func whose
// first parameter is the receiver's word, and that word.
func itabMethod(p unsafe.Pointer, i int, typ reflect.Type) (fn reflect.Value, receiver unsafe.Pointer, ok bool) {
	words := (*[2]unsafe.Pointer)(p)
	// abi.ITab: Inter, Type, Hash and padding, Fun.
	entry := *(*uintptr)(unsafe.Add(words[0], 24+8*i))
	if !callable(entry) {
		return reflect.Value{}, nil, false
	}
	return funcAt(entry, receiverFirst(wordType, typ)), words[1], true
}

// callable says that entry is the beginning of a function other than the one that
// stands for methods that the linker has dropped.
func callable(entry uintptr) bool {
	f := runtime.FuncForPC(entry)
	return f != nil && f.Entry() == entry && f.Name() != "runtime.unreachableMethod"
}

// funcAt makes a func value of type t of a function's entry.
func funcAt(entry uintptr, t reflect.Type) reflect.Value {
	closure := &struct{ entry uintptr }{entry}
	v := reflect.New(t)
	*(*unsafe.Pointer)(v.UnsafePointer()) = unsafe.Pointer(closure)
	return v.Elem()
}

func receiverFirst(recv, fn reflect.Type) reflect.Type {
	in := []reflect.Type{recv}
	for i := range fn.NumIn() {
		in = append(in, fn.In(i))
	}
	var out []reflect.Type
	for i := range fn.NumOut() {
		out = append(out, fn.Out(i))
	}
	return reflect.FuncOf(in, out, fn.IsVariadic())
}
