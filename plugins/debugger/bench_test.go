package debugger_test

import (
	"errors"
	"runtime/debug"
	"testing"
)

// BenchmarkPanic is a panic that is recovered: bare, with a probe on another function,
// with one whose limit is used up, and captured.
func BenchmarkPanic(b *testing.B) {
	needEngine(b)
	shop := newShop()
	run := func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			caught(func() { shop.order(7, "Ada") })
		}
	}
	b.Run("bare", run)
	b.Run("peer=debug.Stack", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			func() {
				defer func() {
					if recover() != nil {
						debug.Stack()
					}
				}()
				shop.order(7, "Ada")
			}()
		}
	})
	for _, bench := range []struct{ name, conf, function string }{
		{"other", "", parse},
		{"limited", "rate = 0.001\nburst = 1\nshare = 100\n", order},
		{"captured", "rate = 1000\nburst = 1000\nshare = 100\n", order},
	} {
		b.Run(bench.name, func(b *testing.B) {
			tr := opened(b, on+bench.conf)
			defer tr.close()
			tr.must("insert " + bench.function)
			run(b)
		})
	}
}

// BenchmarkInsert puts the first probe in, and takes it out.
func BenchmarkInsert(b *testing.B) {
	needEngine(b)
	tr := opened(b, on)
	for b.Loop() {
		tr.must("insert " + order)
		tr.must("remove " + order)
	}
}

var errSink error

// BenchmarkCall is a call of a function that a probe on panics is on, which does not
// panic.
func BenchmarkCall(b *testing.B) {
	needEngine(b)
	shop := newShop()
	shop.err = errors.New("too much")
	run := func(b *testing.B) {
		for b.Loop() {
			_, errSink = shop.pay(30)
		}
	}
	b.Run("bare", run)
	b.Run("panic probe", func(b *testing.B) {
		tr := opened(b, on)
		defer tr.close()
		tr.must("insert " + pay)
		run(b)
	})
}
