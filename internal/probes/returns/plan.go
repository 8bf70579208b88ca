package returns

import (
	"fmt"

	"github.com/ispyd/ispyd/internal/abi"
	"github.com/ispyd/ispyd/internal/probes/exits"
	"github.com/ispyd/ispyd/internal/symbols/pclntab"
)

// A Function is the function to probe.
type Function struct {
	// Name is the linker's, as in tracebacks: "main.(*Server).order". An instance
	// of a generic function has its shapes in it: "main.Map[go.shape.int]".
	Name string
	// Signature is what the debug information says, nil if it says nothing.
	Signature *Signature
}

// A Signature is a function's parameters.
type Signature struct {
	// Params are the arguments, the receiver first, and the results, in the order
	// of declaration, without the dictionary of generic functions.
	Params []abi.Param
	// Error is the index, among the results, of the result of type error that is
	// looked at; negative if there is none.
	Error int
}

// A Plan is how a function can be probed. Making one changes nothing.
type Plan struct {
	Func   pclntab.Func
	Layout *abi.Layout
	Error  int // as in Signature
	Exits  *exits.Exits
}

// MakePlan looks whether a function can be probed, for its errors or, with
// observe, for calls. Its code must be as in the executable file; code returns
// that for two addresses. The error is a *[Refusal], or what code returned.
func MakePlan(t *pclntab.Table, code func(lo, hi uintptr) ([]byte, error), fn Function, observe bool) (*Plan, error) {
	refuse := func(r Reason, detail string, err error) (*Plan, error) {
		return nil, &Refusal{fn.Name, r, detail, err}
	}
	if protected(fn.Name) {
		return refuse(Protected, "", nil)
	}
	f, ok := t.Lookup(fn.Name)
	if !ok {
		if in := t.InlinedInto(fn.Name); len(in) > 0 {
			return refuse(Inlined, fmt.Sprintf("it is part of %d functions, %s among them", len(in), in[0].Name()), nil)
		}
		return refuse(NotFound, "", nil)
	}
	switch {
	case f.Flag()&pclntab.FlagAsm != 0:
		return refuse(Assembly, "", nil)
	case f.FuncID() != 0:
		return refuse(Wrapper, "", nil)
	case fn.Signature == nil:
		return refuse(NoSignature, "", nil)
	}
	l, err := abi.Assign(abi.WithDictionary(fn.Name, fn.Signature.Params))
	if err != nil {
		return refuse(OtherSignature, "", err)
	}
	if int64(f.Args()) != l.ArgsSize {
		return refuse(OtherSignature, fmt.Sprintf("parameters of %d bytes instead of %d", l.ArgsSize, f.Args()), nil)
	}
	p := &Plan{Func: f, Layout: l, Error: fn.Signature.Error}
	if p.Error >= len(l.Results) || p.Error >= 0 && !isInterface(&l.Results[p.Error]) {
		return refuse(OtherSignature, "the result said to be an error is none", nil)
	}
	if p.Error < 0 && !observe {
		return refuse(NoError, "", nil)
	}
	b, err := code(f.Entry(), f.End())
	if err != nil {
		return nil, err
	}
	p.Exits, err = exits.Scan(exits.Func{Entry: f.Entry(), Code: b, SPDelta: func(pc uintptr) (int, bool) {
		d, ok := f.SPDelta(pc)
		return int(d), ok
	}})
	if err != nil {
		return refuse(Code, "", err)
	}
	if observe && p.Exits.Check == nil {
		return refuse(NoCheck, "", nil)
	}
	return p, nil
}

// isInterface says whether a parameter has the two words of an interface, both
// in registers or both on the stack.
func isInterface(p *abi.Param) bool {
	switch len(p.Leaves) {
	case 1:
		return p.OnStack() && p.Leaves[0].Size == 2*abi.WordSize
	case 2:
		return p.Leaves[0].Where == abi.InInt && p.Leaves[1].Where == abi.InInt && p.Leaves[1].Offset == abi.WordSize
	}
	return false
}
