package main

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
)

type shape interface{ area() int }
type square struct{ side int }

func (s *square) area() int { return s.side * s.side }

type big struct {
	a [40]int
	s string
}

// expected is how many panics the hook has to see in one run of the suite.
var expected int

// stackOf names the functions on the stack, of this program and of the runtime.
func stackOf() string {
	pcs := make([]uintptr, 100)
	fs := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	var b strings.Builder
	for {
		f, more := fs.Next()
		if f.Function != "main.main" && !strings.HasPrefix(f.Function, "runtime.goexit") {
			fmt.Fprintf(&b, " %s:%d", strings.TrimPrefix(f.Function, "main."), f.Line)
		}
		if !more {
			return b.String()
		}
	}
}

// try runs f and writes down what it panics with, where, and what a recover sees.
func try(name string, hits int, f func()) {
	expected += hits
	defer func() {
		stack := stackOf()
		r := recover()
		_, isRuntime := r.(runtime.Error)
		_, isError := r.(error)
		out.printf("%s: %T %v runtime=%v error=%v%s", name, r, r, isRuntime, isError, stack)
	}()
	f()
	out.printf("%s: returned", name)
}

func suite() {
	expected = 0
	faults()
	values()
	control()
	goroutines()
	growth()
	foreign()
}

var zero = func() int { return 0 }

func faults() {
	var (
		list   = []int{1, 2, 3}
		none   map[string]int
		sq     *square
		sh     shape
		word   any = "word"
		fn     func()
		closed = make(chan int)
	)
	close(closed)
	i := zero() + 7
	try("index", 1, func() { list[i] = 1 })
	try("index of string", 1, func() { _ = "abc"[i] })
	try("negative index", 1, func() { list[-i] = 1 })
	try("slice bounds", 1, func() { list = list[i:] })
	try("slice order", 1, func() { list = list[i-5 : i-6] })
	try("slice to array", 1, func() { _ = [4]int(list) })
	try("nil dereference", 1, func() { sq.side = 1 })
	try("nil interface", 1, func() { sh.area() })
	try("nil function", 1, func() { fn() })
	try("divide", 1, func() { list[0] /= zero() })
	try("remainder", 1, func() { list[0] %= zero() })
	try("shift", 1, func() { list[0] <<= -i })
	try("assertion", 1, func() { _ = word.(int) })
	try("assertion to interface", 1, func() { _ = word.(shape) })
	try("assertion of nil", 1, func() { _ = sh.(*square) })
	try("nil map", 1, func() { none["x"] = 1 })
	try("unhashable", 1, func() { _ = map[any]int{any(list): 1} })
	try("incomparable", 1, func() { a := any(list); _ = a == any(list) })
	try("close of closed", 1, func() { close(closed) })
	try("send on closed", 1, func() { closed <- 1 })
	try("close of nil", 1, func() { var c chan int; close(c) })
	try("makeslice", 1, func() { _ = make([]int, -i) })
	try("makechan", 1, func() { _ = make(chan int, -i) })
	try("reflect", 1, func() { reflect.ValueOf(1).SetInt(2) })
}

func values() {
	try("string", 1, func() { panic("text") })
	try("int", 1, func() { panic(42) })
	try("error", 1, func() { panic(errors.New("an error")) })
	try("wrapped", 1, func() { panic(fmt.Errorf("outer: %w", errors.New("inner"))) })
	try("pointer", 1, func() { panic(&[2]int{1, 2}) })
	try("large", 1, func() { panic(big{s: "large"}) })
	try("zero-sized", 1, func() { panic(struct{}{}) })
	try("nil", 1, func() { panic(nil) })
	try("typed nil", 1, func() { panic((*square)(nil)) })
	try("function", 1, func() {
		defer func() { panic(recover().(func() string)()) }()
		panic(func() string { return "called" })
	})
	expected++ // the one with what the function returned
}

