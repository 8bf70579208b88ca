package symbols

import (
	"strings"

	"github.com/ispyd/ispyd/internal/abi"
	"github.com/ispyd/ispyd/nodes"
)

// Func is a function or method of the program.
type Func struct {
	// Name is the full name: net/http.(*Server).Serve.
	Name string
	// Entry is the address of its code; 0 where it was inlined everywhere, so
	// that there is none.
	Entry uintptr
	// Size is the length of the code in bytes.
	Size uintptr
	// Params are the receiver, the arguments and the results, in their order.
	Params []Param
	// Dict is set on an instantiation of a generic function that takes a
	// dictionary which Params does not show.
	Dict bool
	// Closure is set on the body of a func literal that captures variables.
	Closure bool
	// Wrapper is set on code that the compiler made for interfaces, embedding and
	// method values.
	Wrapper bool
	// Line is the line of the declaration, 0 where it is not told.
	Line int
}

// Param is a parameter.
type Param struct {
	Name   string // ~r0 and so on for results without a name
	Type   *Type
	Result bool
}

// Inlined reports whether the function has no code of its own.
func (f *Func) Inlined() bool { return f.Entry == 0 }

// String is the function with its signature as Go writes it.
func (f *Func) String() string {
	var b strings.Builder
	b.WriteString(f.Name)
	list := func(result bool) {
		n := 0
		for _, p := range f.Params {
			if p.Result != result {
				continue
			}
			if n > 0 {
				b.WriteString(", ")
			}
			n++
			if p.Name != "" && p.Name[0] != '~' {
				b.WriteString(p.Name + " ")
			}
			b.WriteString(p.Type.String())
		}
	}
	b.WriteByte('(')
	list(false)
	b.WriteByte(')')
	for _, p := range f.Params {
		if p.Result {
			b.WriteString(" (")
			list(true)
			b.WriteByte(')')
			break
		}
	}
	return b.String()
}

// Layout says where the parameters are when the function is called. The code of a
// generic function has its dictionary among the arguments.
func (f *Func) Layout() (*abi.Layout, error) {
	list := make([]abi.Param, len(f.Params))
	for i, p := range f.Params {
		a, err := p.Type.ABI()
		if err != nil {
			return nil, nodes.Errorf(nodes.ErrNotSupported, "%s: parameter %s: %v", f.Name, p.Name, err)
		}
		list[i] = abi.Param{Name: p.Name, Type: a, Result: p.Result}
	}
	return abi.Assign(abi.WithDictionary(f.Name, list))
}

// Check compares the signature with the width in bytes of arguments and results
// that the compiler noted for the function, _func.args of its pclntab entry. Who
// calls a function, or reads its parameters, must have this checked.
func (f *Func) Check(args int32) error {
	l, err := f.Layout()
	if err != nil {
		return err
	}
	if l.ArgsSize != int64(args) {
		return nodes.Errorf(nodes.ErrNotSupported, "%s: the debug information has %d bytes of parameters, the program %d: the signature is not certain", f.Name, l.ArgsSize, args)
	}
	return nil
}

// function reads a function's entry. The caller holds the table's lock.
func (t *table) function(k *pack, r ref) Func {
	u := t.unitOf(int(r.entry))
	e := t.entry(int(r.entry))
	f := Func{Name: strings.Clone(k.name(t.nameAt(r.name))), Wrapper: e.trampoline, Line: int(e.line)}
	if e.hasLow {
		f.Entry = t.lowPC(u, &e)
		f.Size = uintptr(e.highPC) // Go writes a length, not an address
	}
	if e.hasOrigin {
		f.Line = int(t.entry(e.origin).line)
	}
	t.children(e.off, func(c *entry) {
		f.Dict = f.Dict || c.dict
		f.Closure = f.Closure || c.closure
		if c.tag != tagParameter {
			return
		}
		p := *c
		if c.hasOrigin {
			p = t.entry(c.origin)
		}
		param := Param{Name: strings.Clone(p.name), Type: t.ofEntry(p.typ), Result: p.result}
		if param.Type == nil || strings.HasPrefix(param.Name, ".") {
			return // .dict and .closureptr
		}
		// A result that the compiler has taken to pieces is there more than once.
		for _, q := range f.Params {
			if param.Result && q.Result && q.Name == param.Name {
				return
			}
		}
		f.Params = append(f.Params, param)
	})
	return f
}
