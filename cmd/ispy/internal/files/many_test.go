package files_test

import (
	"fmt"
	"strings"
	"testing"
)

// A directory of 100,000 files is no trouble.
func TestMany(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 1000
	}
	p := start(t, many("many", n))
	last := fmt.Sprintf("f%06d", n-1)
	for _, line := range []string{"ls test/many", "ls -l test/many", "find test/many -type f", "tree test/many", "grep -r content test/many"} {
		out, errs, code := p.run(strings.Fields(line)...)
		if got := strings.Count(out, "f0"); code != 0 || errs != "" || got != n || !strings.Contains(out, last) {
			t.Errorf("%s: code %d, %q, %d files", line, code, errs, got)
		}
	}
}
