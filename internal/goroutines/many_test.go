package goroutines

import (
	"bytes"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// TestMany takes the dump of very many goroutines.
func TestMany(t *testing.T) {
	lock(t)
	parkGoroutines(t, many)
	d := takeUntil(t, func(d *Dump) bool {
		n := 0
		for i := range d.gs {
			if d.stateOf(&d.gs[i]) == "chan receive" {
				n++
			}
		}
		return n >= many
	})
	if n := runtime.NumGoroutine(); d.Len() < n || d.Len() > n+3 {
		t.Errorf("%d goroutines, the program has %d", d.Len(), n)
	}
	if d.Creators == nil {
		without := 0
		for g := range d.All() {
			if g.Creator == nil && g.ID != 1 {
				without++
			}
		}
		if without > 0 {
			t.Errorf("%d goroutines have no creator", without)
		}
	}
	const limit = 16 << 20
	var b bytes.Buffer
	if err := d.WriteText(t.Context(), &b, Options{Limit: limit}); err != nil {
		t.Fatal(err)
	}
	shown := strings.Count(b.String(), "\ngoroutine ")
	if m := regexp.MustCompile(`# cut: \d+ of \d+ goroutines`).MatchString(b.String()); b.Len() > limit || m != (shown < d.Len()) {
		t.Errorf("%d bytes, %d of %d goroutines, cut: %v", b.Len(), shown, d.Len(), m)
	}
	// The ten stacks of the parked ones come first.
	groups := d.Groups()
	for i, g := range groups[:10] {
		if g.Count != many/10 {
			t.Errorf("group %d has %d goroutines, want %d", i, g.Count, many/10)
		}
	}
	b.Reset()
	if err := d.WriteStacks(t.Context(), &b, Options{}); err != nil || b.Len() > 1<<20 {
		t.Errorf("%v, %d bytes of stacks", err, b.Len())
	}
}
