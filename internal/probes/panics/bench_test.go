//go:build linux && amd64

package panics

import "testing"

// BenchmarkPanic is a panic that is recovered: bare, and with a hook that
// matches nothing.
func BenchmarkPanic(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			thrower(1)
		}
	})
	b.Run("hooked", func(b *testing.B) {
		install(b, func(p *Panic) {
			for _, n := range names(p.PCs) {
				if n == "nobody" {
					b.Error(n)
				}
			}
		})
		for b.Loop() {
			thrower(1)
		}
	})
	b.Run("hooked, empty", func(b *testing.B) {
		install(b, func(*Panic) {})
		for b.Loop() {
			thrower(1)
		}
	})
}

// BenchmarkInstall puts the hook in and takes it out, in a process that is
// prepared.
func BenchmarkInstall(b *testing.B) {
	if err := Prepare(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := Install(func(*Panic) {}); err != nil {
			b.Fatal(err)
		}
		if err := Remove(); err != nil {
			b.Fatal(err)
		}
	}
}
