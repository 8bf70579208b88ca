package eval

import (
	"reflect"
	"unsafe"

	"github.com/ispyd/ispyd/internal/abi"
	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/internal/symbols/pclntab"
)

// The compiler notes for each function where the scalars of its arguments are, for
// tracebacks: FUNCDATA_ArgInfo, of internal/abi/symtab.go, written by
// cmd/compile/internal/ssagen.EmitArgInfo. It knows nothing of results, but it tells
// a wrong order or a wrong split of arguments that fill the same space.

const (
	funcdataArgInfo  = 5
	argsEnd          = 0xff
	argsAggStart     = 0xfe
	argsAggEnd       = 0xfd
	argsDotDotDot    = 0xfc
	argsOffsetTooBig = 0xfb
	argsLimit        = 10
	argsMaxDepth     = 5
)

// place is one scalar's offset and size, or a mark.
type scalarPlace struct{ offset, size int }

// checkArguments compares the arguments of a signature with what the compiler noted.
func checkArguments(f *symbols.Func, tf pclntab.Func, in []reflect.Type) error {
	p := tf.FuncData(funcdataArgInfo)
	if p == 0 {
		return nil
	}
	at := *(*unsafe.Pointer)(unsafe.Pointer(&p))
	next := func() int {
		b := *(*byte)(at)
		at = unsafe.Add(at, 1)
		return int(b)
	}
	layout, err := f.Layout()
	if err != nil {
		return err
	}
	want, whole := noted(layout, in)
	for i := 0; ; i++ {
		b := next()
		if b == argsEnd {
			if whole && i != len(want) {
				return mismatch(f)
			}
			return nil
		}
		if b == argsDotDotDot || b == argsOffsetTooBig || i >= len(want) {
			if i >= len(want) && whole {
				return mismatch(f)
			}
			return nil
		}
		have := scalarPlace{offset: b, size: -1}
		if b != argsAggStart && b != argsAggEnd {
			have.size = next()
		}
		if have != want[i] {
			return mismatch(f)
		}
	}
}

func mismatch(f *symbols.Func) error {
	return refused("%s cannot be called: its arguments are laid out otherwise than its signature says", f.Name)
}

// noted is what the compiler would note for these arguments; whole is false where it
// stops before the end.
func noted(l *abi.Layout, in []reflect.Type) (places []scalarPlace, whole bool) {
	// Register arguments are spilled above what is on the stack.
	spill := int(l.StackSize)
	n := 0
	var visit func(t reflect.Type, offset, depth int) bool
	leaf := func(offset, size int) bool {
		if n >= argsLimit || offset >= argsOffsetTooBig {
			return false
		}
		n++
		places = append(places, scalarPlace{offset, size})
		return true
	}
	visit = func(t reflect.Type, offset, depth int) bool {
		if n >= argsLimit {
			return false
		}
		group := func(parts func() bool) bool {
			places = append(places, scalarPlace{argsAggStart, -1})
			if depth+1 >= argsMaxDepth || !parts() {
				return false
			}
			places = append(places, scalarPlace{argsAggEnd, -1})
			return true
		}
		words := func(k, size int) bool {
			return group(func() bool {
				for i := range k {
					if !leaf(offset+i*size, size) {
						return false
					}
				}
				return true
			})
		}
		switch t.Kind() {
		case reflect.String, reflect.Interface, reflect.Complex128:
			return words(2, 8)
		case reflect.Complex64:
			return words(2, 4)
		case reflect.Slice:
			return words(3, 8)
		case reflect.Struct:
			return group(func() bool {
				if t.NumField() == 0 {
					n++
				}
				for i := range t.NumField() {
					f := t.Field(i)
					if f.Name == "_" {
						return false // the compiler leaves these out
					}
					if !visit(f.Type, offset+int(f.Offset), depth+1) {
						return false
					}
				}
				return true
			})
		case reflect.Array:
			return group(func() bool {
				if t.Len() == 0 {
					n++
				}
				for i := range t.Len() {
					if !visit(t.Elem(), offset+i*int(t.Elem().Size()), depth+1) {
						return false
					}
				}
				return true
			})
		}
		return leaf(offset, int(t.Size()))
	}
	for i, t := range in {
		if i >= len(l.Args) {
			return places, false
		}
		offset := 0
		if a := &l.Args[i]; a.OnStack() {
			if len(a.Leaves) > 0 {
				offset = a.Leaves[0].N
			}
		} else {
			spill = (spill + t.Align() - 1) &^ (t.Align() - 1)
			offset = spill
			spill += int(t.Size())
		}
		if !visit(t, offset, 0) {
			return places, false
		}
	}
	return places, true
}
