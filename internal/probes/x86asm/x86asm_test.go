package x86asm

import (
	"debug/elf"
	"os"
	"testing"

	original "golang.org/x/arch/x86/x86asm"
)

// The copy decodes every instruction of this very program as the original does.
func TestOriginal(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.Open(exe)
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	if f.Machine != elf.EM_X86_64 {
		t.Skip("code of another machine")
	}
	code, err := f.Section(".text").Data()
	if err != nil {
		t.Fatal(err)
	}
	decoded := 0
	for len(code) > 0 && !t.Failed() {
		step := 1
		if in, err := compare(t, code); err == nil {
			decoded++
			step = in.Len
		}
		code = code[min(step, len(code)):]
	}
	if decoded < 100_000 {
		t.Errorf("%d instructions", decoded)
	}
}

// vex reports whether the first bytes are those of an instruction that this copy
// leaves alone.
func vex(b []byte) bool {
	for _, c := range b {
		switch {
		case c == 0xc4, c == 0xc5, c == 0x62:
			return true
		case c != 0x66 && c != 0xf0 && c != 0xf2 && c != 0xf3 && c != 0x2e && c != 0x36 && c != 0x3e && c != 0x26 && c != 0x64 && c != 0x65 && c != 0x67:
			return false
		}
	}
	return false
}

func compare(t *testing.T, code []byte) (Inst, error) {
	code = code[:min(15, len(code))]
	got, err := Decode(code, 64)
	want, wantErr := original.Decode(code, 64)
	if vex(code) {
		return got, err
	}
	same := (err == nil) == (wantErr == nil) && got.Len == want.Len && uint32(got.Op) == uint32(want.Op) && got.PCRel == want.PCRel && got.MemBytes == want.MemBytes
	for i, a := range got.Args {
		switch b := want.Args[i].(type) {
		case nil:
			same = same && a == nil
		case original.Reg:
			same = same && a == Reg(b)
		case original.Rel:
			same = same && a == Rel(b)
		case original.Imm:
			same = same && a == Imm(b)
		case original.Mem:
			same = same && a == Mem{Reg(b.Segment), Reg(b.Base), b.Scale, Reg(b.Index), b.Disp}
		}
	}
	if !same {
		t.Errorf("% x: %+v %v, not %+v %v", code, got, err, want, wantErr)
	}
	return got, err
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0x48, 0x83, 0xc4, 0x10, 0x5d, 0xc3})
	f.Add([]byte{0x0f, 0x86, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, b []byte) { compare(t, b) })
}
