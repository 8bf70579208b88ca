package insn

import (
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"go/build"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/arch/x86/x86asm"
)

// compare decodes one instruction with x86asm, too, and says what differs. known is
// whether x86asm knows it; what Decode alone knows cannot be compared.
func compare(b []byte) (known bool, diff error) {
	got := Decode(b)
	if len(b) == 0 {
		return false, nil
	}
	want, err := x86asm.Decode(b, 64)
	if err != nil || want.Op == 0 {
		return false, nil
	}
	if vex := b[0] == 0xc5 && b[2] == 0x77 || b[0] == 0xc4 && b[1]&0x1f == 1 && b[3] == 0x77; vex {
		return false, nil // VZEROUPPER; x86asm reads a ModRM that it does not have
	}
	for _, p := range want.Prefix {
		if p&x86asm.PrefixInvalid != 0 { // a LOCK that no processor takes
			return false, nil
		}
	}
	if got.Len == 0 {
		return true, fmt.Errorf("% x: not decoded, want %v", b[:want.Len], want)
	}
	w := Inst{Len: want.Len, Op: opOf(want), Base: None, Index: None}
	if b[0] == 0xc4 || b[0] == 0xc5 || b[0] == 0x62 {
		w.Op = Vector
	}
	if rel, ok := want.Args[0].(x86asm.Rel); ok {
		w.Rel = int32(rel)
	}
	// Of operands, Decode tells of those that callers ask for.
	switch w.Op {
	case JumpTo, FarJump, Call, Cmp, Sub, Lea, Xor, Mov, Move:
		for _, a := range want.Args {
			switch a := a.(type) {
			case x86asm.Mem:
				w.Mem, w.Base, w.Index = true, number(a.Base), number(a.Index)
				w.Segment = a.Segment != 0
				w.Addr32 = want.AddrSize == 32
				if a.Base == x86asm.RIP { // of EIP it does not say where
					w.DispAt, w.Disp = want.PCRelOff, int32(a.Disp)
				}
			case x86asm.Reg:
				switch a {
				case x86asm.RSP, x86asm.ESP, x86asm.SP, x86asm.SPB:
					w.SP = w.Op >= Lea
				}
			}
		}
		if !w.Mem {
			got.Segment, got.Addr32 = false, false
		}
	default:
		got = Inst{Len: got.Len, Op: got.Op, Rel: got.Rel, Base: None, Index: None}
	}
	if w.Base != RIP || w.Addr32 {
		got.DispAt, got.Disp = 0, 0
	}
	if got != w {
		return true, fmt.Errorf("% x, %v:\n got %+v\nwant %+v", b[:min(len(b), max(got.Len, want.Len))], want, got, w)
	}
	return true, nil
}

func number(r x86asm.Reg) Reg {
	switch {
	case r >= x86asm.RAX && r <= x86asm.R15:
		return Reg(r - x86asm.RAX)
	case r >= x86asm.EAX && r <= x86asm.R15L:
		return Reg(r - x86asm.EAX)
	case r == x86asm.RIP, r == x86asm.EIP:
		return RIP
	}
	return None
}

func opOf(in x86asm.Inst) Op {
	switch in.Op {
	case x86asm.RET:
		return Ret
	case x86asm.LRET, x86asm.IRET, x86asm.IRETD, x86asm.IRETQ, x86asm.SYSRET, x86asm.SYSEXIT:
		return FarRet
	case x86asm.CALL, x86asm.LCALL:
		return Call
	case x86asm.LJMP:
		return FarJump
	case x86asm.JMP:
		if _, ok := in.Args[0].(x86asm.Rel); ok {
			return Jump
		}
		return JumpTo
	case x86asm.JB:
		return JB
	case x86asm.JBE:
		return JBE
	case x86asm.NOP:
		return Nop
	case x86asm.CMP:
		return Cmp
	case x86asm.SUB:
		return Sub
	case x86asm.LEA:
		return Lea
	case x86asm.XOR, x86asm.XORPS:
		return Xor
	case x86asm.MOV:
		for _, a := range in.Args {
			if r, ok := a.(x86asm.Reg); ok && r >= x86asm.ES { // segment, system and control registers
				return Other
			}
		}
		return Mov
	case x86asm.MOVZX, x86asm.MOVSX, x86asm.MOVSXD, x86asm.MOVUPS, x86asm.MOVAPS,
		x86asm.MOVSS, x86asm.MOVSD_XMM, x86asm.MOVQ, x86asm.MOVD:
		return Move
	}
	if _, ok := in.Args[0].(x86asm.Rel); ok {
		return Branch
	}
	return Other
}

