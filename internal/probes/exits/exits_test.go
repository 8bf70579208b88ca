package exits

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
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
	check8 = "493b6610 7600 " // CMPQ SP, 16(R14); JBE over nothing
	setup  = "55 | 8 4889e5 "
)

var none = [3]int{-1, -1, -1}

func TestScan(t *testing.T) {
	for name, c := range map[string]struct {
		src   string
		check [3]int // offsets of PC, More and Enough
		exits [][3]int
	}{
		"small frame": {
			check8 + setup + "4883ec10 | 24 31c0 4883c410 | 8 5d | 0 c3", [3]int{0, 6, 6}, [][3]int{{16, 21, 24}}},
		"128 bytes": {
			check8 + setup + "4883c480 | 136 31c0 4883ec80 | 8 5d | 0 c3", [3]int{0, 6, 6}, [][3]int{{16, 21, 136}}},
		"large frame": {
			check8 + setup + "4881ec18010000 | 288 31c0 4881c418010000 | 8 5d | 0 c3", [3]int{0, 6, 6}, [][3]int{{19, 27, 288}}},
		"two returns": {
			check8 + setup + "4883ec10 | 24 85c0 7407 4883c410 | 8 5d | 0 c3 90 | 24 4883c410 | 8 5d | 0 c3", [3]int{0, 6, 6},
			[][3]int{{18, 23, 24}, {25, 30, 24}}},
		"vector instruction": {
			setup + "4883ec10 | 24 c5f877 62f17c484ac0 4883c410 | 8 5d | 0 c3", none, [][3]int{{17, 22, 24}}},
		"RET padded": {
			setup + "4883ec10 | 24 4883c410 | 8 5d | 0 90 c3", none, [][3]int{{8, 14, 24}}},
		"RET padded with a long NOP": {
			setup + "4883ec10 | 24 4883c410 | 8 5d | 0 0f1f4000 90 c3", none, [][3]int{{8, 18, 24}}},
		"large frame's check": {
			"4c8da42478ffffff 4d3b6610 0f8608000000 " + setup + "4883ec10 | 24 4883c410 | 8 5d | 0 c3", [3]int{8, 26, 18}, [][3]int{{26, 31, 24}}},
		"huge frame's check": {
			"4989e4 4981ec80000100 720e 4d3b6610 7608 " + setup + "4883ec10 | 24 4883c410 | 8 5d | 0 c3 0f0b", [3]int{12, 26, 18}, [][3]int{{26, 31, 24}}},
		"the way back after morestack": {
			check8 + setup + "4883ec10 | 24 4883c410 | 8 5d | 0 c3 ebea", [3]int{0, 6, 6}, [][3]int{{14, 19, 24}}},
		"padded": {
			"90 " + check8 + setup + "4883ec10 | 24 4883c410 | 8 5d | 0 c3", [3]int{1, 7, 7}, [][3]int{{15, 20, 24}}},
		"check after something else": {
			"e800000000 " + check8 + setup + "4883ec10 | 24 4883c410 | 8 5d | 0 c3", none, [][3]int{{19, 24, 24}}},
		"check in the frame": {
			"| 8 " + check8 + "| 0 " + setup + "4883ec10 | 24 4883c410 | 8 5d | 0 c3", none, [][3]int{{14, 19, 24}}},
		"another branch behind the check": {
			"493b6610 7700 " + setup + "4883ec10 | 24 4883c410 | 8 5d | 0 c3", none, [][3]int{{14, 19, 24}}},
		"a branch to the check's": {
			check8 + setup + "4883ec10 | 24 74f4 4883c410 | 8 5d | 0 c3", none, [][3]int{{16, 21, 24}}},
		"a comparison of 32 bits": {
			"413b6610 7600 " + setup + "4883ec10 | 24 4883c410 | 8 5d | 0 c3", none, [][3]int{{14, 19, 24}}},
		"indexed jump table": {
			setup + "4883ec10 | 24 ff24c8 4883c410 | 8 5d | 0 c3", none, [][3]int{{11, 16, 24}}},
	} {
		t.Run(name, func(t *testing.T) {
			f := code(t, c.src)
			x, err := Scan(f)
			if err != nil {
				t.Fatal(err)
			}
			got := none
			if k := x.Check; k != nil {
				got = [3]int{int(k.PC - f.Entry), int(k.More - f.Entry), int(k.Enough - f.Entry)}
				if !bytes.Equal(k.Code[:], f.Code[got[0]:got[0]+4]) {
					t.Errorf("its code is % x", k.Code)
				}
			}
			if got != c.check {
				t.Errorf("check at %v, want %v", got, c.check)
			}
			if len(x.Exits) != len(c.exits) {
				t.Fatalf("%d exits, want %d", len(x.Exits), len(c.exits))
			}
			for i, e := range x.Exits {
				first := e.Places[0]
				got := [3]int{int(first.PC - f.Entry), int(e.Ret - f.Entry), e.Frame}
				if got != c.exits[i] {
					t.Errorf("exit %d: %v, want %v", i, got, c.exits[i])
				}
				code, err := first.Code(0)
				if err != nil || len(code) < 5 || code[len(code)-1] != popBP || len(code) > int(e.Ret-first.PC) {
					t.Errorf("exit %d: epilogue % x, %v", i, code, err)
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
		"branch to the padding":         {setup + "4883ec10 | 24 7405 4883c410 | 8 5d | 0 90 c3", BranchInside},
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
			case b[o] == ret:
				return 0, true
			case b[o] == popBP:
				return 8, true
			}
			if o < 16 { // a prologue
				return 0, true
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
			r := int(e.Ret) - entry
			if r >= len(b) || b[r] != ret || e.Frame != int(frame) || e.Frame <= 8 || len(e.Places) == 0 {
				t.Fatalf("exit %+v", e)
			}
			for i, p := range e.Places {
				o := int(p.PC) - entry
				code, err := p.Code(p.PC)
				if err != nil || o < 0 || o+len(code) > r || i > 0 && o+5 > len(b) || !bytes.Equal(code, b[o:o+len(code)]) {
					t.Fatalf("place %d of %+v: % x, %v", i, e, code, err)
				}
			}
		}
		if k := x.Check; k != nil {
			o, enough := int(k.PC)-entry, int(k.Enough)-entry
			if o < 0 || enough < o+6 || enough >= len(b) || int(k.More)-entry < 0 || int(k.More)-entry >= len(b) || !bytes.Equal(k.Code[:], b[o:o+4]) {
				t.Fatalf("check %+v", k)
			}
		}
	})
}

// TestPlaces: beside the epilogue, what else a jump may replace.
func TestPlaces(t *testing.T) {
	for name, c := range map[string]struct {
		src  string
		want string // offset:code, a place a field, of the last exit
	}{
		// 31c0 and 488d7b07 are too short: something begins within five bytes.
		"registers and the frame": {
			setup + "4883ec10 | 24 e800000000 31c0 488b5c2408 488d7b07 4883c410 | 8 5d | 0 c3 0f0b0f0b",
			"24:4883c4105d 15:488b5c2408488d7b074883c4105d"},
		"a load that may fault ends it": {
			setup + "4883ec10 | 24 488b5c2408 488b03 488b4c2410 4883c410 | 8 5d | 0 c3", "21:4883c4105d 16:488b4c24104883c4105d"},
		"a branch target ends it": {
			setup + "4883ec10 | 24 7405 488b5c2408 488b4c2410 4883c410 | 8 5d | 0 c3", "20:4883c4105d 15:488b4c24104883c4105d"},
		"a jump table": {
			setup + "4883ec10 | 24 ff24c8 488b4c2410 4883c410 | 8 5d | 0 c3", "16:4883c4105d"},
		"no change of the stack pointer": {
			setup + "4883ec10 | 24 488d642408 4883c410 | 8 5d | 0 c3", "13:4883c4105d"},
	} {
		t.Run(name, func(t *testing.T) {
			f := code(t, c.src)
			x, err := Scan(f)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range x.Exits[len(x.Exits)-1].Places {
				b, err := p.Code(p.PC + 0x1000)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, fmt.Sprintf("%d:%x", p.PC-f.Entry, b))
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("got %s, want %s", s, c.want)
			}
		})
	}
}

// TestPlaceMoves: an operand relative to the instruction pointer means the same
// address elsewhere.
func TestPlaceMoves(t *testing.T) {
	f := code(t, setup+"4883ec10 | 24 488b0500100000 4883c410 | 8 5d | 0 c3 0f0b0f0b") // MOVQ 0x1000(IP), AX
	x, err := Scan(f)
	if err != nil {
		t.Fatal(err)
	}
	p := x.Exits[0].Places[1]
	for _, by := range []int64{0, 1, -4096, 1 << 30} {
		b, err := p.Code(p.PC + uintptr(by))
		if err != nil {
			t.Fatal(err)
		}
		if d := int64(int32(binary.LittleEndian.Uint32(b[3:]))); d != 0x1000-by {
			t.Errorf("moved by %d: distance %d", by, d)
		}
	}
	if _, err := p.Code(p.PC + 1<<32); err == nil {
		t.Error("out of reach, and no error")
	}
}
