package debugger_test

import (
	"strings"
	"testing"

	"github.com/ispyd/ispyd/internal/probes/panics"
)

// A probe that takes more than its share removes itself, and says so.
func TestShare(t *testing.T) {
	needEngine(t)
	tr := opened(t, on+"rate = 1000\nburst = 1000\nshare = 0.01\n")
	tr.must("insert " + order)
	shop := newShop()
	await(t, "the probe's end", func() bool {
		caught(func() { shop.order(7, "Ada") })
		return !panics.Installed()
	})
	got := tr.awaitFile("events", "\tremove\t"+order)
	if !strings.Contains(got, "the probe took more than 0.01% of a CPU") {
		t.Errorf("events: %s", got)
	}
	if n := strings.Count(tr.read("probes"), "\n"); n > 1 {
		t.Errorf("probes:\n%s", tr.read("probes"))
	}
	unchanged(t)
}
