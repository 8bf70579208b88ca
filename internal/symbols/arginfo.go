package symbols

import (
	"bytes"
	"reflect"
	"strings"
	"unsafe"

	"github.com/ispyd/ispyd/internal/symbols/pclntab"
	"github.com/ispyd/ispyd/nodes"
)

// The codes of FUNCDATA_ArgInfo, which tracebacks print arguments by:
// internal/abi/symtab.go, written by cmd/compile/internal/ssagen EmitArgInfo.
const (
	funcDataArgInfo = 5

	argsEndSeq    = 0xff
	argsStartAgg  = 0xfe
	argsEndAgg    = 0xfd
	argsDots      = 0xfc
	argsTooLarge  = 0xfb
	argsSpecial   = 0xf0
	argsLimit     = 10
	argsMaxDepth  = 5
	argsMaxLength = (argsMaxDepth*3+2)*argsLimit + 1
)

// Verify compares the signature with all that the compiler noted for the function
// of the running program whose entry in the pclntab is given: the width of its
// parameters, and sizes and offsets of the first ten words of its arguments. A
// program without those notes, and instantiations of generic functions, are
// compared by width alone. The error says what is other.
func (f *Func) Verify(in pclntab.Func) error {
	if in.Entry() != f.Entry || f.Entry == 0 {
		return nodes.Errorf(nodes.ErrNotSupported, "%s: the function table has another address", f.Name)
	}
	if err := f.Check(in.Args()); err != nil {
		return err
	}
	at := in.FuncData(funcDataArgInfo)
	if at == 0 || strings.Contains(f.Name, "[") {
		return nil
	}
	// It lies in the program's read-only data and ends with argsEndSeq.
	noted := unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), argsMaxLength)
	n := 0
	for ; n < argsMaxLength-1 && noted[n] != argsEndSeq; n++ {
		if noted[n] < argsSpecial {
			n++ // a size follows the offset
		}
	}
	want, err := f.argInfo()
	if err != nil {
		return err
	}
	if !bytes.Equal(noted[:n], want) {
		return nodes.Errorf(nodes.ErrNotSupported, "%s: the arguments of the debug information are not those that the compiler noted", f.Name)
	}
	return nil
}

// argInfo is what the compiler writes for the arguments, without the end.
func (f *Func) argInfo() ([]byte, error) {
	l, err := f.Layout()
	if err != nil {
		return nil, err
	}
	w := argWriter{}
	spill := (l.StackSize + 7) &^ 7
	i := 0
	for _, p := range f.Params {
		if p.Result {
			continue
		}
		a := &l.Args[i]
		i++
		off := int64(0)
		if a.OnStack() {
			if len(a.Leaves) > 0 {
				off = int64(a.Leaves[0].N)
			}
		} else {
			spill = (spill + a.Type.Align - 1) &^ (a.Type.Align - 1)
			off = spill
			spill += a.Type.Size
		}
		if !w.visit(off, p.Type, 0) {
			break
		}
	}
	return w.b, nil
}

type argWriter struct {
	b []byte
	n int // words written
}

// word notes one word, which is no aggregate.
func (w *argWriter) word(off, size int64) bool {
	if w.n >= argsLimit {
		w.b = append(w.b, argsDots)
		return false
	}
	if off >= argsSpecial {
		w.b = append(w.b, argsTooLarge)
	} else {
		w.b = append(w.b, byte(off), byte(size))
	}
	w.n++
	return true
}

// visit notes a value and reports whether there is room for more.
func (w *argWriter) visit(off int64, t *Type, depth int) bool {
	words, size := 0, int64(8)
	switch t.kind {
	case reflect.String, reflect.Interface:
		words = 2
	case reflect.Slice:
		words = 3
	case reflect.Complex64, reflect.Complex128:
		words, size = 2, int64(t.size)/2
	case reflect.Struct, reflect.Array:
	default:
		return w.word(off, int64(t.size))
	}
	if w.n >= argsLimit {
		w.b = append(w.b, argsDots)
		return false
	}
	w.b = append(w.b, argsStartAgg)
	if depth++; depth >= argsMaxDepth {
		w.b = append(w.b, argsDots, argsEndAgg)
		w.n++
		return true
	}
	for i := range words {
		if !w.word(off+int64(i)*size, size) {
			break
		}
	}
	w.parts(off, t, depth)
	w.b = append(w.b, argsEndAgg)
	return true
}

// parts notes fields and elements; none counts as a word.
func (w *argWriter) parts(off int64, t *Type, depth int) {
	switch t.kind {
	case reflect.Struct:
		if len(t.Fields()) == 0 {
			w.n++
		}
		for _, f := range t.Fields() {
			if !w.visit(off+int64(f.Offset), f.Type, depth) {
				return
			}
		}
	case reflect.Array:
		if t.Len() == 0 {
			w.n++
		}
		for i := range t.Len() {
			if !w.visit(off+int64(i)*int64(t.Elem().size), t.Elem(), depth) {
				return
			}
		}
	}
}
