package globals

import (
	"strconv"
	"testing"
)

// BenchmarkRead looks up, opens, reads and closes a variable, beside the file of a
// constant, in a program that has debug information. What a client waits for is the
// socket on top of both.
func BenchmarkRead(b *testing.B) {
	h := start(b, build(b), writing)
	for _, path := range []string{"pid", "globals/main.limit", "globals/main.main3", "globals/main.main3.items[3].Tags", "globals/main.many"} {
		b.Run(path, func(b *testing.B) {
			total, n := 0, 0
			for b.Loop() {
				a := h.do("bench", path, "")
				ns, err := strconv.Atoi(a.Text)
				if err != nil {
					b.Fatal(a.Error, err)
				}
				total += ns
				n++
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(total)/float64(n), "ns/read")
		})
	}
}