// TestRealCode decodes all functions of large programs.
func TestRealCode(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, c := range []struct {
		name  string
		flags []string
	}{
		{"exe", nil},
		{"race", []string{"-race"}}, // with C code in it
	} {
		t.Run(c.name, func(t *testing.T) {
			exe := filepath.Join(dir, c.name)
			cmd := exec.Command("go", append(append([]string{"build", "-o", exe}, c.flags...), "cmd/go")...)
			cmd.Dir = filepath.Join(strings.TrimSpace(string(goroot)), "src")
			cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64")
			if c.flags != nil && (runtime.GOOS != "linux" || runtime.GOARCH != "amd64" || !build.Default.CgoEnabled) {
				t.Skip("the race detector needs cgo")
			}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			realCode(t, exe)
		})
	}
}

func realCode(t *testing.T, exe string) {
	f, err := elf.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text := f.Section(".text")
	code, err := text.Data()
	if err != nil {
		t.Fatal(err)
	}
	syms, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	functions, known, vector, alone, diffs := 0, 0, 0, 0, 0
	for _, s := range syms {
		if elf.ST_TYPE(s.Info) != elf.STT_FUNC || s.Size == 0 || s.Value < text.Addr || s.Value+s.Size > text.Addr+text.Size {
			continue
		}
		functions++
		b := code[s.Value-text.Addr:][:s.Size]
		for len(b) > 0 && diffs < 20 {
			ok, err := compare(b)
			n := Decode(b).Len
			switch {
			case err != nil:
				diffs++
				t.Errorf("%s+%#x: %v", s.Name, s.Size-uint64(len(b)), err)
			case ok:
				known++
			case Decode(b).Op == Vector:
				vector++
			default:
				alone++
				if testing.Verbose() && alone < 50 {
					t.Logf("%s+%#x: % x, length %d", s.Name, s.Size-uint64(len(b)), b[:min(8, len(b))], n)
				}
			}
			if n == 0 {
				break
			}
			b = b[n:]
		}
	}
	t.Logf("%d functions, %d instructions compared, %d vector instructions, %d that x86asm does not know", functions, known, vector, alone)
	if functions < 10000 || known < 1000000 || alone > known/1000 {
		t.Error("too little to compare")
	}
}

// FuzzDecode compares with x86asm, too.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		"c3", "f3c3", "c20800", "cb", "48cf", "e800000000", "ff15341200000f0b", "ffd0", "41ff6424f8", "ff24c8", "ff2c24",
		"eb05", "e9fbffffff", "0f8600010000", "76fe", "e3f0", "90", "4190", "f390", "660f1f440000", "66906690",
		"493b6610", "4d3b6610", "833d0010000000", "4883ec10", "4881ec18010000", "4c8da42478ffffff", "488d0500100000",
		"488b0500100000", "64488b042500000000", "678b05ffffff7f", "48a1ffffffffffffffff", "48b8ffffffffffffffff", "66b8ffff",
		"66c7001234", "f60001", "f610", "66f7c0ffff", "c8000101", "0fb6e0", "400fb6e4", "0fbae007", "0f38f000", "660f3a0fc101",
		"f20f10442408", "660f6ec4", "f30f7ec4", "d9c0", "d9d1", "dd2c24", "f00fc108", "f04889c8", "62f17c484ac0", "c5f877", "c4e27d18c0",
		"6666906648e800000000", "0f22e4", "8ed8", "8cc8",
	} {
		b, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in := Decode(b)
		if in.Len < 0 || in.Len > min(len(b), maxLen) || in.DispAt+4 > in.Len && in.DispAt != 0 {
			t.Fatalf("% x: %+v", b, in)
		}
		if in.Len > 0 {
			if again := Decode(b[:in.Len]); again != in {
				t.Fatalf("% x: %+v, cut off at its end %+v", b, in, again)
			}
			if cut := Decode(b[:in.Len-1]); cut.Len != 0 {
				t.Fatalf("% x: %+v, too short %+v", b, in, cut)
			}
		}
		b = append(b, make([]byte, maxLen)...) // x86asm reads some instructions behind the end
		if _, err := compare(b); err != nil && undefined(b) == "" {
			t.Fatal(err)
		}
	})
}

