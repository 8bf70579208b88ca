package symbols

import (
	"reflect"
	"unsafe"
)

// interfaceData is internal/abi.InterfaceType (Go 1.25 and 1.26).
type interfaceData struct {
	size, ptrBytes    uintptr
	_                 uint32 // hash
	_                 uint8  // flags
	align             uint8
	fieldAlign, kind  uint8
	_, _              uintptr // equality, garbage collection
	_, _              int32   // name, pointer
	_                 uintptr // package
	methods           uintptr
	count, countAgain uintptr
}

// Interfaces returns all types of interfaces with methods that the program has data
// of. No list of the runtime has those that nothing but code refers to, as in
// x.(interface{ Flush() }): they are recognised by the shape of their data.
func Interfaces() ([]reflect.Type, error) {
	p, err := findProgram()
	if err != nil {
		return nil, err
	}
	const word = unsafe.Sizeof(uintptr(0))
	var d interfaceData
	var l []reflect.Type
	for at := (p.types + word - 1) &^ (word - 1); at+unsafe.Sizeof(d) <= p.etypes; at += word {
		// The kind is at an odd place: nearly all is sorted out by it.
		t := *(**interfaceData)(unsafe.Pointer(&at))
		if reflect.Kind(t.kind&31) != reflect.Interface || t.size != 2*word || t.ptrBytes != 2*word || t.align != uint8(word) || t.fieldAlign != uint8(word) {
			continue
		}
		// The methods follow, perhaps after an abi.UncommonType.
		after := t.methods - at - unsafe.Sizeof(d)
		if t.count != 0 && t.count == t.countAgain && t.count < 1<<16 && (after == 0 || after == 16) && t.methods+8*t.count <= p.etypes {
			l = append(l, typeAt(at))
		}
	}
	return l, nil
}
