// Package debuginfo tells package returns of functions what package symbols knows
// of them.
package debuginfo

import (
	"strconv"
	"strings"

	"github.com/ispyd/ispyd/internal/abi"
	"github.com/ispyd/ispyd/internal/probes/returns"
	"github.com/ispyd/ispyd/internal/symbols"
)

// Function is the function to probe of this linker's name. Without debug
// information on it its signature is nil, and the error says why; probing it is
// then refused with the right reason. Where there are several results of type
// error, the last is the one that is looked at.
func Function(x *symbols.Index, name string) (returns.Function, error) {
	fn := returns.Function{Name: name}
	f, err := x.Func(written(name))
	if err != nil {
		return fn, err
	}
	s, err := Signature(&f)
	if err != nil {
		return fn, err
	}
	fn.Signature = s
	return fn, nil
}

// written is a linker's name as one writes it: the linker escapes the dots in the
// last element of an import path, gopkg.in/yaml%2ev3 (cmd/internal/objabi/path.go).
func written(name string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(name, "%")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		if n, err := strconv.ParseUint(after[:min(2, len(after))], 16, 8); err == nil && len(after) >= 2 {
			b.WriteByte(byte(n))
			after = after[2:]
		} else {
			b.WriteByte('%')
		}
		name = after
	}
}

// Signature is the function's signature.
func Signature(f *symbols.Func) (*returns.Signature, error) {
	s := &returns.Signature{Error: -1}
	results := 0
	for _, p := range f.Params {
		t, err := p.Type.ABI()
		if err != nil {
			return nil, err
		}
		s.Params = append(s.Params, abi.Param{Name: p.Name, Type: t, Result: p.Result})
		if !p.Result {
			continue
		}
		if p.Type.Name() == "error" {
			s.Error = results
		}
		results++
	}
	return s, nil
}