// TestOpcodes goes through all opcodes with all ModRM and likely prefixes.
func TestOpcodes(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	known, diffs := 0, 0
	for _, prefix := range []string{"", "\x66", "\x67", "\xf2", "\xf3", "\x64", "\x48", "\x41", "\x42", "\x44", "\x66\x48", "\x66\x4f", "\xf3\x48", "\x65\x67\x40"} {
		for _, m := range []string{"", "\x0f", "\x0f\x38", "\x0f\x3a"} {
			for op := range 256 {
				for modRM := range 256 {
					b := append([]byte(prefix+m), byte(op), byte(modRM))
					b = binary.LittleEndian.AppendUint64(b, r.Uint64())
					b = binary.LittleEndian.AppendUint64(b, r.Uint64())
					ok, err := compare(b)
					if ok {
						known++
					}
					if err != nil && undefined(b) == "" {
						if diffs++; diffs < 40 {
							t.Error(err)
						}
					}
				}
			}
		}
	}
	if t.Logf("%d instructions compared, %d differ", known, diffs); known < 1000000 {
		t.Error("too little to compare")
	}
}

// undefined says of an instruction that x86asm decodes and Decode does not, or
// otherwise, why x86asm is not to be followed.
func undefined(b []byte) string {
	data16, rex, lock := false, byte(0), false
	for ; len(b) > 0 && strings.IndexByte("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", b[0]) >= 0; b = b[1:] {
		data16 = data16 || b[0] == 0x66
		lock = lock || b[0] == 0xf0
	}
	if len(b) > 0 && b[0]&0xf0 == 0x40 {
		rex, b = b[0], b[1:]
	}
	if len(b) < 3 {
		return ""
	}
	op, modRM := b[0], b[1]
	switch {
	case lock:
		return "LOCK without memory to change"
	case data16 && rex&8 == 0 && (op&^0xf == 0x70 || op&^3 == 0xe0 || op == 0xe8 || op == 0xe9 || op == 0xeb || op == 0x0f && modRM&^0xf == 0x80):
		return "branch with 66, on which processors differ"
	case op == 0x0f && modRM&^3 == 0x20 && b[2] < 0xc0:
		return "mod is ignored: SDM, MOV of control and debug registers"
	case op == 0x0f && modRM&^3 == 0x24:
		return "test registers, until the 80486"
	case op == 0x8e && modRM>>3&7 == 1:
		return "MOV to CS"
	case op == 0x0f && data16 && (modRM == 0x13 || modRM == 0x17) && b[2] >= 0xc0:
		return "MOVLPD and MOVHPD between registers"
	case op&^1 == 0xc6 && modRM == 0xf8:
		return "XABORT and XBEGIN, which no Go program has"
	case op == 0x62 && (modRM&8 != 0 || b[2]&4 == 0):
		return "reserved bits of EVEX"
	case op == 0x62 && modRM&4 != 0:
		return "maps 4 to 7 of EVEX, which x86asm takes for 0 to 3"
	case op == 0xdf && modRM&^7 == 0xc0:
		return "FFREEP is in no table"
	}
	return ""
}
