package main

import (
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
)

// fatal ends the program. What it writes and its status are compared.
func fatal(name string) {
	switch name {
	case "panic":
		panic(errors.New("nobody recovers"))
	case "nil":
		var s *square
		s.side = 1
	case "nested":
		defer func() { panic("second") }()
		panic("first")
	case "re-panic":
		defer func() { panic(recover()) }()
		panic("again")
	case "goroutine":
		go panic("on a goroutine")
		select {}
	case "bad error":
		panic(bad{})
	case "throw":
		var mu sync.Mutex
		mu.Unlock()
	case "deadlock":
		select {}
	case "overflow":
		debug.SetMaxStack(1 << 16)
		forever(1)
	case "goexit":
		go os.Stdout.WriteString("other\n")
		runtime.Goexit()
	case "all":
		debug.SetTraceback("all")
		panic("all goroutines")
	case "system":
		debug.SetTraceback("system")
		panic("with the runtime's frames")
	}
}

//go:noinline
func forever(n int) int { return forever(n+1) + n }
