package main

import (
	"errors"
	"fmt"
	"sync/atomic"
)

var static = errors.New("static")

//go:noinline
func touch(b *[32]byte) { b[3] = 1 }

//go:noinline
func plain(n int) (int, error) {
	var b [32]byte
	touch(&b)
	if n&1 == 1 {
		return n, static
	}
	return n + int(b[3]) - 1, nil
}

type store struct{ n int }

//go:noinline
func (s *store) recovers(a string, n int) (r string, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("recovered %v %d", x, n)
		}
	}()
	if n%3 == 1 {
		panic(a)
	}
	if n%3 == 2 {
		return "", fmt.Errorf("plain %d", n)
	}
	return a, nil
}

//go:noinline
func generic[T any](v T, n int) (T, error) {
	touch(new([32]byte))
	if n&1 == 1 {
		return v, static
	}
	return v, nil
}

var (
	sink  atomic.Pointer[[]byte]
	never func() error
)

// deep grows the stack, which moves.
//
//go:noinline
func deep(n int) (err error) {
	var pad [300]byte
	pad[n%300] = byte(n)
	if n <= 0 {
		b := make([]byte, 100)
		sink.Store(&b)
		return fmt.Errorf("deep %d", pad[n%300])
	}
	if e := deep(n - 1); e != nil {
		if n%2 == 0 {
			return fmt.Errorf("wrapped: %w", e)
		}
		return e
	}
	return nil
}

//go:noinline
func onStack(n int) (a [3]int, b [2]string, err error) {
	touch(new([32]byte))
	if n&1 == 1 {
		return a, [2]string{"x", "y"}, static
	}
	a[n%3] = n
	return a, b, nil
}

type stackError struct{ n, m int }

func (s *stackError) Error() string { return "on the stack" }

// self returns an error that may lie on its caller's stack.
//
//go:noinline
func (s *stackError) self(n int) error {
	touch(new([32]byte))
	if n&1 == 1 {
		return s
	}
	return nil
}

//go:noinline
func makeClosure(k int) func(int) error {
	return func(n int) error {
		touch(new([32]byte))
		if n&1 == 1 {
			return fmt.Errorf("closure %d", k)
		}
		return nil
	}
}

//go:noinline
func leaf(n int) error {
	if n&1 == 1 {
		return static
	}
	return nil
}

//go:noinline
func neverReturns() error {
	touch(new([32]byte))
	panic("never")
}

func inlined(n int) error {
	if n == 7 {
		return static
	}
	return nil
}

//go:noinline
func noError(n int) int {
	touch(new([32]byte))
	return n
}

//go:noinline
func fib(n int) (int, error) {
	touch(new([32]byte))
	if n < 2 {
		return n, nil
	}
	a, _ := fib(n - 1)
	b, _ := fib(n - 2)
	return a + b, nil
}

//go:noinline
func greet(name string, times int, ratio float64) (string, error) {
	touch(new([32]byte))
	if times < 0 {
		return "", fmt.Errorf("negative: %d", times)
	}
	return "hello " + name, nil
}

//go:noinline
func both(n int) (any, error) {
	touch(new([32]byte))
	return n, static
}
