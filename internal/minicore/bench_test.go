//go:build linux && amd64

package minicore

import (
	"io"
	"runtime"
	"testing"
)

// A capture beside the text of the same stack, which is what a program has
// without.
func BenchmarkCapture(b *testing.B) {
	work := func(b *testing.B, do func()) {
		list := &node{"first", &node{"second", nil}}
		descend(50, func() {
			for b.Loop() {
				do()
			}
		})
		runtime.KeepAlive(list)
	}
	b.Run("capture", func(b *testing.B) {
		work(b, func() {
			s, err := Capture(Frame{}, "panic", Limits{})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(s.Size())
			s.Close()
		})
	})
	b.Run("capture and write", func(b *testing.B) {
		work(b, func() {
			s, err := Capture(Frame{}, "panic", Limits{})
			if err != nil {
				b.Fatal(err)
			}
			s.WriteTo(io.Discard)
			s.Close()
		})
	})
	b.Run("runtime.Stack", func(b *testing.B) {
		text := make([]byte, 64<<10)
		work(b, func() { runtime.Stack(text, false) })
	})
}
