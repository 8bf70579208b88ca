//go:build linux && amd64

package jump

import (
	"bytes"
	"reflect"
	"testing"
)

// BenchmarkArmRestore writes a byte and writes it back.
func BenchmarkArmRestore(b *testing.B) {
	at := reflect.ValueOf(victim).Pointer()
	code, err := Code(at, at+64)
	if err != nil {
		b.Fatal(err)
	}
	s, err := At(at + uintptr(bytes.Index(code, []byte{0x55, 0x48, 0x89, 0xe5, 0x48})))
	if err != nil {
		b.Fatal(err)
	}
	s.Aim(1)
	for b.Loop() {
		if err := Arm(s); err != nil {
			b.Fatal(err)
		}
		if err := Restore(s); err != nil {
			b.Fatal(err)
		}
	}
}
