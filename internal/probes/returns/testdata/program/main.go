// Program program is probed while it runs; see the tests of package returns.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/ispyd/ispyd/internal/probes/debuginfo"
	"github.com/ispyd/ispyd/internal/probes/jump"
	"github.com/ispyd/ispyd/internal/probes/returns"
	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/internal/symbols/pclntab"
)

var (
	index *symbols.Index
	table *pclntab.Table
)

func fail(format string, a ...any) {
	fmt.Printf("FAIL "+format+"\n", a...)
	os.Exit(1)
}

func check(err error) {
	if err != nil {
		fail("%v", err)
	}
}

// function is the function of this name, which may have [...] for shapes.
func function(name string) returns.Function {
	for f := range table.Funcs {
		if pclntab.Display(f.Name()) == name {
			fn, err := debuginfo.Function(index, f.Name())
			check(err)
			return fn
		}
	}
	return returns.Function{Name: name}
}

// unchanged puts the code back and compares it with the file.
func unchanged() {
	check(jump.Close())
	diff, err := jump.Verify()
	check(err)
	if len(diff) > 0 {
		fail("code differs: %+v", diff)
	}
}

var closure = makeClosure(7)

func main() {
	var err error
	index, err = symbols.Open(context.Background())
	check(err)
	table, err = pclntab.Open()
	check(err)
	if inlined(len(os.Args)) != nil {
		never = neverReturns
	}
	noError(1)
	leaf(1)
	modes := map[string]func(){
		"stress": stress, "full": full, "onstack": errorOnStack, "refusals": refusals,
		"limit": limit, "budget": budget, "observe": observe, "observestress": observeStress, "twice": twice, "damaged": damaged, "callback": callback, "close": closeAll, "mute": mute, "serve": serve,
	}
	modes[os.Args[1]]()
	unchanged()
	fmt.Println("ok")
}

func refusals() {
	want := map[string]returns.Reason{
		"main.nothing":            returns.NotFound,
		"main.inlined":            returns.Inlined,
		"runtime.gopanic":         returns.Protected,
		"syscall.Open":            returns.Protected,
		"internal/runtime/maps.h": returns.Protected,
		"github.com/ispyd/ispyd/internal/symbols.Open": returns.Protected,
		"main.noError":      returns.NoError,
		"main.leaf":         returns.Code,
		"main.neverReturns": returns.Code,
	}
	for name, reason := range want {
		fn := function(name)
		_, err := returns.InsertError(fn, returns.ErrorOptions{})
		var r *returns.Refusal
		if !errors.As(err, &r) || r.Reason != reason || !errors.Is(err, errors.ErrUnsupported) {
			fail("%s: %v, want: %v", name, err, reason)
		}
	}
	assembly := 0
	for f := range table.Funcs {
		_, err := returns.InsertError(returns.Function{Name: f.Name()}, returns.ErrorOptions{})
		var r *returns.Refusal
		if !errors.As(err, &r) {
			fail("%s without a signature: %v", f.Name(), err)
		}
		if r.Reason == returns.Assembly {
			assembly++
		}
		if (f.Flag()&pclntab.FlagAsm != 0) != (r.Reason == returns.Assembly) && r.Reason != returns.Protected {
			fail("%s: %v", f.Name(), err)
		}
	}
	if assembly == 0 {
		fail("no assembly")
	}
	fn := function("main.plain")
	fn.Signature = nil
	var r *returns.Refusal
	if _, err := returns.InsertError(fn, returns.ErrorOptions{}); !errors.As(err, &r) || r.Reason != returns.NoSignature {
		fail("without signature: %v", err)
	}
	fn = function("main.plain")
	fn.Signature.Params = fn.Signature.Params[1:]
	if _, err := returns.InsertError(fn, returns.ErrorOptions{}); !errors.As(err, &r) || r.Reason != returns.OtherSignature {
		fail("with another signature: %v", err)
	}
	if _, err := returns.Observe(function("main.noError"), returns.ObserveOptions{Errors: true}); !errors.As(err, &r) || r.Reason != returns.NoError {
		fail("observe errors of a function without: %v", err)
	}
}
