// Grown panics on stacks that grow after the program has called gopanic, with and
// without the hook's help. The variables of the function that panics are dead by
// then: the runtime does not correct pointers among them.
//
//	grown           all depths of the stack; prints how many were looked at
//	grown CORE      one panic, whose core is written
package main

import (
	"encoding/binary"
	"fmt"
	"os"

	"github.com/ispyd/ispyd/internal/minicore"
	"github.com/ispyd/ispyd/internal/probes/panics"
)

type order struct {
	Customer string
	Total    int
}

const markFrom, markTo = 0x1b7d3e5f9a2c4680, 0x0a4c6e8b1d3f5729

// marked can be found in a stack.
type marked struct {
	mark uint64
	to   *uint64
}

var file string

func main() {
	if len(os.Args) > 1 {
		file = os.Args[1]
	}
	if err := panics.Install(hook); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	depths := 600
	if file != "" {
		depths = 1
	}
	for n := range depths {
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() { recover() }()
			down(n)
		}()
		<-done
	}
	fmt.Println("seen", seen, "moved", moved, "wrong", wrong)
}

//go:noinline
func down(n int) int {
	switch {
	case n == 0 && file != "":
		crash(&order{"bob", 42})
	case n == 0:
		leaf()
	}
	return down(n-1) + 1
}

//go:noinline
func crash(o *order) {
	names := []string{"a", o.Customer}
	m := map[string]*order{"o": o}
	if len(names)+len(m) > 3 {
		return
	}
	panic("crashed")
}

// leaf calls nothing else: at some depths it is gopanic that finds no room.
//
//go:noinline
func leaf() {
	to := uint64(markTo)
	p := marked{markFrom, &to}
	if p.to == nil {
		return
	}
	panic("crashed")
}

var (
	seen, moved, wrong int
	space              [64 << 10]byte
)

func hook(p *panics.Panic) {
	lo, hi := p.Stack()
	room()
	sp, bp := p.Frame()
	from := minicore.Frame{PC: p.PC, SP: sp, BP: bp, Stack: minicore.Bounds{Lo: lo, Hi: hi}}
	s, err := minicore.Capture(from, p.Value, minicore.Limits{})
	if err != nil {
		wrong++
		return
	}
	defer s.Close()
	if file != "" {
		f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = s.WriteTo(f)
			f.Close()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	n, sp, _ := p.CopyStack(space[:])
	word := func(at uintptr) uintptr { return uintptr(binary.LittleEndian.Uint64(space[at:])) }
	for at := uintptr(0); at+16 <= uintptr(n); at += 8 {
		if word(at) != markFrom {
			continue
		}
		seen++
		to := word(at + 8)
		if to >= lo && to < hi && (to < sp || to >= sp+uintptr(n)) {
			moved++
			// Where minicore takes it to.
			to += sp + uintptr(n) - hi
		}
		if to < sp || to-sp > uintptr(n)-8 || word(to-sp) != markTo {
			wrong++
		}
		return
	}
	wrong++
}

// room has the stack grow.
//
//go:noinline
func room() byte {
	var b [24 << 10]byte
	return b[len(b)/2]
}
