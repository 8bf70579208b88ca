// Package panics calls a function of ours for every panic of the program,
// recovered or not, before the program notices anything of it.
//
// Every panic passes runtime.gopanic: those of panic statements and of index,
// nil, division, slice, conversion, map and channel faults. runtime.Goexit does
// not, nor do runtime.throw and other fatal errors. A one-byte jump (package
// jump) in gopanic's check of the stack leads to a few instructions of assembly,
// which call the hook and then go on with gopanic as if nothing had been: same
// registers, same stack, no frame more than before. So what the program sees,
// also in the stacks that it takes of itself, does not depend on the hook.
//
// Not hooked, since they end the program with a fatal error at once: panics on a
// system stack, while the runtime allocates or with its locks held.
package panics

// Conditions beside those of package jump have this name in Check.
const conditionName = "runtime.gopanic"