func control() {
	try("no panic", 0, func() {})
	try("nested", 2, func() {
		defer func() { panic("second") }()
		panic("first")
	})
	try("nested thrice", 3, func() {
		defer func() { panic("third") }()
		defer func() { panic("second") }()
		panic("first")
	})
	try("re-panic", 2, func() {
		defer func() { panic(recover()) }()
		panic("again")
	})
	try("recover in a nested call", 1, func() {
		defer func() { func() { out.printf("inner recover = %v", recover()) }() }()
		panic("not recovered here")
	})
	try("recovered, then panics", 2, func() {
		func() {
			defer func() { recover() }()
			panic("one")
		}()
		panic("two")
	})
	try("panic within recover's function", 2, func() {
		defer func() {
			defer func() { out.printf("inner %v", recover()) }()
			panic("inside")
		}()
		panic("outside")
	})
	try("named result", 1, func() {
		f := func() (n int) {
			defer func() { recover(); n *= 2 }()
			n = 21
			panic("x")
		}
		out.printf("result %d", f())
	})
	try("order of defers", 1, func() {
		for i := range 3 {
			defer out.printf("defer %d", i)
		}
		if zero() == 0 {
			defer out.printf("conditional")
		}
		panic("x")
	})
	try("range over function", 1, func() {
		for i := range func(yield func(int) bool) {
			defer out.printf("deferred by the iterator")
			_ = yield(1) && yield(2)
		} {
			defer out.printf("deferred by the body %d", i)
			if i == 2 {
				panic("in the body")
			}
		}
	})
	try("through reflect", 1, func() {
		reflect.ValueOf(func(s string) { panic(s) }).Call([]reflect.Value{reflect.ValueOf("reflected")})
	})
	try("method value", 1, func() {
		var s *square
		f := s.area
		f()
	})
	try("Error panics", 1, func() {
		defer func() {
			r := recover().(error)
			defer func() { out.printf("its Error: %v", recover()) }()
			_ = r.Error()
		}()
		panic(bad{})
	})
	expected++ // in Error
}

type bad struct{}

func (bad) Error() string { panic("Error itself") }

func goroutines() {
	run := func(f func()) {
		done := make(chan bool)
		go func() {
			defer close(done)
			f()
		}()
		<-done
	}
	run(func() { try("on a goroutine", 1, func() { panic("elsewhere") }) })
	run(func() {
		defer func() { out.printf("Goexit: recover = %v%s", recover(), stackOf()) }()
		runtime.Goexit()
	})
	run(func() {
		defer func() { out.printf("Goexit in a panic: recover = %v", recover()) }()
		defer runtime.Goexit()
		expected++
		panic("before Goexit")
	})
	run(func() {
		expected++
		defer func() {
			defer func() { out.printf("a panic in Goexit: %v", recover()) }()
			panic("in Goexit")
		}()
		runtime.Goexit()
	})
	errs := make(chan string)
	for i := range 20 {
		go func() {
			defer func() { errs <- fmt.Sprint(recover()) }()
			panic(fmt.Sprint("one of many ", i))
		}()
	}
	expected += 20
	length := 0
	for range 20 {
		length += len(<-errs)
	}
	out.printf("many: %d", length)
}

// growth panics at every depth, so that stacks grow in gopanic's check, in the
// hook, in deferred functions.
func growth() {
	const depths = 120
	sum := 0
	for depth := range depths {
		done := make(chan int)
		go func() { done <- deep(depth) }()
		sum += <-done
	}
	expected += 2 * depths
	out.printf("growth: %d", sum)
}

//go:noinline
func deep(n int) (sum int) {
	var pad [48]byte
	pad[n%48] = 1
	if n > 0 {
		return deep(n-1) + int(pad[n%48])
	}
	for _, f := range []func(){
		func() { panic(&square{n + 1}) },
		func() { var s *square; s.side = 1 },
	} {
		func() {
			defer func() {
				switch v := recover().(type) {
				case *square:
					sum += v.side
				case runtime.Error:
					sum += len(v.Error())
				}
			}()
			f()
		}()
	}
	return sum
}
