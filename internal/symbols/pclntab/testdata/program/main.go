// Command program prints the table of its own functions.
package main

import (
	"fmt"
	"os"

	"github.com/ispyd/ispyd/internal/symbols/pclntab"
)

type number struct{ n int }

//go:noinline
func (n *number) outer(k int) int { return inlinedOnce(k) + inlined(n.n) }

func inlined(n int) int { return called(n) * 3 }

func inlinedOnce(n int) int { return inlined(n) + 1 }

//go:noinline
func called(n int) int { return n + 1 }

//go:noinline
func generic[T any](v T) T { return v }

func main() {
	t, err := pclntab.Open()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = generic((&number{1}).outer(len(os.Args)))
	t.Funcs(func(f pclntab.Func) bool {
		end := f.End() - f.Entry()
		fmt.Printf("%s %#x %d %d %d %d %s:%d\n", f.Name(), f.Entry()-t.Module().Text, end, f.Args(), f.FrameSize(), f.Flag(), f.File(f.Entry()), f.Line(f.Entry()))
		return true
	})
}
