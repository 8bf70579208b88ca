package trigger

import (
	"context"
	"io"
	"slices"
	"sort"
	"sync"
)

// Unit is what a source is measured in.
type Unit string

// The units of sources.
const (
	Count   Unit = ""  // a number of what the name says
	Seconds Unit = "s" // written as a Go duration: 1s, 250ms
	Bytes   Unit = "B" // written with B, KiB, MiB, GiB or TiB
	Percent Unit = "%" // from 0 to 100
)

// Source is something that a trigger can watch: "http.slow" is the age in
// seconds of the oldest request in flight.
type Source struct {
	// Name is one word; what a plugin registers begins with the plugin's name
	// and a dot.
	Name string
	// Doc is one line: what the number is.
	Doc  string
	Unit Unit
	// Read returns the number as it is now, NaN where it is not known. It is
	// quick, and called by any goroutine.
	Read func() float64
	// Newest returns the highest id of what is over a value now, 0 where nothing is:
	// of requests, for one, of which each later one has a higher id. Who has it comes
	// true again for another that is over the value, though the first still is. nil
	// where the source is one number and no more.
	Newest func(over float64) uint64

	// check says why the source is of no use here, nil where it is. It may be nil.
	check func() error
}

// Piece is something that a capture keeps beside trace and stacks.
type Piece struct {
	// Name is the name of the file in the capture: "http.active".
	Name string
	// Write writes what is to be kept, and returns when ctx ends.
	Write func(ctx context.Context, w io.Writer) error
}

// registry holds what is registered now. Where a name is there twice (two servers
// in one program) the last one is used.
var registry struct {
	sync.Mutex
	sources []*Source
	pieces  []*Piece
	changed chan struct{} // closed at the next change; nil where nobody waits
}

// Register makes a source known under its name, until remove is called, which
// may be called more than once.
func Register(name, doc string, unit Unit, read func() float64) (remove func()) {
	return RegisterEach(name, doc, unit, read, nil)
}

// RegisterEach is [Register] for a source that knows how to tell what is over a
// value apart: see [Source].
func RegisterEach(name, doc string, unit Unit, read func() float64, newest func(over float64) uint64) (remove func()) {
	s := &Source{Name: name, Doc: doc, Unit: unit, Read: read, Newest: newest}
	change(func() { registry.sources = append(registry.sources, s) })
	return func() {
		change(func() {
			registry.sources = slices.DeleteFunc(registry.sources, func(x *Source) bool { return x == s })
		})
	}
}

// Evidence lets every capture keep what write writes, in a file called name,
// until remove is called, which may be called more than once.
func Evidence(name string, write func(ctx context.Context, w io.Writer) error) (remove func()) {
	p := &Piece{Name: name, Write: write}
	change(func() { registry.pieces = append(registry.pieces, p) })
	return func() {
		change(func() {
			registry.pieces = slices.DeleteFunc(registry.pieces, func(x *Piece) bool { return x == p })
		})
	}
}

func change(f func()) {
	registry.Lock()
	defer registry.Unlock()
	f()
	if registry.changed != nil {
		close(registry.changed)
		registry.changed = nil
	}
}

// Changed returns a channel that is closed when something is registered or
// removed after the call.
func Changed() <-chan struct{} {
	registry.Lock()
	defer registry.Unlock()
	if registry.changed == nil {
		registry.changed = make(chan struct{})
	}
	return registry.changed
}

// Sources returns all sources, by name.
func Sources() []Source {
	registry.Lock()
	defer registry.Unlock()
	list := slices.Clone(own)
	for _, s := range slices.Backward(registry.sources) {
		if !slices.ContainsFunc(list, func(x Source) bool { return x.Name == s.Name }) {
			list = append(list, *s)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// Lookup returns the source of a name.
func Lookup(name string) (Source, bool) {
	for _, s := range Sources() {
		if s.Name == name {
			return s, true
		}
	}
	return Source{}, false
}

// Pieces returns all evidence that there is, by name.
func Pieces() []Piece {
	registry.Lock()
	defer registry.Unlock()
	var list []Piece
	for _, p := range slices.Backward(registry.pieces) {
		if !slices.ContainsFunc(list, func(x Piece) bool { return x.Name == p.Name }) {
			list = append(list, *p)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}
