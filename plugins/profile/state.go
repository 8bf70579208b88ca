package profile

import (
	"bytes"
	"context"
	"io"
	"runtime/pprof"

	"github.com/ispyd/ispyd/nodes"
)

// states are the profiles that show how the program stands, by their names in
// runtime/pprof.
var states = []struct{ name, doc string }{
	{"heap", "memory in use by where it was allocated, as of the last collection (pprof)"},
	{"allocs", "all memory ever allocated by where that was (pprof)"},
	{"goroutine", "goroutines by stack, their labels as they are (pprof); runtime/goroutines and runtime/stacks tell more"},
	{"block", "where goroutines have waited, where the program has turned that on with SetBlockProfileRate (pprof)"},
	{"mutex", "where others were made to wait for a lock, where the program has turned that on with SetMutexProfileFraction (pprof)"},
	{"threadcreate", "where threads were created (pprof)"},
}

const leakDoc = "goroutines that can never run again, which a garbage collection made for it finds (pprof)"

// stateNodes are the files of states, each with its text form beside it.
func stateNodes() (list []nodes.Node) {
	for _, s := range states {
		take := func(w io.Writer) error { return takeState(s.name, w) }
		list = append(list,
			nodes.Text(s.name, s.doc, whole(take)),
			nodes.Unlisted(nodes.Text(s.name+textSuffix, topDoc(s.name), topOf(s.name, take))))
	}
	return append(list,
		nodes.Unlisted(nodes.Text(leaks, leakDoc, whole(takeLeaks))),
		nodes.Unlisted(nodes.Text(leaks+textSuffix, topDoc(leaks), topOf(leaks, takeLeaks))))
}

func topDoc(name string) string {
	return "the functions with the most of " + name + ", and the stacks with the most, as text"
}

func whole(take func(io.Writer) error) func(context.Context, io.Writer) error {
	return func(_ context.Context, w io.Writer) error {
		var b bytes.Buffer
		if err := take(&b); err != nil {
			return err
		}
		return writeWhole(w, b.Bytes())
	}
}

// takeState writes a profile of the runtime. None of them runs a collection.
func takeState(name string, w io.Writer) error {
	p := pprof.Lookup(name)
	if p == nil {
		return nodes.Errorf(nodes.ErrNotSupported, "the runtime of this program has no profile %s", name)
	}
	return p.WriteTo(w, 0)
}

// leaks is the profile that runs a collection.
const leaks = "goroutineleak"

func takeLeaks(w io.Writer) error {
	if pprof.Lookup(leaks) == nil {
		return nodes.Errorf(nodes.ErrNotSupported, "the runtime of this program does not look for leaked goroutines: build it with GOEXPERIMENT=goroutineleakprofile and Go 1.26 or later")
	}
	return takeState(leaks, w)
}
