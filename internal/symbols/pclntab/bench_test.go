package pclntab

import "testing"

func BenchmarkLookup(b *testing.B) {
	t, err := Open()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, ok := t.Lookup("runtime.gopanic"); !ok {
			b.Fatal("no gopanic")
		}
	}
}

func BenchmarkInlinedInto(b *testing.B) {
	t, err := Open()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if len(t.InlinedInto("sync.(*Mutex).Lock")) == 0 {
			b.Fatal("nowhere")
		}
	}
}
