// Package abi says in which registers, and where on the stack, the arguments and
// results of a Go function are: the calling convention ABIInternal on amd64.
//
// The source is the specification in the Go tree, src/cmd/compile/abi-internal.md,
// and the compiler's own reading of it, src/cmd/compile/internal/abi/abiutils.go
// and internal/types/size.go. [Layout.ArgsSize] is what the compiler writes into a
// function's entry of the pclntab; a caller that compares both knows that the
// signature it has is the one which was compiled.
package abi

import "fmt"

const (
	// IntRegs is the number of integer registers for arguments and, again, results.
	IntRegs = 9
	// FloatRegs is the number of floating-point registers, X0 to X14.
	FloatRegs = 15

	// maxLeaves bounds what one value can be made of: an array on the stack is one
	// place, whatever its length, but structs in structs are walked.
	maxLeaves = 4096
)

// IntNames are the integer registers in the order in which they are assigned.
var IntNames = [IntRegs]string{"AX", "BX", "CX", "DI", "SI", "R8", "R9", "R10", "R11"}

// Where says what kind of place a [Leaf] is in.
type Where uint8

const (
	// InInt is an integer register; Leaf.N is its index in [IntNames].
	InInt Where = iota
	// InFloat is a floating-point register; Leaf.N is the N of XN.
	InFloat
	// OnStack is memory of the caller's frame; Leaf.N is the offset in bytes from
	// the stack pointer at the call. It is 8 more from the stack pointer at the
	// first instruction of the function, and at its RET.
	OnStack
)

// A Leaf is a part of a value that lies in one place.
type Leaf struct {
	Where  Where
	N      int
	Offset int64 // in the value
	Size   int64
	Kind   Kind
}

// A Param is an argument or a result. A method's receiver is its first argument.
type Param struct {
	Name   string
	Type   *Type
	Result bool
	// Leaves are filled in by Assign. A value in registers has a leaf for each
	// register, one on the stack has exactly one, of its whole size; a value
	// without size has one of size 0 on the stack.
	Leaves []Leaf
}

// OnStack says whether the parameter was assigned to the stack.
func (p *Param) OnStack() bool {
	return len(p.Leaves) == 1 && p.Leaves[0].Where == OnStack
}

// A Layout says where a function's parameters are.
type Layout struct {
	Args    []Param
	Results []Param
	// StackSize is the size in bytes of the arguments and results on the stack.
	StackSize int64
	// ArgsSize is StackSize and the room in which arguments that came in registers
	// can be spilled: _func.args of the pclntab.
	ArgsSize int64
}

// Assign lays out a function with these parameters: arguments, the receiver first
// among them, and results, each in the order of their declaration. Leaves that the
// parameters have are replaced. A type that contradicts itself is an error.
func Assign(params []Param) (*Layout, error) {
	l := new(Layout)
	var a assigner
	var spill int64
	for _, p := range params {
		if p.Result {
			continue
		}
		if err := a.assign(&p); err != nil {
			return nil, err
		}
		if !p.OnStack() {
			spill = alignTo(spill, p.Type.Align) + p.Type.Size
		}
		l.Args = append(l.Args, p)
	}
	a.stack = alignTo(a.stack, WordSize)
	a.ints, a.floats = 0, 0
	for _, p := range params {
		if !p.Result {
			continue
		}
		if err := a.assign(&p); err != nil {
			return nil, err
		}
		l.Results = append(l.Results, p)
	}
	l.StackSize = alignTo(a.stack, WordSize)
	l.ArgsSize = l.StackSize + alignTo(spill, WordSize)
	return l, nil
}

func alignTo(n, to int64) int64 { return (n + to - 1) &^ (to - 1) }

type assigner struct {
	ints, floats int
	stack        int64
	leaves       []Leaf
}

func (a *assigner) assign(p *Param) error {
	if err := check(p.Type, new(int)); err != nil {
		return fmt.Errorf("parameter %q: %w", p.Name, err)
	}
	before := *a
	a.leaves = nil
	if p.Type.Size > 0 && a.registers(p.Type, 0) && a.ints <= IntRegs && a.floats <= FloatRegs {
		p.Leaves = a.leaves
		return nil
	}
	*a = before
	a.stack = alignTo(a.stack, p.Type.Align)
	p.Leaves = []Leaf{{Where: OnStack, N: int(a.stack), Size: p.Type.Size, Kind: p.Type.Kind}}
	a.stack += p.Type.Size
	return nil
}

// registers takes registers for a value that lies offset bytes inside the
// parameter; false if its type, or the number of registers, does not allow it.
func (a *assigner) registers(t *Type, offset int64) bool {
	if a.ints > IntRegs || a.floats > FloatRegs {
		return false
	}
	switch t.Kind {
	case Float:
		a.float(t.Kind, offset, t.Size)
	case Complex:
		a.float(t.Kind, offset, t.Size/2)
		a.float(t.Kind, offset+t.Size/2, t.Size/2)
	case Struct:
		for _, f := range t.Fields {
			if !a.registers(f.Type, offset+f.Offset) {
				return false
			}
		}
	case Array:
		switch t.Len {
		case 0:
		case 1:
			return a.registers(t.Elem, offset)
		default:
			return false
		}
	default:
		a.leaves = append(a.leaves, Leaf{InInt, a.ints, offset, t.Size, t.Kind})
		a.ints++
	}
	return true
}

func (a *assigner) float(k Kind, offset, size int64) {
	a.leaves = append(a.leaves, Leaf{InFloat, a.floats, offset, size, k})
	a.floats++
}

// check says what is wrong with a type, so that no mistake of a reader of debug
// information becomes a wrong register.
func check(t *Type, n *int) error {
	if *n++; *n > maxLeaves {
		return fmt.Errorf("type of more than %d parts", maxLeaves)
	}
	if t == nil {
		return fmt.Errorf("type not known")
	}
	if t.Size < 0 || t.Align <= 0 || t.Align&(t.Align-1) != 0 || t.Align > 64 {
		return fmt.Errorf("type of size %d and alignment %d", t.Size, t.Align)
	}
	switch t.Kind {
	case Integer, Pointer:
		if t.Size != 1 && t.Size != 2 && t.Size != 4 && t.Size != 8 {
			return fmt.Errorf("integer of %d bytes", t.Size)
		}
	case Float:
		if t.Size != 4 && t.Size != 8 {
			return fmt.Errorf("float of %d bytes", t.Size)
		}
	case Complex:
		if t.Size != 8 && t.Size != 16 {
			return fmt.Errorf("complex of %d bytes", t.Size)
		}
	case Array:
		if t.Elem == nil || t.Len < 0 || t.Elem.Size > 0 && t.Len > t.Size/t.Elem.Size || t.Elem.Size*t.Len != t.Size {
			return fmt.Errorf("array whose elements do not make up its %d bytes", t.Size)
		}
		return check(t.Elem, n)
	case Struct:
		end := int64(0)
		for _, f := range t.Fields {
			if err := check(f.Type, n); err != nil {
				return fmt.Errorf("field %s: %w", f.Name, err)
			}
			if f.Offset < end || f.Offset+f.Type.Size > t.Size {
				return fmt.Errorf("field %s lies at %d of %d bytes", f.Name, f.Offset, t.Size)
			}
			end = f.Offset + f.Type.Size
		}
	default:
		return fmt.Errorf("kind %d", t.Kind)
	}
	return nil
}
