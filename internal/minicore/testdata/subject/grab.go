package main

import (
	"runtime"
	"unsafe"

	"github.com/ispyd/ispyd/internal/minicore"
)

// words copies the stack of the goroutine from its caller's arguments upwards.
func words(dst *byte, size uintptr) (gp, addr, n, fp uintptr)

// grab copies what a probe copies where its caller returns an error.
//
//go:noinline
func grab(err error) *minicore.Copy {
	b := make([]byte, 15<<10)
	g, addr, n, fp := words(&b[0], uintptr(len(b)))
	stack := b[:n]
	word := func(a uintptr) uintptr { return *(*uintptr)(unsafe.Pointer(&stack[a-addr])) }
	// From words' frame, which may be a wrapper's, to grab's caller.
	for runtime.FuncForPC(word(fp+8)-1).Name() != "main.fail" {
		fp = word(fp)
	}
	sp := fp + 16
	return &minicore.Copy{
		Registers: minicore.Registers{RIP: uint64(word(fp+8)) - 1, RSP: uint64(sp), RBP: uint64(word(fp)), R14: uint64(g)},
		Stack:     stack[sp-addr:], StackAddr: uint64(sp), G: uint64(g),
		Error: *(*[2]uint64)(unsafe.Pointer(&err)),
	}
}
