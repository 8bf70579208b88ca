package insn

import (
	"bufio"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestVexLenOfEveryInstruction reads the Go assembler's own test data, which has
// the encoding of each instruction beside it.
func TestVexLenOfEveryInstruction(t *testing.T) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(strings.TrimSpace(string(root)), "src/cmd/asm/internal/asm/testdata")
	files, _ := filepath.Glob(filepath.Join(dir, "avx512enc/*.s"))
	files = append(files, filepath.Join(dir, "amd64enc.s"), filepath.Join(dir, "amd64enc_extra.s"))
	seen := 0
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Skip("this installation of Go is without the assembler's test data: ", err)
		}
		sc := bufio.NewScanner(f)
		for sc.Scan() {
			_, comment, _ := strings.Cut(sc.Text(), "//")
			comment = strings.TrimSpace(comment)
			// Some lines give alternatives: "c5f877 or c4e17877".
			for _, h := range strings.Split(comment, " or ") {
				b, err := hex.DecodeString(strings.TrimSpace(h))
				if err != nil || len(b) < 3 || b[0] != 0xc4 && b[0] != 0xc5 && b[0] != 0x62 {
					continue
				}
				seen++
				// What follows must not matter.
				if n := vexLen(append(b, 0x90, 0x90, 0x90, 0x90)); n != len(b) {
					t.Errorf("%s: vexLen = %d, want %d", strings.TrimSpace(sc.Text()), n, len(b))
				}
				for cut := range b {
					if n := vexLen(b[:cut]); n > cut {
						t.Errorf("%s: vexLen of the first %d bytes = %d", h, cut, n)
					}
				}
			}
		}
		f.Close()
		if err := sc.Err(); err != nil {
			t.Fatal(err)
		}
	}
	if seen < 10000 {
		t.Errorf("only %d instructions found", seen)
	}
}
