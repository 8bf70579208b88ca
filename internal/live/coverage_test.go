package live

import (
	"math/rand/v2"
	"testing"
)

// TestCoverage compares with a bit for each word of a small memory.
func TestCoverage(t *testing.T) {
	const memory = 300 * pageSize
	for seed := range uint64(5) {
		r := rand.New(rand.NewPCG(seed, 1))
		var c coverage
		plain := make([]bool, memory/wordSize)
		total := int64(0)
		for range 300 {
			n := 1 + r.IntN(100)
			switch r.IntN(4) {
			case 0:
				n = 1 + r.IntN(3*pageSize)
			case 1:
				n = 1 + r.IntN(memory/2)
			}
			addr := r.IntN(memory - n)
			if r.IntN(4) == 0 {
				addr &^= pageSize - 1
			}
			want := int64(0)
			for i := addr / wordSize; i <= (addr+n-1)/wordSize; i++ {
				if !plain[i] {
					plain[i] = true
					want += wordSize
				}
			}
			if got := c.add(uintptr(addr), uintptr(n)); got != want {
				t.Fatalf("seed %d: %d bytes at %d: %d are new, want %d", seed, n, addr, got, want)
			}
			total += want
		}
		if total == 0 || c.add(0, memory) != memory-total {
			t.Errorf("seed %d: the rest is not what is left of %d", seed, total)
		}
		if len(c.huge) != 1 || len(c.pages) != 0 {
			t.Errorf("seed %d: all of it is %d spans and %d pages", seed, len(c.huge), len(c.pages))
		}
	}
}
