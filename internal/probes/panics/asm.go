//go:build linux && amd64

package panics

//lint:file-ignore U1000 the assembly refers to them

// Read by the assembly; written before the jump is armed for the first time.
var (
	offM, offCurg, offMallocing, offPreemptoff, offLocks uintptr

	guard          uintptr // how far below SP gopanic's check of the stack looks
	branch, resume uintptr // in gopanic: where the check ends, and where what it guards starts
)

func enter()
func enterAddr() uintptr
func getg() uintptr

var _ = hook // called by enter
