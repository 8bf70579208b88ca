package postmortem

import (
	"os"
	"path/filepath"
	"testing"
)

// A damaged core is an error, or opened as far as it goes: never a crash. What
// the fuzzer makes is laid over a real core at an offset.
func FuzzCore(f *testing.F) {
	exe := subject(f, "exe")
	whole, err := os.ReadFile(captured(f, exe, "custom"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint(len(whole)), uint(0), []byte{})
	for _, cut := range []uint{0, 1, 40, 64, 100, 120, 1000, 4096, 20000, 100000, uint(len(whole)) - 1} {
		f.Add(cut, uint(0), []byte{})
	}
	f.Add(uint(len(whole)), uint(56), []byte{1, 0})
	f.Add(uint(len(whole)), uint(64), []byte{1, 0, 0, 0})
	f.Add(uint(len(whole)), uint(96), []byte{0xff, 0xff, 0xff, 0x7f})
	f.Add(uint(len(whole)), uint(20000), []byte("\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, cut, offset uint, over []byte) {
		data := append([]byte(nil), whole[:min(cut, uint(len(whole)))]...)
		if offset < uint(len(data)) {
			copy(data[offset:], over)
		}
		core := filepath.Join(t.TempDir(), "core")
		if err := os.WriteFile(core, data, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := openDead(core, exe)
		if err != nil {
			return
		}
		defer d.close()
		s := &session{dead: d, core: nil, json: true, stdout: discard{}, stderr: discard{}}
		s.script(t.Context(), "bt; args; locals; panic; goroutine; up; args; locals; p s; p main.total")
	})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
