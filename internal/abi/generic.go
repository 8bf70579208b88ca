package abi

import "strings"

// Dictionary is the name of the parameter by which the code of a generic function,
// shared by several instances, learns its types. Debug information of optimised
// code leaves it out.
const Dictionary = ".dict"

// WithDictionary returns params with the dictionary that the function of this
// linker's name takes, if it takes one: a function as its first argument, a method
// after its receiver. A function literal inside has it from its closure.
func WithDictionary(name string, params []Param) []Param {
	open, end := strings.IndexByte(name, '['), strings.LastIndexByte(name, ']')
	if strings.HasPrefix(name, "type:") { // of arrays, or with a generic type in its name
		return params
	}
	if open < 0 || end < open || strings.Contains(name[end:], ".func") {
		return params
	}
	for _, p := range params {
		if p.Name == Dictionary {
			return params
		}
	}
	at := 0
	if strings.Contains(name[end:], ".") { // F[…] ends there, (*T[…]).M and T[…].M do not
		at = 1
	}
	if at > len(params) || at == 1 && params[0].Result {
		return params
	}
	out := append(make([]Param, 0, len(params)+1), params[:at]...)
	out = append(out, Param{Name: Dictionary, Type: PointerTo()})
	return append(out, params[at:]...)
}
