package abi

import "reflect"

// Kind says how values of a [Type] are passed: what matters to the calling
// convention, which is less than what Go's types distinguish.
type Kind uint8

const (
	// Integer is a bool, an integer or a uintptr of 1, 2, 4 or 8 bytes.
	Integer Kind = iota
	// Pointer is any value of one pointer word: pointer, map, chan, func, unsafe.Pointer.
	Pointer
	// Float is a float32 or float64, by its size.
	Float
	// Complex is a complex64 or complex128, by its size.
	Complex
	// Struct has Fields. Strings, slices and interfaces are structs of their words.
	Struct
	// Array has Len elements of Elem.
	Array
)

// A Type is as much of a Go type as the calling convention looks at. Sizes and
// offsets are in bytes, as the compiler laid the type out for this program.
type Type struct {
	Kind   Kind
	Size   int64
	Align  int64 // a power of two; 1 for what has no size
	Fields []Field
	Elem   *Type
	Len    int64
}

// A Field of a [Struct].
type Field struct {
	Name   string
	Offset int64
	Type   *Type
}

// WordSize is the size of a pointer and of an integer register.
const WordSize = 8

var (
	wordType    = &Type{Kind: Integer, Size: WordSize, Align: WordSize}
	pointerType = &Type{Kind: Pointer, Size: WordSize, Align: WordSize}

	stringType    = words("ptr", pointerType, "len", wordType)
	sliceType     = words("ptr", pointerType, "len", wordType, "cap", wordType)
	interfaceType = words("type", pointerType, "data", pointerType)
)

func words(namesAndTypes ...any) *Type {
	t := &Type{Kind: Struct, Align: WordSize}
	for i := 0; i < len(namesAndTypes); i += 2 {
		t.Fields = append(t.Fields, Field{namesAndTypes[i].(string), t.Size, namesAndTypes[i+1].(*Type)})
		t.Size += WordSize
	}
	return t
}

// Word is a 64-bit integer: int, uint64, uintptr.
func Word() *Type { return wordType }

// PointerTo is every type of one pointer word.
func PointerTo() *Type { return pointerType }

// String is a string's two words: ptr, len.
func String() *Type { return stringType }

// Slice is a slice's three words: ptr, len, cap.
func Slice() *Type { return sliceType }

// Interface is an interface's two words: type, data. The first is the type of the
// value for interface{}, and the itab for interfaces with methods.
func Interface() *Type { return interfaceType }

// FromReflect describes t, a type of this program.
func FromReflect(t reflect.Type) *Type {
	switch t.Kind() {
	case reflect.Float32, reflect.Float64:
		return &Type{Kind: Float, Size: int64(t.Size()), Align: int64(t.Align())}
	case reflect.Complex64, reflect.Complex128:
		return &Type{Kind: Complex, Size: int64(t.Size()), Align: int64(t.Align())}
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return pointerType
	case reflect.String:
		return stringType
	case reflect.Slice:
		return sliceType
	case reflect.Interface:
		return interfaceType
	case reflect.Array:
		return &Type{Kind: Array, Size: int64(t.Size()), Align: int64(t.Align()), Elem: FromReflect(t.Elem()), Len: int64(t.Len())}
	case reflect.Struct:
		s := &Type{Kind: Struct, Size: int64(t.Size()), Align: int64(t.Align())}
		for i := range t.NumField() {
			f := t.Field(i)
			s.Fields = append(s.Fields, Field{f.Name, int64(f.Offset), FromReflect(f.Type)})
		}
		return s
	}
	return &Type{Kind: Integer, Size: int64(t.Size()), Align: int64(t.Align())}
}
