package exits

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// code is a function in hexadecimal, an instruction a field; "|" is followed by
// the frame's size from there on.
func code(t testing.TB, src string) Func {
	t.Helper()
	var b []byte
	deltas := map[int]int{}
	delta := 0
	fields := strings.Fields(src)
	for i := 0; i < len(fields); i++ {
		if fields[i] == "|" {
			i++
			delta = 0
			for _, c := range fields[i] {
				delta = 10*delta + int(c-'0')
			}
			continue
		}
		x, err := hex.DecodeString(fields[i])
		if err != nil {
			t.Fatal(err)
		}
		deltas[len(b)] = delta
		b = append(b, x...)
	}
	const entry = 0x401000
	return Func{entry, b, func(pc uintptr) (int, bool) { d, ok := deltas[int(pc-entry)]; return d, ok }}
}

const (
	check8 = "493b6610 7600 " // CMPQ SP, 16(R14); JLS over nothing
	setup  = "55 | 8 4889e5 "
)

func TestScan(t *testing.T) {
	for name, c := range map[string]struct {
		src   string
		setup int // offset, -1: none
		exits [][3]int
	}{
		"small frame": {
			check8 + setup + "4883ec10 | 24 31c0 4883c410 | 8 5d | 0 c3", 6, [][3]int{{16, 21, 24}}},
		"128 bytes": {
			check8 + setup + "4883c480 | 136 31c0 4883ec80 | 8 5d | 0 c3", 6, [][3]int{{16, 21, 136}}},
		"large frame": {
			check8 + setup + "4881ec18010000 | 288 31c0 4881c418010000 | 8 5d | 0 c3", 6, [][3]int{{19, 27, 288}}},
		"two returns": {
			check8 + setup + "4883ec10 | 24 85c0 7407 4883c410 | 8 5d | 0 c3 90 | 24 4883c410 | 8 5d | 0 c3", 6,
			[][3]int{{18, 23, 24}, {25, 30, 24}}},
		"vector instruction": {
			setup + "4883ec10 | 24 c5f877 62f17c484ac0 4883c410 | 8 5d | 0 c3", 0, [][3]int{{17, 22, 24}}},
		"no set-up recognised": {
			"e800000000 " + setup + "4883ec10 | 24 4883c410 | 8 5d | 0 c3", -1, [][3]int{{13, 18, 24}}},
		"indexed jump table": {
			setup + "4883ec10 | 24 ff24c8 4883c410 | 8 5d | 0 c3", 0, [][3]int{{11, 16, 24}}},
	} {
		t.Run(name, func(t *testing.T) {
			f := code(t, c.src)
			x, err := Scan(f)
			if err != nil {
				t.Fatal(err)
			}
			if got := int(x.Setup) - int(f.Entry); c.setup >= 0 && got != c.setup || c.setup < 0 && x.Setup != 0 {
				t.Errorf("Setup at %+d, want %+d", got, c.setup)
			}
			if x.Setup != 0 && hex.EncodeToString(x.SetupCode[:4]) != "554889e5" {
				t.Errorf("SetupCode % x", x.SetupCode)
			}
			if len(x.Exits) != len(c.exits) {
				t.Fatalf("%d exits, want %d", len(x.Exits), len(c.exits))
			}
			for i, e := range x.Exits {
				got := [3]int{int(e.PC - f.Entry), int(e.Ret - f.Entry), e.Frame}
				if got != c.exits[i] {
					t.Errorf("exit %d: %v, want %v", i, got, c.exits[i])
				}
				if len(e.Code) < 5 || len(e.Code) != int(e.Ret-e.PC) {
					t.Errorf("exit %d: epilogue % x", i, e.Code)
				}
			}
		})
	}
}

func TestScanRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		src    string
		reason Reason
	}{
		"empty":                         {"", Undecodable},
		"rubbish":                       {"06 c3", Undecodable},
		"cut off":                       {setup + "4883", Undecodable},
		"vector cut off":                {setup + "62f17c", Undecodable},
		"no RET":                        {setup + "0f0b", NeverReturns},
		"leaf":                          {"31c0 c3", NoEpilogue},
		"frame of BP alone":             {setup + "e800000000 5d | 0 c3", NoEpilogue},
		"one of two is a leaf's":        {"85c0 7401 c3 " + setup + "4883ec10 | 24 4883c410 | 8 5d | 0 c3", NoEpilogue},
		"jump behind the end":           {setup + "4883ec10 | 24 7470 4883c410 | 8 5d | 0 c3", TailJump},
		"jump before the entry":         {"ebf0 " + setup + "4883ec10 | 24 4883c410 | 8 5d | 0 c3", TailJump},
		"jump through a register":       {"ffe0 " + setup + "4883ec10 | 24 4883c410 | 8 5d | 0 c3", TailJump},
		"jump through memory":           {"ff22 " + setup + "4883ec10 | 24 4883c410 | 8 5d | 0 c3", TailJump},
		"RET $8":                        {setup + "4883ec10 | 24 4883c410 | 8 5d | 0 c20800", OddReturn},
		"far return":                    {setup + "4883ec10 | 24 4883c410 | 8 5d | 0 cb", OddReturn},
		"frame left at the RET":         {setup + "4883ec10 | 24 4883c410 5d c3", OddReturn},
		"epilogue of another frame":     {setup + "4883ec18 | 32 4883c410 | 8 5d | 0 c3", OddReturn},
		"branch into an instruction":    {"7401 4889c0 " + setup + "4883ec10 | 24 4883c410 | 8 5d | 0 c3", BranchInside},
		"branch to the epilogue's POPQ": {setup + "4883ec10 | 24 7404 4883c410 | 8 5d | 0 c3", BranchInside},
		"branch to the RET":             {setup + "4883ec10 | 24 7405 4883c410 | 8 5d | 0 c3", BranchInside},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Scan(code(t, c.src))
			var r *Refusal
			if !errors.As(err, &r) || r.Reason != c.reason {
				t.Fatalf("got %v, want: %v", err, c.reason)
			}
			if !strings.Contains(err.Error(), c.reason.String()) {
				t.Errorf("message %q does not say %q", err, c.reason)
			}
		})
	}
}

// FuzzScan: whatever the bytes and the frames are, Scan ends, and what it finds
// lies in the code and is an epilogue.
func FuzzScan(f *testing.F) {
	for _, src := range []string{
		check8 + setup + "4883ec10 | 24 31c0 4883c410 | 8 5d | 0 c3",
		setup + "4881ec18010000 | 288 4881c418010000 | 8 5d | 0 c3",
		setup + "4883ec10 | 24 c5f877 62f17c484ac0 4883c410 | 8 5d | 0 c3",
	} {
		x := code(f, src)
		f.Add(x.Code, uint16(24))
	}
	f.Add([]byte{0x62, 0xf1, 0x7c, 0x48, 0x4a}, uint16(0))
	f.Fuzz(func(t *testing.T, b []byte, frame uint16) {
		const entry = 0x401000
		// A table that agrees with every epilogue there could be.
		delta := func(pc uintptr) (int, bool) {
			o := int(pc - entry)
			switch {
			case b[o] == ret || b[o] == 0xc2:
				return 0, true
			case b[o] == popBP:
				return 8, true
			}
			return int(frame), true
		}
		x, err := Scan(Func{entry, b, delta})
		if err != nil {
			var r *Refusal
			if !errors.As(err, &r) || r.Reason == 0 || r.Offset >= len(b)+1 {
				t.Fatalf("error %#v", err)
			}
			return
		}
		if len(x.Exits) == 0 {
			t.Fatal("neither exits nor an error")
		}
		for _, e := range x.Exits {
			o, r := int(e.PC)-entry, int(e.Ret)-entry
			if o < 0 || r >= len(b) || b[r] != ret || b[r-1] != popBP || len(e.Code) < 5 || e.Frame != int(frame) || e.Frame <= 8 {
				t.Fatalf("exit %+v", e)
			}
		}
		if x.Setup != 0 && (x.SetupCode[0] != 0x55 || len(x.SetupCode) != 5) {
			t.Fatalf("set-up %+v", x)
		}
	})
}
